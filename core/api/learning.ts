/**
 * What became of a message as a whole when it came in, and what the owner of a mailbox says of one later by what they do with it. Both are told,
 * for whoever learns: nobody waits, and nothing is answered.
 */
import type { Ruling } from './ruling.js'
import type { Recipient } from './session.js'

/**
 * What was made of a message for one recipient. `refused` and `deferred`: by a `message` hook; `undeliverable`: the mailbox could not take it, which
 * says nothing of the message.
 */
export interface Decided {
  readonly recipient: Recipient
  readonly kind: 'accepted' | 'quarantined' | 'held' | 'discarded' | 'refused' | 'deferred' | 'undeliverable'
  /** How the sum was measured for this recipient: one of each entry that said so, in the order of asking. */
  readonly rulings?: readonly Ruling[]
}

/** Somebody has put a message of theirs into Junk or taken it out, or marked it with `$Junk` or `$NotJunk` (RFC 9051 §2.3.2). */
export interface Marking {
  readonly accountId: string
  readonly says: 'junk' | 'not-junk'
  readonly by: 'move' | 'copy' | 'keyword'
  readonly at: number
  /** The same for all copies of the message in this account. */
  readonly emailId: string
  /** The fields that were put in front when it was delivered here: what hooks say in `headers` is in it, and nothing of the sender's. '' of an upload. */
  readonly prefix: string
  /** Octets of the sum. */
  readonly size: number
  /** Octets [from, to) of the sum, as its reader sees it. Throws `message-gone` once it has been removed. */
  read(from?: number, to?: number): Promise<Buffer>
}

/** Service `markings`, of core: for those who serve mailboxes. */
export interface Markings {
  /** Told to the `marked` hooks. */
  tell(marking: Marking): void
}
