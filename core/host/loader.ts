/**
 * Sets plugins up and gathers what they contribute. Either everything is right and `Loaded` comes back, or a `ConfigError` holds all
 * faults that could be found at once, and what had been set up is disposed of again.
 * The entries keep the order of plugins.yaml: that is the order of asking.
 */
import { join } from 'node:path'
import {
  type Accounts,
  type Bus,
  type Clock,
  ConfigError,
  type Contribution,
  type Fault,
  type Files,
  type Log,
  MailError,
  type Metrics,
  type PluginContext,
  type Resolver,
  type ServerFacts,
  type Services,
  type ServiceTable,
  type State,
} from '../api/index.js'
import { filesIn, inOrder } from '../config/files.js'
import { KeptYaml } from '../config/kept-yaml.js'
import type { Config } from '../config/types.js'
import { keyIn } from '../storage/key-file.js'
import { messageOf } from '../storage/message.js'
import { JoinedAccounts } from './accounts/joined.js'
import { type FoundPlugin, findPlugins, placeOf } from './find.js'
import { gather } from './gather.js'
import { faultsOfRest, type Loaded, type LoadedEntry } from './loaded.js'
import { metricsOf } from './metrics.js'
import { setupOrder } from './order.js'
import type { Rehearsal } from './rehearsal.js'
import { misshapen } from './shape.js'

const SETUP_MS = 60_000

export interface LoadBase {
  readonly log: Log
  readonly metrics: Metrics
  readonly dns: Resolver
  readonly clock: Clock
  readonly server: ServerFacts
  readonly bus: Bus
  /** Fires at shutdown. */
  readonly signal: AbortSignal
  readonly purpose: PluginContext<never>['purpose']
  /** What core supplies: `authenticator`. */
  readonly services: Partial<ServiceTable>
  /** Mail is only judged again: plugins change nothing. */
  readonly rehearsal?: Rehearsal
}

/** Throws `ConfigError`. */
export async function loadPlugins(config: Config, base: LoadBase): Promise<Loaded> {
  const { found, faults, mightSupply } = await findPlugins(config.plugins, config.dir)
  const given = new Set(Object.keys(base.services))
  const parties = found.map(({ plugin }) => ({
    name: plugin.name,
    needs: plugin.needs ?? [],
    supplies: plugin.supplies ?? [],
  }))
  const { order, problems } = setupOrder(parties, given, mightSupply)
  const wrong: Fault[] = [...faults, ...problems.map(p => found[p.index]!.entry.fault(['use'], p.message))]
  const stage = new Stage(config, base, found)
  for (const index of order) wrong.push(...(await stage.setUp(found[index]!)))
  const entries = stage.entriesLike(found)
  const gathered = gather(entries, config, wrong.length === 0)
  wrong.push(...gathered.faults)
  if (wrong.length > 0) {
    // All that are wrong are told at once, also those that are found behind open doors.
    if (base.purpose === 'serve') wrong.push(...(await faultsOfRest({ entries })))
    await stage.dispose()
    throw new ConfigError(inOrder(wrong))
  }
  await config.kept?.save()
  const { services, accounts } = stage
  return { ...gathered.together, entries, services, accounts, dispose: () => stage.dispose() }
}

/** Plugins as they are set up one after the other, and the services they have put on the table so far. */
class Stage {
  readonly #base: LoadBase
  readonly #table: Map<string, unknown>
  readonly #files: Files
  readonly #found: readonly FoundPlugin[]
  readonly #done = new Map<FoundPlugin, Contribution>()
  readonly services: Services
  /** All sources of them that are set up so far. */
  readonly accounts: JoinedAccounts

