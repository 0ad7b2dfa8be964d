/**
 * What hooks may answer. Answers are data: core alone acts on them.
 * Make them with the functions below; which moment takes which answer stands in `hooks.ts`, and a wrong one does not compile.
 */

import type { Account } from './accounts.js'
import type { Address } from './address.js'
import type { Ruling } from './ruling.js'

/** Why a policy objects: for the log line that belongs to the id in the reply. None of it goes to the peer. */
export interface Because {
  /** Which rule of the plugin: `rdns-missing`, the name of a list, the budget that is spent. */
  readonly rule: string
  /** What was seen: a sentence or facts, without secrets. */
  readonly evidence: string
  /** What an admin writes where, to let this one through next time. */
  readonly exception?: string
}

/** A permanent "no" (5xx). `text` goes to the peer as it is: no paths, no back-end names. Core adds the id of the log line. */
export interface Reject {
  readonly kind: 'reject'
  readonly code: number
  /** Enhanced status code, RFC 3463. */
  readonly status: string
  readonly text: string
  readonly because?: Because
  /** Whose answer it is. Core says so. */
  readonly plugin?: string
  readonly ruling?: Ruling
}

/** A temporary "no" (4xx): the peer will come again. */
export interface Defer {
  readonly kind: 'defer'
  readonly code: number
  readonly status: string
  readonly text: string
  readonly because?: Because
  /** Whose answer it is. Core says so. */
  readonly plugin?: string
  readonly ruling?: Ruling
  /**
   * Of answers to `message`: what this recipient gets when the whole is taken because others want it now (over SMTP there is one reply for all).
   * Left out: quarantine, for the reason given.
   */
  readonly otherwise?: Quarantine | 'keep'
}

/** Sets labels on the session that later entries may skip on (`unless`, `on`). It permits nothing and ends nothing. */
export interface Label {
  readonly kind: 'label'
  readonly names: readonly string[]
}

/** Who the peer has proven to be. */
export interface Authenticated {
  readonly kind: 'authenticated'
  readonly account: Account
}

/** "I take this recipient": which target gets it, and under which address. */
export interface Claim {
  readonly kind: 'claim'
  readonly target: string
  readonly to: Address
  /** Replaces the envelope sender (a list's owner, SRS); left out, the sender stays. */
  readonly sender?: Address | null
  /** With `sender`: it only stands for the one before (SRS), who is told what they wanted to be told. Left out: the new one is told instead. */
  readonly onBehalf?: true
  /** What the target wants to remember about this recipient (an account id, a host); comes back in the job. */
  readonly detail?: Readonly<Record<string, string>>
  /** Fields in front of this copy alone, above all others: what a loop is known by. */
  readonly fields?: readonly { readonly name: string; readonly value: string }[]
  /** The row waits, for this reason, until somebody drains its lane (`dispatcher`); the queue never tries it on its own. */
  readonly hold?: string
}

/** Accept with 250 and keep nothing; the trail is durable first. */
export interface Discard {
  readonly kind: 'discard'
  readonly text: string
}

/** Junk for local mail, a hold for mail going out. */
export interface Quarantine {
  readonly kind: 'quarantine'
  readonly text: string
  readonly ruling?: Ruling
}

/** Says how the sum was measured and that nothing follows from it that ends the asking: those below are asked as well. */
export interface Ruled {
  readonly kind: 'ruled'
  readonly ruling: Ruling
}

/**
 * Accepted, but what goes out waits in the queue, for this reason, until an admin releases it. Local mail is filed as ever; where its owner
 * sends it on or has it answered, that goes out too, and waits.
 */
export interface Hold {
  readonly kind: 'hold'
  readonly text: string
  readonly because?: Because
}

export type Objection = Reject | Defer
export type Nothing = undefined | null | void

interface ReplyOptions {
  /** Reply code; default 550 for reject, 451 for defer. */
  readonly code?: number
  /** Enhanced status code; default 5.7.1 for reject, 4.7.1 for defer. */
  readonly status?: string
  /** For the log; policies give one always. */
  readonly because?: Because
  /** Of answers to `message`. */
  readonly ruling?: Ruling
}

export function reject(text: string, { code = 550, status = '5.7.1', because, ruling }: ReplyOptions = {}): Reject {
  return { kind: 'reject', code, status, text, ...(because && { because }), ...(ruling && { ruling }) }
}

export function defer(text: string, { code = 451, status = '4.7.1', because, ruling }: ReplyOptions = {}): Defer {
  return { kind: 'defer', code, status, text, ...(because && { because }), ...(ruling && { ruling }) }
}

export function label(...names: string[]): Label {
  return { kind: 'label', names }
}

export function authenticated(account: Account): Authenticated {
  return { kind: 'authenticated', account }
}

export function via(
  target: string,
  to: Address,
  more: Pick<Claim, 'sender' | 'onBehalf' | 'detail' | 'fields' | 'hold'> = {},
): Claim {
  return { kind: 'claim', target, to, ...more }
}

export function discard(text: string): Discard {
  return { kind: 'discard', text }
}

export function quarantine(text: string, ruling?: Ruling): Quarantine {
  return { kind: 'quarantine', text, ...(ruling && { ruling }) }
}

export function ruled(ruling: Ruling): Ruled {
  return { kind: 'ruled', ruling }
}

export function hold(text: string, because?: Because): Hold {
  return { kind: 'hold', text, ...(because && { because }) }
}
