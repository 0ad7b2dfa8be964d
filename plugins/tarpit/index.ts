/**
 * Slows sessions down that are told no over and over: guessing addresses costs time, honest clients never notice. It refuses nobody.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Call, ConfigError, definePlugin, type Session } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import { slowDown, type TarpitParts } from './delays.js'

/** Within the deadline of a hook, 30 s. */
const MOST_MS = 25_000

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    free: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      default: 3,
      description: 'so many refused commands and recipients of a session cost nothing',
    },
    step: { type: 'string', format: 'duration', default: '1s', description: 'what each further one adds to the delay' },
    most: { type: 'string', format: 'duration', default: '15s', description: 'the longest delay; at most 25s' },
    labels: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: [],
      description: 'sessions with one of these labels are slowed by one step from the beginning',
    },
    at_once: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 50,
      description:
        'so many sessions may be held at the same time, in all workers together; others are answered at once',
    },
  },
} as const

export default definePlugin({
  name: 'tarpit',
  summary: 'slows down sessions that are refused over and over',
  config: CONFIG,
  setup({ config, fault, state, clock, metrics }) {
    const mostMs = parseDuration(config.most)!
    if (mostMs > MOST_MS) throw new ConfigError([fault(['most'], `${config.most} is too long; expected at most 25s`)])
    const parts: TarpitParts = {
      state,
      clock,
      free: config.free,
      stepMs: parseDuration(config.step)!,
      mostMs,
      labels: config.labels,
      atOnce: config.at_once,
      count: name => metrics.count(`tarpit.${name}`),
      // Rejects for nothing but the signal: the client has gone, or the time of the hook is over.
      pause: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
    }
    const slow = ({ session }: { readonly session: Session }, call: Call) =>
      session.protocol === 'smtp' && session.account === undefined && !session.trusted
        ? slowDown(session, parts, call)
        : undefined
    return { hooks: { helo: slow, mail: slow, rcpt: slow } }
  },
})
