/**
 * Whether the process has time for what nobody waits for. At first only while it has hardly anything else to do; where such a moment has not come for
 * long, half of its time will do, and goes on to do until it has come: or what is put off under a steady load would only grow.
 */

/** The share of the last moment in which the process may have been busy. */
const BUSY = 0.2
const BUSY_AT_LAST = 0.5
const PATIENCE_MS = 10_000

export class Leisure {
  /** Since when there was no moment of hardly any load. */
  #triedSince: number | undefined

  /** `now`: milliseconds of a monotonic clock. `busy`: share of the last moment. */
  allows(now: number, busy: number): boolean {
    this.#triedSince ??= now
    if (busy < BUSY) this.#triedSince = undefined
    return busy < BUSY || (busy < BUSY_AT_LAST && now - this.#triedSince! >= PATIENCE_MS)
  }

  /** Nothing is to be done any more. */
  over(): void {
    this.#triedSince = undefined
  }
}
