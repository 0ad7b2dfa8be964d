/**
 * MAIL parameters by which a sender asks something of everybody who carries the message: REQUIRETLS (RFC 8689), BY (RFC 2852), HOLDFOR and
 * HOLDUNTIL (RFC 4865), MT-PRIORITY (RFC 6710). Each is read and checked by its RFC here; the queue and the targets act on them. Pure:
 * times become points in time by the clock that is handed in.
 */
import type { DeliverBy, SmtpReply, Wishes } from '../api/index.js'
import { badParameter, REPLY } from './replies.js'

/** Bounds of what may be wished for. */
export interface WishBounds {
  readonly now: number
  readonly maxHoldMs: number
  readonly leastByMs: number
  readonly maxPriority: number
}

export type WishKeyword = 'REQUIRETLS' | 'BY' | 'HOLDFOR' | 'HOLDUNTIL' | 'MT-PRIORITY'

/** The extension each belongs to. */
export const WISH_KEYWORDS: ReadonlyMap<string, string> = new Map<WishKeyword, string>([
  ['REQUIRETLS', 'REQUIRETLS'],
  ['BY', 'DELIVERBY'],
  ['HOLDFOR', 'FUTURERELEASE'],
  ['HOLDUNTIL', 'FUTURERELEASE'],
  ['MT-PRIORITY', 'MT-PRIORITY'],
])

/** RFC 2852 §4: by-time is up to nine digits, by-mode R or N, by-trace T. */
const BY = /^([+-]?\d{1,9});([RN])(T?)$/i
/** RFC 4865 §3: 1 to 999999999, no zero in front. */
const SECONDS = /^[1-9]\d{0,8}$/
/** RFC 3339 §5.6; RFC 4865 §3 wants it in UTC. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]00:00)$/i
/** RFC 6710 §3, §7: −9 … 9. */
const PRIORITY = /^(?:-?[1-9]|0)$/

type Taken = { -readonly [K in keyof Wishes]: Wishes[K] }

/** Adds to `wishes`; a reply when the value is not to be. */
export function takeWish(keyword: string, value: string, bounds: WishBounds, wishes: Taken): SmtpReply | undefined {
  switch (keyword) {
    case 'REQUIRETLS':
      // RFC 8689 §2: no value.
      if (value !== '') return badParameter(keyword, 'no value')
      wishes.requireTls = true
      return undefined
    case 'BY':
      return takeDeliverBy(value, bounds, wishes)
    case 'HOLDFOR':
      if (!SECONDS.test(value)) return badParameter(keyword, 'a number of seconds, 1 or more')
      return takeHold(keyword, value, bounds.now + Number(value) * 1000, bounds, wishes)
    case 'HOLDUNTIL': {
      const until = readTime(value)
      if (until === undefined) return badParameter(keyword, 'a date and time in UTC such as 2030-01-31T12:00:00Z')
      return takeHold(keyword, value, until, bounds, wishes)
    }
    default:
      if (!PRIORITY.test(value)) return badParameter(keyword, 'a number from -9 to 9')
      wishes.priority = Math.min(Number(value), bounds.maxPriority)
      return undefined
  }
}

/** What only all parameters together can tell. */
export function contradiction({ deliverBy, holdUntil }: Wishes): SmtpReply | undefined {
  // RFC 4865 §5.2.2: whatever shall be done when the time is over, it is not over before the message sets out.
  const never = deliverBy !== undefined && holdUntil !== undefined && deliverBy.at <= holdUntil
  return never ? badParameter('BY', 'a time after the one it is held for') : undefined
}

function takeDeliverBy(value: string, { now, leastByMs }: WishBounds, wishes: Taken): SmtpReply | undefined {
  const [whole, time = '', mode = '', trace = ''] = BY.exec(value) ?? []
  if (whole === undefined) return badParameter('BY', 'seconds;R or seconds;N, with T for a trace')
  const ms = Number(time) * 1000
  const deliverBy: DeliverBy = {
    at: now + ms,
    mode: mode.toUpperCase() === 'R' ? 'return' : 'notify',
    trace: trace !== '',
  }
  if (deliverBy.mode === 'return') {
    // RFC 2852 §4: what shall go back must have had time; §3: and no less of it than was announced.
    if (ms <= 0) return badParameter('BY', 'a time to come, as it shall go back afterwards')
    if (ms < leastByMs) return REPLY.tooSoon
  }
  wishes.deliverBy = deliverBy
  return undefined
}

/** `undefined` too for a day that is in no calendar, which `Date` would take for one of the next month. */
function readTime(value: string): number | undefined {
  if (!DATE_TIME.test(value)) return undefined
  const at = Date.parse(value.toUpperCase())
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== value.slice(0, 10) ? undefined : at
}

/** RFC 4865 §4.2: one of the two, and not beyond what was announced. A time that is past already is no wait: clocks differ. */
function takeHold(
  keyword: 'HOLDFOR' | 'HOLDUNTIL',
  value: string,
  until: number,
  { now, maxHoldMs }: WishBounds,
  wishes: Taken,
): SmtpReply | undefined {
  if (wishes.holdUntil !== undefined) return badParameter(keyword, 'either HOLDFOR or HOLDUNTIL')
  if (until > now + maxHoldMs) return badParameter(keyword, `at most ${Math.floor(maxHoldMs / 1000)} seconds from now`)
  wishes.holdUntil = until
  wishes.holdAsked = `${keyword === 'HOLDFOR' ? 'for' : 'until'};${value}`
  return undefined
}
