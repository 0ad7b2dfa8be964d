/**
 * The hook table: every moment core asks at, what the hook sees, and what it may answer. This table is the whole contract.
 *
 * `first`  hooks are asked in the order of plugins.yaml until one gives a final answer (a label is not final, nor is a ruling).
 * `gather` hooks are all asked, in parallel; the answers are put together.
 * `tell`   hooks are told; nothing waits for them.
 */
import type { Account, Credentials } from './accounts.js'
import type {
  Authenticated,
  Claim,
  Defer,
  Discard,
  Hold,
  Label,
  Nothing,
  Quarantine,
  Reject,
  Ruled,
} from './answers.js'
import type { JobView, Outcome } from './delivery.js'
import type { Decided, Marking } from './learning.js'
import type { Log } from './plugin.js'
import type { QueueEvent } from './queue-event.js'
import type { Envelope, Finding, Message, Peer, Recipient, Session, Verdict } from './session.js'

export interface Asked {
  connect: { readonly session: Session }
  helo: { readonly session: Session; readonly name: string }
  /** Before a secret is looked at. `login` is what the peer claims to be, as far as the mechanism has said so. */
  login: { readonly peer: Peer; readonly mechanism: string; readonly login: string }
  auth: { readonly peer: Peer; readonly credentials: Credentials }
  loginOver: LoginOutcome
  mail: { readonly session: Session; readonly envelope: Envelope }
  rcpt: { readonly session: Session; readonly envelope: Envelope; readonly recipient: Recipient }
  route: { readonly session: Session; readonly envelope: Envelope; readonly recipient: Recipient }
  score: { readonly session: Session; readonly envelope: Envelope; readonly message: Message }
  /** What all `score` hooks have found, for findings that follow from those of others: caps, combinations. Its answers do not see each other. */
  weigh: {
    readonly session: Session
    readonly envelope: Envelope
    readonly message: Message
    /** As it is before anything is added here. */
    readonly verdict: Verdict
  }
  message: {
    readonly session: Session
    readonly envelope: Envelope
    readonly message: Message
    readonly verdict: Verdict
    /** Asked once per recipient, as recipients may differ in what they want. */
    readonly recipient: Recipient
  }
  headers: {
    readonly session: Session
    readonly envelope: Envelope
    readonly message: Message
    readonly verdict: Verdict
  }
  /**
   * What became of a message from this session, told at once: after the commit, or when it has been refused. Its octets may be gone when a hook
   * has waited for something else: what is wanted of them is asked for first.
   */
  decided: {
    readonly session: Session
    readonly envelope: Envelope
    readonly message: Message
    readonly verdict: Verdict
    /** In the order of the envelope. */
    readonly results: readonly Decided[]
  }
  /** The owner of a mailbox says by what they do with a message whether it is junk. */
  marked: { readonly marking: Marking }
  /** The octets that go out: whole, or in pieces of at most 64 KB for whoever would not hold a large message. */
  sign: { readonly job: JobView; readonly read: () => Promise<Buffer>; readonly chunks: () => AsyncIterable<Buffer> }
  settled: { readonly job: JobView; readonly outcomes: readonly Outcome[] }
  /** Something happened to mail in the queue, or on its way in. */
  event: { readonly event: QueueEvent }
  /**
   * Told to every entry that was asked anything in the session, and to those its labels do not skip.
   * `end`: how it ended, as in the log line `session ended`: `quit`, `gone`, `refused`, `early` (it spoke before the greeting) …
   */
  disconnect: { readonly session: Session; readonly end: string }
}

/** How an attempt to log in ended, by whatever protocol and mechanism. */
export interface LoginOutcome {
  readonly peer: Peer
  readonly mechanism: string
  /** As given; of a refused one it may be anything. */
  readonly login: string
  /** `objected`: a `login` hook said no, the secret was not looked at. */
  readonly kind: 'accepted' | 'refused' | 'deferred' | 'objected'
  /** Of an accepted one. */
  readonly account?: Account
}

/** A field of the sender's that nobody shall see: every field of that name is cut. Bcc on submission (RFC 5322 §3.6.3). */
export interface Removal {
  readonly kind: 'remove'
  readonly name: string
}

/** A field to put in front of the message: name and value, not folded. Core folds and ends the lines. */
export interface NewField {
  readonly name: string
  readonly value: string
  /** `local`: only in copies that stay with us; what goes on to elsewhere is without it. Of `headers`. */
  readonly within?: 'local'
  /** Only in the copies of these recipients of the envelope; left out: in all. Of `headers`. */
  readonly for?: readonly Recipient[]
}

export interface Answered {
  connect: Reject | Defer | Label | Nothing
  helo: Reject | Defer | Label | Nothing
  /** May object, never permit. */
  login: Reject | Defer | Nothing
  auth: Authenticated | Reject | Defer | Nothing
  loginOver: Nothing
  mail: Reject | Defer | Label | Nothing
  /** May object, never permit: `via(…)` does not compile here. */
  rcpt: Reject | Defer | Label | Nothing
  route: Claim | readonly Claim[] | Reject | Defer | Nothing
  score: Finding | readonly Finding[] | Nothing
  weigh: Finding | readonly Finding[] | Nothing
  message: Reject | Defer | Discard | Quarantine | Hold | Ruled | Nothing
  headers: NewField | Removal | readonly (NewField | Removal)[] | Nothing
  decided: Nothing
  marked: Nothing
  sign: NewField | readonly NewField[] | Nothing
  settled: Nothing
  event: Nothing
  disconnect: Nothing
}

export type MomentName = keyof Asked
export type Manner = 'first' | 'gather' | 'tell'

export const MOMENTS = {
  connect: 'first',
  helo: 'first',
  login: 'first',
  auth: 'first',
  loginOver: 'tell',
  mail: 'first',
  rcpt: 'first',
  route: 'first',
  score: 'gather',
  weigh: 'gather',
  message: 'first',
  headers: 'gather',
  decided: 'tell',
  marked: 'tell',
  sign: 'gather',
  settled: 'tell',
  event: 'tell',
  disconnect: 'tell',
} as const satisfies Record<MomentName, Manner>

/** Given to every hook call. `signal` fires at the deadline or when the session ends. */
export interface Call {
  readonly signal: AbortSignal
  /** Carries the session's id. */
  readonly log: Log
  /** The entry is in `observe` mode: an objection is only written down. Whatever else is felt outside (a wait, a notice) is left out too. */
  readonly observed?: boolean
}

export type Hook<M extends MomentName> = (asked: Asked[M], call: Call) => Answered[M] | Promise<Answered[M]>
export type Hooks = { readonly [M in MomentName]?: Hook<M> }
