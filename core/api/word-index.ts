/** The index over the words of mailboxes, for who looks after the store: it is made by who searches, and the store only keeps it. */
import type { Mailbox } from './stores.js'

/** Service `word-index`, of whoever keeps indexes over mailboxes. */
export interface WordIndex {
  /** Throws away what there is for this mailbox and makes it anew. Resolves to how many messages are in it now; the last few of each mailbox never are. */
  rebuild(mailbox: Mailbox, signal: AbortSignal): Promise<number>
}
