/**
 * What happens to mail, one event after the other, for those outside who want to hear of it. Told after the commit that made it true.
 * Of an admin's commands only `held` is among them, and only while a server runs: the commands do not need one.
 */

import type { Submitter } from './delivery.js'

/**
 * `accepted`: taken over, once per message; the others are once per recipient. `delayed`: will be tried again; `failed`: refused for good;
 * `expired`: given up, its time was over; `bounced`: a notice of one of both was sent to the sender. `returned`: another server that had
 * taken it sent it back; `complained`: the recipient's provider says that it was not wanted.
 */
export type QueueEventKind =
  | 'accepted'
  | 'delayed'
  | 'delivered'
  | 'failed'
  | 'expired'
  | 'bounced'
  | 'held'
  | 'returned'
  | 'complained'

export interface QueueEvent {
  readonly kind: QueueEventKind
  readonly at: number
  /** Queue id. */
  readonly message: string
  /** As text; empty for the null sender. */
  readonly sender: string
  /** As the sender named it; of `bounced`: who got the notice. */
  readonly recipient?: string
  /** Of `accepted`: how many there are, and the first hundred. */
  readonly recipients?: { readonly count: number; readonly first: readonly string[] }
  /** Who had logged in to send it; of `returned` and `complained`. */
  readonly login?: string
  /** Whose word the message had come in on; of `returned` and `complained`. Left out: anybody. */
  readonly submitter?: Submitter
  /** Octets of the body. */
  readonly size: number
  /** Since it was received. */
  readonly ageMs: number
  /** What delivers it, and the destination. */
  readonly target?: string
  readonly lane?: string
  /** Attempts so far. */
  readonly tries?: number
  readonly remote?: string
  readonly status?: string
  /** What the remote said, or what went wrong here. */
  readonly text?: string
  /** Version of TLS; left out: none, or nothing was sent. */
  readonly tls?: string
  /** Of local mail. */
  readonly mailbox?: string
  /** When it is tried again. */
  readonly due?: number
  /** Why it is held. */
  readonly hold?: string
  /** Queue id of the notice; of `returned` and `complained`, of the mail that says so. */
  readonly notice?: string
  /** What the reply means: `no-such-user`, `mailbox-full`; of a complaint, its kind: `abuse`. */
  readonly class?: string
}

/** Service `events`, of core: for plugins that hear of something that happened to mail. */
export interface Events {
  /** Told to the `event` hooks, as what core tells itself. */
  tell(event: QueueEvent): void
}
