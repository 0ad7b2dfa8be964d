/** Look-ups of recipients that fail, in the log: while accounts are away there is one for each RCPT, and a line once in a while says as much. */
import type { Clock, Log } from 'posthouse/api'

const EVERY_MS = 60_000

export class Outage {
  readonly #clock: Clock
  #told = Number.NEGATIVE_INFINITY
  /** Since then. */
  #untold = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(log: Log, to: string, error: unknown): void {
    const now = this.#clock.now()
    if (now - this.#told < EVERY_MS) {
      this.#untold++
      log.debug({ to, err: error }, 'recipient look-up failed')
      return
    }
    log.error({ to, err: error, ...(this.#untold > 0 && { others: this.#untold }) }, 'recipient look-up failed')
    this.#told = now
    this.#untold = 0
  }
}
