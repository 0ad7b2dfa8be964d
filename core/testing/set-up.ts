/**
 * Sets one plugin up without a server. Its config is checked by its schema exactly as plugins.yaml would be, so a test sees the same
 * faults an admin would; what a test does not give is there in its plainest form.
 */
import type {
  Call,
  Contribution,
  Hooks,
  JsonSchema,
  Log,
  Plugin,
  Resolver,
  ServerFacts,
  Services,
  ServiceTable,
  State,
} from '../api/index.js'
import { ConfigError, MailError } from '../api/index.js'
import { filesIn } from '../config/files.js'
import { YamlSource } from '../config/yaml.js'
import { aServer } from './asked.js'
import { quietLog } from './log.js'

export interface SetUpOptions {
  /** What `with:` would hold. */
  readonly config?: unknown
  readonly services?: Partial<ServiceTable>
  readonly server?: Partial<ServerFacts>
  readonly log?: Log
  readonly dns?: Partial<Resolver>
  readonly state?: State
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

export interface SetUp {
  readonly contribution: Contribution
  readonly hooks: Hooks
  /** The second argument of hooks. */
  readonly call: Call
  /** Ends what the plugin was given: fires its `signal`, then disposes of it. */
  end(): Promise<void>
}

/** Throws `ConfigError` when the config does not fit the plugin's schema. */
export async function setUp<S extends JsonSchema>(plugin: Plugin<S>, options: SetUpOptions = {}): Promise<SetUp> {
  const source = new YamlSource('with', JSON.stringify(options.config ?? {}))
  const checked = source.check(plugin.config)
  if (checked.faults.length > 0 || checked.value === undefined) throw new ConfigError(checked.faults)
  const server = aServer(options.server)
  const log = options.log ?? quietLog
  const ending = new AbortController()
  const contribution = await plugin.setup({
    config: checked.value,
    files: filesIn(server.configDir),
    services: servicesOf(options.services ?? {}),
    log,
    metrics: { count: () => undefined, observe: () => undefined },
    state: options.state ?? emptyState(),
    dns: { ...noDns, ...options.dns },
    clock: { now: options.now ?? Date.now },
    server,
    bus: { publish: () => undefined, subscribe: () => () => undefined },
    signal: ending.signal,
  })
  return {
    contribution,
    hooks: contribution.hooks ?? {},
    call: { signal: ending.signal, log },
    async end() {
      ending.abort()
      await contribution.dispose?.()
    },
  }
}

function servicesOf(given: Partial<ServiceTable>): Services {
  return {
    find: name => given[name],
    get(name) {
      const service = given[name]
      if (service === undefined)
        throw new Error(`the test gives no service ${name}: setUp(plugin, { services: { ${name} } })`)
      return service
    },
  }
}

function trouble(): Promise<never> {
  return Promise.reject(new MailError('dns-unavailable', 'the test gives no name service'))
}

const noDns: Resolver = { configured: false, mx: trouble, a: trouble, aaaa: trouble, txt: trouble, ptr: trouble }

/** Enough of a State for one test: counts and remembers, and forgets by time. */
function emptyState(): State {
  const kept = new Map<string, { value: string; expires: number }>()
  const live = (key: string, now: number) => {
    const entry = kept.get(key)
    return entry !== undefined && entry.expires > now ? entry.value : undefined
  }
  return {
    get: async (key, now) => live(key, now),
    put: async (key, value, expires) => {
      kept.set(key, { value, expires })
    },
    add: async (key, by, now, expires) => {
      const count = Number(live(key, now) ?? 0) + by
      kept.set(key, { value: String(count), expires })
      return count
    },
    remove: async key => {
      kept.delete(key)
    },
  }
}
