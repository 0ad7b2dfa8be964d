/**
 * How a sum of points was measured for one recipient: which lines it was held against, whose they are, and what follows. It goes with the
 * answer to `message`, or alone when nothing is to be done (`ruled`), so that the trail can tell why a message that passed has passed.
 */

/** From the mildest on. `greylist`: come again later; `header`: kept and marked in its header; `junk`: kept, and put into Junk. */
export const ACTIONS = ['none', 'greylist', 'header', 'junk', 'reject'] as const
export type Action = (typeof ACTIONS)[number]

/** From this sum on; left out: never. */
export type Thresholds = { readonly [A in Exclude<Action, 'none'>]?: number }

export interface Ruling {
  /**
   * What the sum calls for: the strongest whose threshold it reaches. What comes of it (`Decided.kind`) may be something else: who has waited is let
   * through, and over SMTP one answer goes to all recipients.
   */
  readonly action: Action
  readonly thresholds: Thresholds
  /** Where each threshold was taken from: `general`, `listener mx`, `domain example.org`, `user alice@example.org`. */
  readonly whose: { readonly [A in keyof Thresholds]?: string }
  /** What else played a part, as a sentence: `It has come again after being greylisted.` */
  readonly says?: string
  /** Who ruled. Core says so, whatever the hook says. */
  readonly plugin?: string
  /** The entry only watches (`mode: observe`): nothing came of it. */
  readonly observed?: boolean
}
