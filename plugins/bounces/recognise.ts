/**
 * Whose mail it is that comes back. A bounce shows the header of what it returns, and every message that leaves from here carries our
 * Received field with its queue id: what the trail says of that id is the proof, and a returned header without one is proof of the
 * opposite. Evidence is given while the mail is judged; what is found is kept until the mail is accepted, and told only then.
 */
import {
  type Answered,
  type Asked,
  asFarAsKnown,
  type Call,
  type Clock,
  type Log,
  type Queue,
  type Submitter,
  type Trail,
  type TrailEntry,
} from 'posthouse/api'
import { formatAddress } from 'posthouse/text'
import { readBounce } from './reader/read.js'
import type { BounceReading, ComplaintReading, Reading, Returned } from './reader/reading.js'
import type { Sent } from './sent.js'

export interface RecogniserParts {
  /** Our name, as it stands in our Received fields. */
  readonly name: string
  readonly alsoFrom: readonly string[]
  readonly points: { readonly ours: number; readonly forged: number; readonly unproven: number }
  readonly sent: Sent
  readonly trail: Pick<Trail, 'of'>
  readonly queue: Pick<Queue, 'get'>
  readonly clock: Clock
  readonly count: (name: 'ours' | 'forged' | 'unproven' | 'auto-reply') => void
}

/** A bounce or complaint about a message that left from here. */
export interface Found {
  readonly reading: BounceReading | ComplaintReading
  readonly original: Original
}

export interface Original {
  readonly id: string
  /** Of its envelope. */
  readonly sender: string
  /** Who had logged in to send it. */
  readonly login?: string
  /** Left out: anybody; it only went on from here. */
  readonly submitter?: Submitter
  readonly accepted: number
  readonly size: number
  /** To whom it went, lower case. */
  readonly recipients: ReadonlySet<string>
}

type Verdict =
  | { readonly kind: 'ours'; readonly original: Original }
  | { readonly kind: 'forged' | 'unproven'; readonly why: string }

const MAX_BYTES = 1024 * 1024
/** Found in mail that is not accepted yet; whose mail never is, falls out at the other end. */
const MAX_WAITING = 1000
const MAX_IDS = 5

export class Recogniser {
  readonly #parts: RecogniserParts
  readonly #waiting = new Map<string, Found>()

  constructor(parts: RecogniserParts) {
    this.#parts = parts
  }

  async judge({ session, envelope, message }: Asked['score'], call: Call): Promise<Answered['score']> {
    if (session.account !== undefined || !mayComeBack(envelope, message)) return undefined
    const reading = readBounce(await message.read(0, Math.min(message.size, MAX_BYTES)), {
      nullSender: envelope.sender === null,
    })
    if (reading.kind === 'auto-reply') this.#parts.count('auto-reply')
    if (reading.kind !== 'bounce' && reading.kind !== 'complaint' && reading.kind !== 'unclear') return undefined
    const verdict = await this.#verdictOn(reading, call.log)
    this.#parts.count(verdict.kind)
    if (verdict.kind === 'ours' && reading.kind !== 'unclear')
      this.#keep(envelope.id, { reading, original: verdict.original })
    const points = this.#parts.points[verdict.kind]
    const says =
      verdict.kind === 'ours' ? `it returns message ${verdict.original.id}, which left from here` : verdict.why
    return { name: `bounce-${verdict.kind}`, points, says }
  }

  /** What was found in a mail that is accepted now. */
  take(id: string): Found | undefined {
    const found = this.#waiting.get(id)
    this.#waiting.delete(id)
    return found
  }

  #keep(id: string, found: Found): void {
    this.#waiting.set(id, found)
    for (const [oldest] of this.#waiting) {
      if (this.#waiting.size <= MAX_WAITING) return
      this.#waiting.delete(oldest)
    }
  }

  async #verdictOn({ returned }: Extract<Reading, { returned?: Returned }>, log: Log): Promise<Verdict> {
    if (returned === undefined) return { kind: 'unproven', why: 'it does not show what it returns' }
    const ids = await this.#idsOf(returned, log)
    for (const id of ids) {
      const original = await this.#original(id)
      if (original !== undefined) return { kind: 'ours', original }
    }
    if (returned.hops.some(({ by }) => this.#isFriend(by)))
      return { kind: 'unproven', why: 'it returns mail that another host of ours may have sent' }
    const [id] = ids
    if (id !== undefined)
      return { kind: 'forged', why: `it claims to return message ${id}, which never left from here` }
    // Some return so little that nothing can be said of it.
    if (returned.hops.length === 0) return { kind: 'unproven', why: 'it does not show by which hosts the message went' }
    return { kind: 'forged', why: 'it returns a message that did not go through this server' }
  }

  async #idsOf({ hops, messageId }: Returned, log: Log): Promise<readonly string[]> {
    const ids = hops.flatMap(({ by, id }) => (by === this.#parts.name.toLowerCase() && id !== undefined ? [id] : []))
    const find = () => (messageId === undefined ? Promise.resolve(undefined) : this.#parts.sent.find(messageId))
    const noted = await asFarAsKnown(log, 'message-id', find)
    return [...new Set(noted === undefined ? ids : [...ids, noted])].slice(0, MAX_IDS)
  }

  async #original(id: string): Promise<Original | undefined> {
    const entries = await this.#parts.trail.of(id)
    const accepted = entries.find(({ event }) => event === 'accepted')
    if (accepted === undefined) return undefined
    const recipients = new Set(entries.flatMap(sentTo))
    // Some answer faster than their taking it is written down.
    if (recipients.size === 0) {
      const queued = await this.#parts.queue.get(id)
      for (const { original } of queued?.rows ?? []) recipients.add(formatAddress(original).toLowerCase())
    }
    const { sender, size, login, trusted } = accepted.facts
    if (recipients.size === 0) return undefined
    return {
      id,
      sender: String(sender ?? ''),
      ...(login === undefined ? {} : { login: String(login), submitter: 'authenticated' }),
      ...(login === undefined && trusted === true ? { submitter: 'trusted' } : {}),
      accepted: accepted.at,
      size: Number(size ?? 0),
      recipients,
    }
  }

  #isFriend(host: string): boolean {
    return this.#parts.alsoFrom.some(one => host === one || (one.startsWith('.') && host.endsWith(one)))
  }
}

/** Only what went out over the wire comes back so. */
function sentTo({ event, facts }: TrailEntry): readonly string[] {
  return event === 'delivered' && typeof facts.to === 'string' ? [facts.to.toLowerCase()] : []
}

/** RFC 5321 §4.5.5: a bounce has no sender; feedback reports have one. */
function mayComeBack({ sender }: Asked['score']['envelope'], message: Asked['score']['message']): boolean {
  return sender === null || /^\s{0,3}multipart\/report/i.test(message.field('content-type') ?? '')
}
