/**
 * One clock per connection: it runs while the client owes us something. Every command and every chunk of data winds it again, nine times in a message, so the
 * timer is left alone and only told that it has seen nothing yet: a wait may be a tenth longer. Looks are counted and not time: when we are too busy to read
 * what came, we look less often, too.
 */

/** A wait is looked at so often before it is over: in between, it may have become shorter because connections run out. */
const LOOKS = 10

export class ClientClock {
  /** How long to wait in place of `ms` just now. */
  readonly #patience: (ms: number) => number
  readonly #expired: () => void
  #timer: NodeJS.Timeout | undefined
  /** What is waited for, when nobody is in a hurry. */
  #waitMs = 0
  /** How often it has looked since it was wound, and how long it is from one look to the next. */
  #looks = 0
  #lookMs = Number.POSITIVE_INFINITY
  #stopped = false

  /** `expired` is called at every look after the wait is over, until the clock is wound or stopped. */
  constructor(patience: (ms: number) => number, expired: () => void) {
    this.#patience = patience
    this.#expired = expired
  }

  /** So long from now on, and each time it is wound. */
  wait(ms: number): void {
    this.#waitMs = ms
    this.wind()
    if (ms / LOOKS >= this.#lookMs) return
    clearTimeout(this.#timer)
    this.#lookMs = ms / LOOKS
    this.#timer = setTimeout(() => this.#look(), this.#lookMs)
  }

  wind(): void {
    this.#looks = 0
  }

  /** For good. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #look(): void {
    const waited = this.#looks * this.#lookMs
    this.#looks += 1
    if (waited >= this.#patience(this.#waitMs)) this.#expired()
    if (!this.#stopped) this.#timer?.refresh()
  }
}
