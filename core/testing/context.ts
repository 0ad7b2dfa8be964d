/** What a plugin's `setup` is given, in its plainest form: a test says only what it cares for. */
import { join } from 'node:path'
import type { Call, PluginContext, Resolver, Services, ServiceTable, State } from '../api/index.js'
import { MailError } from '../api/index.js'
import { filesIn } from '../config/files.js'
import { keyIn } from '../storage/key-file.js'
import { messageOf } from '../storage/message.js'
import { addToTally, spendFrom } from '../text/index.js'
import { aServer } from './asked.js'
import { quietLog } from './log.js'

export function aContext<Config>(config: Config, more: Partial<PluginContext<Config>> = {}): PluginContext<Config> {
  const server = more.server ?? aServer()
  return {
    config,
    fault: (path, message) => ({ file: path.join('.'), line: 1, column: 1, message }),
    server,
    files: filesIn(server.configDir),
    services: servicesOf({}),
    log: quietLog,
    metrics: { count: () => undefined, observe: () => undefined },
    state: emptyState(),
    dns: noDns,
    clock: { now: Date.now },
    bus: { publish: () => undefined, subscribe: () => () => undefined },
    signal: new AbortController().signal,
    purpose: 'serve',
    messageOf,
    key: name => keyIn(join(server.dataDir, `${name}.key`)),
    ...more,
  }
}

/** The second argument of hooks. */
export function aCall(more: Partial<Call> = {}): Call {
  return { signal: new AbortController().signal, log: quietLog, ...more }
}

export function servicesOf(given: Partial<ServiceTable>): Services {
  return {
    find: name => given[name],
    get(name) {
      const service = given[name]
      if (service === undefined) throw new Error(`the test gives no service ${name}: services: { ${name}: … }`)
      return service
    },
  }
}

function trouble(): Promise<never> {
  return Promise.reject(new MailError('dns-unavailable', 'the test gives no name service'))
}

/** A name service that is down; a test puts the answers it needs in its place. */
export const noDns: Resolver = { configured: false, mx: trouble, a: trouble, aaaa: trouble, txt: trouble, ptr: trouble }

/** Enough of a State for one test: counts and remembers, and forgets by time. */
function emptyState(): State {
  const kept = new Map<string, { value: string; expires: number }>()
  const places = new Map<string, number>()
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
    spend: async (key, amount, budget, now) => {
      const { keep, ...spending } = spendFrom(live(key, now), amount, budget, now)
      if (keep !== undefined) kept.set(key, keep)
      return spending
    },
    tally: async (key, amounts, fading, now) => {
      kept.set(key, addToTally(live(key, now), amounts, fading, now))
    },
    enter: async (key, most) => {
      const taken = places.get(key) ?? 0
      if (taken >= most) return undefined
      places.set(key, taken + 1)
      return {
        leave: async () => {
          places.set(key, (places.get(key) ?? 1) - 1)
        },
      }
    },
    remove: async key => kept.delete(key),
    list: async (prefix, now) =>
      [...kept]
        .filter(([key, { expires }]) => key.startsWith(prefix) && expires > now)
        .map(([key, entry]) => ({ key, ...entry })),
  }
}
