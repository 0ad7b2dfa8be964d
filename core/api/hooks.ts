/**
 * The hook table: every moment core asks at, what the hook sees, and what it may answer. This table is the whole contract.
 *
 * `first`  hooks are asked in the order of plugins.yaml until one gives a final answer (a label is not final).
 * `gather` hooks are all asked, in parallel; the answers are put together.
 * `tell`   hooks are told; nothing waits for them.
 */
import type { Credentials } from './accounts.js'
import type { Authenticated, Claim, Defer, Discard, Label, Nothing, Quarantine, Reject } from './answers.js'
import type { JobView, Outcome } from './delivery.js'
import type { Log } from './plugin.js'
import type { Envelope, Finding, Message, Peer, Recipient, Session, Verdict } from './session.js'

export interface Asked {
  connect: { readonly session: Session }
  helo: { readonly session: Session; readonly name: string }
  auth: { readonly peer: Peer; readonly credentials: Credentials }
  mail: { readonly session: Session; readonly envelope: Envelope }
  rcpt: { readonly session: Session; readonly envelope: Envelope; readonly recipient: Recipient }
  route: { readonly session: Session; readonly envelope: Envelope; readonly recipient: Recipient }
  score: { readonly session: Session; readonly envelope: Envelope; readonly message: Message }
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
  sign: { readonly job: JobView; readonly read: () => Promise<Buffer> }
  settled: { readonly job: JobView; readonly outcomes: readonly Outcome[] }
  disconnect: { readonly session: Session }
}

/** A field to put in front of the message: name and value, not folded. Core folds and ends the lines. */
export interface NewField {
  readonly name: string
  readonly value: string
}

export interface Answered {
  connect: Reject | Defer | Label | Nothing
  helo: Reject | Defer | Label | Nothing
  auth: Authenticated | Reject | Defer | Nothing
  mail: Reject | Defer | Label | Nothing
  /** May object, never permit: `via(…)` does not compile here. */
  rcpt: Reject | Defer | Label | Nothing
  route: Claim | readonly Claim[] | Reject | Defer | Nothing
  score: Finding | readonly Finding[] | Nothing
  message: Reject | Defer | Discard | Quarantine | Nothing
  headers: NewField | readonly NewField[] | Nothing
  sign: NewField | readonly NewField[] | Nothing
  settled: Nothing
  disconnect: Nothing
}

export type MomentName = keyof Asked
export type Manner = 'first' | 'gather' | 'tell'

export const MOMENTS = {
  connect: 'first',
  helo: 'first',
  auth: 'first',
  mail: 'first',
  rcpt: 'first',
  route: 'first',
  score: 'gather',
  message: 'first',
  headers: 'gather',
  sign: 'gather',
  settled: 'tell',
  disconnect: 'tell',
} as const satisfies Record<MomentName, Manner>

/** Given to every hook call. `signal` fires at the deadline or when the session ends. */
export interface Call {
  readonly signal: AbortSignal
  /** Carries the session's id. */
  readonly log: Log
}

export type Hook<M extends MomentName> = (asked: Asked[M], call: Call) => Answered[M] | Promise<Answered[M]>
export type Hooks = { readonly [M in MomentName]?: Hook<M> }