  /** `found` in the order of plugins.yaml. */
  constructor(config: Config, base: LoadBase, found: readonly FoundPlugin[]) {
    this.#base = base
    this.#found = found
    this.#table = new Map(Object.entries(base.services))
    this.#files = filesIn(config.dir, { yaml: KeptYaml.in(config.dataDir), checks: config.kept })
    this.services = servicesOf(this.#table)
    // A rehearsal changes nothing.
    const state = () => (base.rehearsal === undefined ? this.services.find('state') : undefined)
    this.accounts = new JoinedAccounts({ ...base, state })
  }

  /** The faults found on the way; with one, the plugin contributes nothing. */
  async setUp(found: FoundPlugin): Promise<readonly Fault[]> {
    const { entry, plugin } = found
    if ((plugin.needs ?? []).some(service => !this.#table.has(service))) return []
    try {
      const contribution = await withinTime(plugin.setup(this.#contextOf(found)))
      const wrong = misshapen(contribution)
      if (wrong.length > 0) return wrong.map(message => entry.fault(['use'], `"${plugin.name}" ${message}`))
      this.#done.set(found, contribution)
      return this.#takeServices(found, contribution)
    } catch (error) {
      // a plugin with a Posthouse of its own would throw another class of the same name
      if (error instanceof Error && error.name === 'ConfigError') return (error as ConfigError).faults
      this.#base.log.debug({ plugin: plugin.name, err: error }, 'plugin could not be set up')
      const told = `${String((error as Error)?.message ?? error)}${placeOf(error)}`
      return [entry.fault(['use'], `"${plugin.name}" could not be set up: ${told}`)]
    }
  }

  #takeServices(found: FoundPlugin, contribution: Contribution): readonly Fault[] {
    const { entry, plugin } = found
    const promised = new Set<string>(plugin.supplies ?? [])
    const brought = new Map(Object.entries(contribution.services ?? {}))
    const { rehearsal } = this.#base
    for (const [name, service] of brought) {
      if (!promised.has(name)) continue
      const kept = rehearsal?.service(name, service) ?? service
      if (name === 'accounts' && this.accounts.sources.some(source => source.name === (kept as Accounts).name))
        return [entry.fault(['with', 'name'], sameName((kept as Accounts).name!))]
      this.#table.set(name, name === 'accounts' ? this.#withAccounts(found, kept as Accounts) : kept)
    }
    const wrong = [
      ...[...promised].filter(name => !brought.has(name)).map(name => `promises the service "${name}" and brings none`),
      ...[...brought.keys()]
        .filter(name => !promised.has(name))
        .map(name => `brings "${name}" without naming it in supplies`),
    ]
    return wrong.map(message => entry.fault(['use'], `"${plugin.name}" ${message}`))
  }

  #withAccounts(found: FoundPlugin, accounts: Accounts): JoinedAccounts {
    this.accounts.add({ plugin: found.plugin.name, place: this.#found.indexOf(found), accounts })
    return this.accounts
  }

  #contextOf({ entry, plugin, config }: FoundPlugin): PluginContext<never> {
    const { log, metrics, dns, clock, server, bus, signal, purpose, rehearsal } = this.#base
    const state = stateOf(plugin.name, this.services)
    return {
      config: config as never,
      fault: (path, message) => entry.fault(['with', ...path], message),
      files: this.#files,
      services: rehearsal?.servicesOf(plugin.name, this.services) ?? this.services,
      log: log.child({ plugin: plugin.name }),
      metrics: metricsOf(plugin.name, metrics),
      state: rehearsal?.stateOf(plugin.name, state) ?? state,
      dns: rehearsal?.dnsOf(plugin.name, dns) ?? dns,
      clock,
      server,
      bus,
      signal,
      purpose,
      messageOf,
      key: name => keyIn(join(server.dataDir, `${name}.key`)),
    }
  }

  entriesLike(found: readonly FoundPlugin[]): readonly LoadedEntry[] {
    return found.flatMap(one => {
      const contribution = this.#done.get(one)
      return contribution === undefined ? [] : [{ entry: one.entry, plugin: one.plugin, contribution }]
    })
  }

  /** The store last: what the others leave behind is on disk when this resolves. */
  async dispose(): Promise<void> {
    for (const [{ plugin }, contribution] of [...this.#done].reverse())
      await this.#ended(plugin.name, () => contribution.dispose?.())
    this.#done.clear()
    await this.#ended('store', () => this.services.find('store')?.close())
  }

  async #ended(plugin: string, end: () => unknown): Promise<void> {
    try {
      await withinTime(end())
    } catch (error) {
      this.#base.log.error({ plugin, err: error }, 'plugin could not be disposed of')
    }
  }
}

function servicesOf(table: ReadonlyMap<string, unknown>): Services {
  const find = <K extends keyof ServiceTable>(name: K) => table.get(name) as ServiceTable[K] | undefined
  return {
    find,
    get: name => {
      const service = find(name)
      if (service === undefined) throw new Error(`nobody supplies the service "${name}"`)
      return service
    },
  }
}

/** The store's `state`, found when it is used, with keys of the plugin's own. */
function stateOf(plugin: string, services: Services): State {
  const own = (key: string) => `${plugin}/${key}`
  const state = (): State => {
    const found = services.find('state')
    if (found === undefined) throw new MailError('store-unavailable', 'no plugin supplies the service "state"')
    return found
  }
  return {
    get: async (key, now) => state().get(own(key), now),
    put: async (key, value, expires) => state().put(own(key), value, expires),
    add: async (key, by, now, expires) => state().add(own(key), by, now, expires),
    spend: async (key, amount, budget, now) => state().spend(own(key), amount, budget, now),
    tally: async (key, amounts, fading, now) => state().tally(own(key), amounts, fading, now),
    enter: async (key, most, now) => state().enter(own(key), most, now),
    remove: async key => state().remove(own(key)),
    list: async (prefix, now, most) => {
      const entries = await state().list(own(prefix), now, most)
      return entries.map(entry => ({ ...entry, key: entry.key.slice(plugin.length + 1) }))
    },
  }
}

async function withinTime<T>(work: T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not ready after ${SETUP_MS / 1000} seconds`)), SETUP_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Ids of accounts, by which mail is kept, begin with it. */
function sameName(name: string): string {
  return `another source of accounts is called "${name}" already, and one would have the mail of the other's people; give this one a \`name\` of its own`
}
