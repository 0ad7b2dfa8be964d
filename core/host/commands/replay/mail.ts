/** A mail to be judged again: what was heard of it, and what was made of it when it came. */
import type { Finding, Recipient, Verdict } from '../../../api/index.js'
import type { Heard } from '../../../pipeline/judging.js'
import type { Fate } from './fate.js'

export interface Replayed {
  /** Queue id; of a file its path. */
  readonly id: string
  readonly messageId?: string
  readonly subject?: string
  readonly sender: string
  /** When it came, if that is known; milliseconds since the epoch. */
  readonly at?: number
  readonly heard: Heard
  readonly recipients: readonly Recipient[]
  /** From its trail; a file has none. */
  readonly recorded?: Recorded
}

export interface Recorded extends Verdict {
  readonly findings: readonly Finding[]
  /** In the order of the recipients. */
  readonly fates: readonly Fate[]
  /** Where a plugin had decided for another reason than the sum. */
  readonly others: readonly boolean[]
  /** The message is still there; of one that is gone only the thresholds can be tried. */
  readonly whole: boolean
}

/** What a source of mails has passed over, and why. */
export interface Passed {
  /** There is no record of how it came, or one of an older version that says too little. */
  unrecorded: number
  /** Its octets are gone or cannot be read. */
  unreadable: number
}
