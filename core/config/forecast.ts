/** What the schedules of the queue come to, as `core/queue` works it out and the commands of `core/host` show it. */
import type { SenderClass } from '../api/index.js'

/** What becomes of mail that nobody takes, as long as nothing changes; times as in `from`. */
export interface Forecast {
  /** The rule that says so, by its destinations; left out: no rule fits. */
  readonly match?: readonly string[]
  readonly target?: string
  /** Senders for whom it is the same. */
  readonly senders: readonly SenderClass[]
  readonly attempts: readonly number[]
  readonly warnings: readonly number[]
  /** At the last attempt, after which the next would come too late. */
  readonly givenUp: number
  readonly expires: number
  /** The first attempts at a peer that greylists and names no wait. */
  readonly greylisted: readonly number[]
}
