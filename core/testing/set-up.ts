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
  ServiceTable,
  State,
} from '../api/index.js'
import { ConfigError } from '../api/index.js'
import { YamlSource } from '../config/yaml.js'
import { aServer } from './asked.js'
import { aCall, aContext, noDns, servicesOf } from './context.js'
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
  const { log = quietLog, state, now = Date.now } = options
  const ending = new AbortController()
  const context = aContext(checked.value, {
    fault: (path, message) => source.fault(path, message),
    services: servicesOf(options.services ?? {}),
    server: aServer(options.server),
    log,
    ...(state === undefined ? {} : { state }),
    dns: { ...noDns, ...options.dns },
    clock: { now },
    signal: ending.signal,
  })
  const contribution = await plugin.setup(context)
  return {
    contribution,
    hooks: contribution.hooks ?? {},
    call: aCall({ signal: ending.signal, log }),
    async end() {
      ending.abort()
      await contribution.dispose?.()
    },
  }
}
