/**
 * Destinations that answer to each recipient slowly. Five minutes are allowed for each (RFC 5321 §4.5.3.2.3), and with a hundred of them no message would ever
 * be sent before its attempt is over: such a destination is offered as many at a time as it answers to in a third of an attempt. Kept in memory by each process, as
 * a mistake costs one attempt.
 */

/** Longer than from one attempt to the next. */
const KEEP_MS = 24 * 3_600_000
const MOST = 1000
/** Core ends an attempt after 30 minutes; the message and its answer (10 minutes, RFC 5321 §4.5.3.2.6) need their part. */
const ENVELOPE_MS = 10 * 60_000
/** Of a destination that answers faster nothing is kept. */
const SLOW_MS = 100

export class Paces {
  readonly #slow = new Map<string, { readonly atOnce: number; readonly until: number }>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** How many recipients to offer there in one transaction. */
  atOnce(destination: string): number {
    const known = this.#slow.get(destination)
    return known === undefined || known.until <= this.#now() ? Number.POSITIVE_INFINITY : known.atOnce
  }

  /** `ms`: how long each of MAIL and RCPT waited for its answer there. */
  note(destination: string, ms: number): void {
    this.#slow.delete(destination)
    if (ms < SLOW_MS) return
    // The one noted longest ago.
    const [oldest] = this.#slow.keys()
    if (oldest !== undefined && this.#slow.size >= MOST) this.#slow.delete(oldest)
    const atOnce = Math.max(1, Math.floor(ENVELOPE_MS / ms))
    this.#slow.set(destination, { atOnce, until: this.#now() + KEEP_MS })
  }
}
