/**
 * One mail transaction, from MAIL to the answer after DATA. It is the envelope as hooks see it, and remembers who takes each recipient.
 */
import type { Address, Envelope, Recipient } from '../api/index.js'
import type { Routed } from '../pipeline/intake-types.js'
import { type TurnedAway, TurnedAways } from '../pipeline/refusal-entry.js'
import { addWishes } from '../pipeline/wishes.js'
import type { MailTerms } from './parameters.js'
import type { Reception } from './reception.js'

type Open = { -readonly [K in keyof Envelope]: Envelope[K] }

export class Transaction {
  readonly envelope: Envelope
  readonly routed: Routed[] = []
  /** Of all in `routed`. */
  claims = 0
  /** RCPT commands that were refused. */
  turnedAway: TurnedAways | undefined
  /** The trail tells what became of it. */
  told = false
  /** For every accepted RCPT, in order, its place in `routed`: LMTP answers each of them (RFC 2033 §4.2), named twice or not. */
  readonly replies: number[] = []
  /** A message is coming, or has come. */
  coming: Pick<Reception, 'size'> | undefined
  /** BDAT has begun (RFC 3030 §2). `failed`: a chunk was refused, and only RSET ends this. */
  chunks: { readonly reception: Reception; readonly begun: number; failed: boolean } | undefined
  readonly #recipients: Recipient[] = []
  readonly #places = new Map<string, number>()

  constructor(
    id: string,
    sender: Address | null,
    parameters: ReadonlyMap<string, string>,
    terms: MailTerms,
    auth: Address | null,
  ) {
    const { utf8, body, ret, envid } = terms
    const recipients = this.#recipients
    const envelope: Open = { id, sender, recipients, parameters, utf8, body, auth }
    if (ret !== undefined) envelope.ret = ret
    if (envid !== undefined) envelope.envid = envid
    addWishes(envelope, terms)
    this.envelope = envelope
  }

  /** True when what has this key was accepted before: it gets the message once. */
  repeat(key: string): boolean {
    const place = this.#places.get(key)
    if (place === undefined) return false
    this.replies.push(place)
    return true
  }

  turnAway(one: TurnedAway): void {
    this.turnedAway ??= new TurnedAways()
    this.turnedAway.add(one)
  }

  /** Nothing of a message that was still coming is kept. */
  abandon(): void {
    void this.chunks?.reception.abandon()
  }

  add(routed: Routed, key: string): void {
    const place = this.routed.push(routed) - 1
    this.claims += routed.claims.length
    this.#recipients.push(routed.recipient)
    this.#places.set(key, place)
    this.replies.push(place)
  }
}
