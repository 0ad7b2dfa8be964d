/**
 * What the doors (SMTP, LMTP) and the queue ask of the intake: routing a recipient, and taking a message in.
 */
import type {
  Acceptance,
  Address,
  Claim,
  Defer,
  DsnWish,
  Envelope,
  Log,
  Message,
  NewBody,
  Recipient,
  Reject,
  Ruling,
  Session,
} from '../api/index.js'
import type { TurnedAways } from './refusal-entry.js'

/** A recipient with the claims that take it; at least one. */
export interface Routed {
  readonly recipient: Recipient
  readonly claims: readonly Claim[]
}

/** How an asking is bounded and logged. */
export interface AskScope {
  readonly signal: AbortSignal
  readonly log: Log
  /** Of a session: entries that were asked in it and want to hear of its end, whatever labels it has by then. */
  readonly concerned?: Set<object> | undefined
  /** Told how an entry has measured the sum; only asked for at `message`. */
  ruled?(ruling: Ruling): void
}

/** A message with everything known of it, bytes already counted and checked by the door. */
export interface Received {
  readonly session: Session
  readonly envelope: Envelope
  readonly routed: readonly Routed[]
  readonly message: Message
  readonly body: NewBody
  readonly received: number
  /** Recipients that were refused, for the trail. */
  readonly turnedAway?: TurnedAways
}

export type RecipientAnswer = { readonly kind: 'accepted'; readonly text: string } | Reject | Defer

/** One answer per routed recipient, in order. Over SMTP core has already made them agree. */
export interface Receipt {
  readonly id: string
  readonly answers: readonly RecipientAnswer[]
}

/** A message we write ourselves: a bounce, a warning. */
export interface OwnMessage {
  readonly id: string
  readonly sender: Address | null
  readonly recipient: Address
  readonly dsn: DsnWish
  readonly utf8: boolean
  readonly bytes: Buffer
  readonly now: number
  /** It speaks of a message that asked for TLS all the way (RFC 8689 §5). */
  readonly requireTls?: boolean
  /** That of the message it speaks of (RFC 6710 §4.6). */
  readonly priority?: number
  /** Why it waits for an admin before it goes out. */
  readonly hold?: string
  /** Why it is written, for the trail: `bounce of ID`. */
  readonly reason: string
}

export interface Intake {
  /**
   * Asks `rcpt`, then `route`, then core's own guard: no claim sends mail out unless the session may, and no claim at all is 550 5.7.1.
   */
  route(
    session: Session,
    labels: Set<string>,
    envelope: Envelope,
    recipient: Recipient,
    scope: AskScope,
  ): Promise<Routed | Reject | Defer>
  /** Asks `score`, `message`, `headers`, lets local targets file at once, and commits. Resolves when durable. */
  receive(received: Received, scope: AskScope): Promise<Receipt>
  /** Routes a message of our own; the result is committed by the caller together with what caused it. `undefined`: nobody takes it. */
  plan(message: OwnMessage, scope: AskScope): Promise<Acceptance | undefined>
}
