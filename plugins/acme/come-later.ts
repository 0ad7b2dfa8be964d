/**
 * What an authority that has had enough of us asks for (RFC 8555 §6.6): to come again later, in `Retry-After`. A moment is waited for within
 * the order; hours end it, with the authority's own words, and the next order waits for them. Pure.
 */
import { printable } from 'posthouse/text'

/** Within an order. */
const MOMENT_MS = 30_000
const TOO_MANY = 429
const UNAVAILABLE = 503

export class ComeLater extends Error {
  readonly waitMs: number

  constructor(message: string, waitMs: number) {
    super(message)
    this.name = 'ComeLater'
    this.waitMs = waitMs
  }
}

export interface Refusal {
  readonly status: number | undefined
  readonly retryAfter: unknown
  /** The body: a problem document (RFC 7807), or whatever else. */
  readonly said: unknown
}

/** `undefined`: it can be waited for, or asks for nothing. */
export function comeLater({ status, retryAfter, said }: Refusal, now: number): ComeLater | undefined {
  if (status !== TOO_MANY && status !== UNAVAILABLE) return undefined
  const waitMs = waitOf(retryAfter, now)
  if (waitMs <= MOMENT_MS) return undefined
  const until = new Date(Math.min(now + waitMs, LAST_DATE_MS)).toISOString()
  return new ComeLater(`the authority wants to be left alone until ${until}: ${detailOf(said) ?? status}`, waitMs)
}

/** Of a `Date`: ECMA-262 §21.4.1.1. */
const LAST_DATE_MS = 8.64e15

/** RFC 9110 §10.2.3: seconds or a date; milliseconds, 0 for what is neither. */
function waitOf(retryAfter: unknown, now: number): number {
  if (typeof retryAfter !== 'string') return 0
  if (/^\d{1,10}$/.test(retryAfter)) return Number(retryAfter) * 1000
  const at = Date.parse(retryAfter)
  return Number.isNaN(at) ? 0 : Math.max(0, at - now)
}

function detailOf(said: unknown): string | undefined {
  if (typeof said !== 'object' || said === null || !('detail' in said)) return undefined
  return typeof said.detail === 'string' ? printable(said.detail, 300) : undefined
}
