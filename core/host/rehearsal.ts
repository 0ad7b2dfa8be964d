/**
 * What plugins are given when mail is only judged again (`posthouse replay`): they read what is there and change nothing. A counter that is
 * added to says what it would be, and stays; whatever has no meaning in a rehearsal throws. It is noted which plugins asked for more than the
 * mail itself, since that may have changed since the mail came.
 */
import {
  type Clock,
  type Mailbox,
  MailError,
  type Resolver,
  type Services,
  type ServiceTable,
  type Spending,
  type State,
  type Store,
  type Table,
  type Tables,
} from '../api/index.js'

export class Rehearsal {
  #at: number | undefined
  /** For the plugins it is the time when the mail came: its own dates are judged by that. */
  readonly clock: Clock = { now: () => this.#at ?? Date.now() }
  readonly #historic = new Set<string>()
  readonly #outward = new Set<string>()

  /** `undefined`: now. */
  setTime(at: number | undefined): void {
    this.#at = at
  }

  /** Plugins that have asked what happened before. */
  get historic(): ReadonlySet<string> {
    return this.#historic
  }

  /** Plugins that have asked the name service. */
  get outward(): ReadonlySet<string> {
    return this.#outward
  }

  /** A service that a plugin supplies, as others see it. */
  service(name: string, service: unknown): unknown {
    if (name === 'store') return stillStore(service as ServiceTable['store'])
    if (name === 'tables') return stillTables(service as ServiceTable['tables'])
    return service
  }

  stateOf(plugin: string, state: State): State {
    const read = <T>(work: () => Promise<T>): Promise<T> => {
      this.#historic.add(plugin)
      return work()
    }
    return {
      get: (key, now) => read(() => state.get(key, now)),
      list: (prefix, now, most) => read(() => state.list(prefix, now, most)),
      put: async () => undefined,
      tally: async () => undefined,
      add: (key, by, now) => read(async () => Number((await state.get(key, now)) ?? 0) + by),
      spend: (key, _amount, budget, now) => read((): Promise<Spending> => state.spend(key, 0, budget, now)),
      enter: async () => ({ leave: async () => undefined }),
      remove: async () => false,
    }
  }

  /** The same services; what is read from tables is of what happened before, too. */
  servicesOf(plugin: string, services: Services): Services {
    const noting = (tables: Tables): Tables => ({
      table: name => {
        const table = tables.table(name)
        const read = <T>(work: Promise<T>): Promise<T> => {
          this.#historic.add(plugin)
          return work
        }
        return {
          get: keys => read(table.get(keys)),
          list: (prefix, after, most) => read(table.list(prefix, after, most)),
          size: () => read(table.size()),
          write: changes => table.write(changes),
        }
      },
    })
    const seen = <K extends keyof ServiceTable>(name: K, service: ServiceTable[K] | undefined) =>
      name === 'tables' && service !== undefined ? (noting(service as Tables) as ServiceTable[K]) : service
    return {
      find: name => seen(name, services.find(name)),
      get: name => seen(name, services.get(name))!,
    }
  }

  dnsOf(plugin: string, dns: Resolver): Resolver {
    const asked = <A extends unknown[], T>(ask: (...given: A) => Promise<T>) => {
      return (...given: A): Promise<T> => {
        this.#outward.add(plugin)
        return ask(...given)
      }
    }
    return {
      configured: dns.configured,
      mx: asked(dns.mx),
      a: asked(dns.a),
      aaaa: asked(dns.aaaa),
      txt: asked(dns.txt),
      ptr: asked(dns.ptr),
    }
  }
}

function stillStore(store: Store): Store {
  return {
    blobs: { draft: refuse, read: (id, from, to) => store.blobs.read(id, from, to) },
    queue: onlyReading(store.queue, ['get', 'list', 'totals', 'shape', 'holdRules']),
    mail: onlyReading(store.mail, ['list', 'find', 'subscriptions', 'usage'], {
      open: async (accountId, id) => stillMailbox(await store.mail.open(accountId, id)),
    }),
    trail: onlyReading(store.trail, ['of', 'find', 'reach']),
    accept: refuse,
    close: () => store.close(),
  }
}

function stillMailbox(mailbox: Mailbox): Mailbox {
  return onlyReading(mailbox, ['info', 'list', 'get', 'read', 'changes'])
}

function stillTables(tables: Tables): Tables {
  return { table: name => stillTable(tables.table(name)) }
}

function stillTable(table: Table): Table {
  return {
    get: keys => table.get(keys),
    list: (prefix, after, most) => table.list(prefix, after, most),
    size: () => table.size(),
    write: async () => undefined,
  }
}

function refuse(): never {
  throw new MailError('internal', 'nothing is changed while mail is only judged again')
}

/** The same object, without the methods that are not named, and with some in place of its own. */
function onlyReading<T extends object>(target: T, named: readonly string[], instead: Partial<T> = {}): T {
  const allowed = new Set<string | symbol>(named)
  return new Proxy(target, {
    get(from, name) {
      if (Object.hasOwn(instead, name)) return Reflect.get(instead, name)
      const value: unknown = Reflect.get(from, name, from)
      if (typeof value !== 'function') return value
      return allowed.has(name) ? value.bind(from) : refuse
    },
  })
}
