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
/** RFC 4865 §4.1: up to nine digits. */
const SECONDS = /^\d{1,9}$/
/** RFC 3339 §5.6, in the one way RFC 4865 §4.1 leaves open to read it wrongly: with a zone. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i
/** RFC 6710 §3: −9 … 9. */
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
      if (!SECONDS.test(value)) return badParameter(keyword, 'a number of seconds')
      return takeHold(keyword, bounds.now + Number(value) * 1000, bounds, wishes)
    case 'HOLDUNTIL': {
      const until = DATE_TIME.test(value) ? Date.parse(value.toUpperCase()) : Number.NaN
      if (Number.isNaN(until)) return badParameter(keyword, 'a date and time such as 2030-01-31T12:00:00Z')
      return takeHold(keyword, until, bounds, wishes)
    }
    default:
      if (!PRIORITY.test(value)) return badParameter(keyword, 'a number from -9 to 9')
      wishes.priority = Math.min(Number(value), bounds.maxPriority)
      return undefined
  }
}

/** What only all parameters together can tell. */
export function contradiction({ deliverBy, holdUntil }: Wishes): SmtpReply | undefined {
  const never = deliverBy?.mode === 'return' && holdUntil !== undefined && deliverBy.at <= holdUntil
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
    // RFC 2852 §4: what shall go back must have had time; and no less of it than was announced.
    if (ms <= 0) return badParameter('BY', 'a time to come, as it shall go back afterwards')
    if (ms < leastByMs) return REPLY.tooSoon
  }
  wishes.deliverBy = deliverBy
  return undefined
}

/** RFC 4865 §4.1: one of the two, and not beyond what was announced. A time that is past already is no wait. */
function takeHold(
  keyword: string,
  until: number,
  { now, maxHoldMs }: WishBounds,
  wishes: Taken,
): SmtpReply | undefined {
  if (wishes.holdUntil !== undefined) return badParameter(keyword, 'either HOLDFOR or HOLDUNTIL')
  if (until > now + maxHoldMs) return badParameter(keyword, `at most ${Math.floor(maxHoldMs / 1000)} seconds from now`)
  wishes.holdUntil = until
  return undefined
}
