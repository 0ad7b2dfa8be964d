/**
 * A short wait before the greeting for peers that deserve one: who speaks meanwhile is refused by core and remembered here, so that
 * its network waits the next time too. Everybody else is greeted at once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, definePlugin } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import { WaitingRoom } from './waiting.js'

/** Within the deadline of a hook (30 s), and the five minutes of RFC 5321 §4.5.3.2.1. */
const MOST_MS = 25_000

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    wait: { type: 'string', format: 'duration', default: '4s', description: 'how long; at most 25s' },
    labels: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: [],
      description: 'sessions with one of these labels wait; entries that set them stand above this one',
    },
    everyone: { type: 'boolean', default: false, description: 'everybody waits whom this entry is asked about' },
    remember: {
      type: 'string',
      format: 'duration',
      default: '7d',
      description: 'how long the network of an early talker waits, from its last offence on',
    },
    at_once: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 100,
      description: 'so many may wait at the same time, per worker; more are greeted at once',
    },
  },
} as const

export default definePlugin({
  name: 'early-talker',
  summary: 'lets suspicious clients wait for the greeting, and remembers those that do not',
  config: CONFIG,
  setup({ config, fault, state, clock, metrics }) {
    const waitMs = parseDuration(config.wait)!
    if (waitMs > MOST_MS) throw new ConfigError([fault(['wait'], `${config.wait} is too long; expected at most 25s`)])
    const room = new WaitingRoom({
      state,
      clock,
      waitMs,
      labels: config.labels,
      everyone: config.everyone,
      rememberMs: parseDuration(config.remember)!,
      atOnce: config.at_once,
      count: name => metrics.count(`early-talker.${name}`),
      // Rejects for nothing but the signal: the client has gone, or the time of the hook is over.
      pause: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
    })
    return {
      hooks: {
        connect: (asked, call) => room.connect(asked, call),
        disconnect: (asked, call) => room.disconnect(asked, call),
      },
    }
  },
})
