/**
 * Whether the process has time for what nobody waits for. At first only while it has hardly anything else to do; where such a moment has not come for
 * long, half of its time will do, and goes on to do until it has come: or what is put off under a steady load would only grow. And one step in a while
 * is made however busy it is: a load that never falls must not put things off for good.
 */

/** The share of the last moment in which the process may have been busy. */
const BUSY = 0.2
const BUSY_AT_LAST = 0.5
const PATIENCE_MS = 10_000
/** From one step to the next, whatever the load. A step is bounded by whoever makes it. */
const AT_LEAST_EVERY_MS = 60_000

export class Leisure {
  /** Since when there was no moment of hardly any load. */
  #triedSince: number | undefined
  /** The last time that something might be done; at first, since when it is wanted. */
  #stepped: number | undefined

  /** `now`: milliseconds of a monotonic clock. `busy`: share of the last moment. */
  allows(now: number, busy: number): boolean {
    this.#triedSince ??= now
    this.#stepped ??= now
    if (busy < BUSY) this.#triedSince = undefined
    const patient = busy < BUSY_AT_LAST && now - (this.#triedSince ?? now) >= PATIENCE_MS
    const may = busy < BUSY || patient || now - this.#stepped >= AT_LEAST_EVERY_MS
    if (may) this.#stepped = now
    return may
  }

  /** Nothing is to be done any more. */
  over(): void {
    this.#triedSince = undefined
    this.#stepped = undefined
  }
}
