/**
 * The octets of one stored message while one command looks at it. Small messages are read once and kept; of large ones only the
 * ranges asked for are read, so that a header costs a header and a body is never held whole.
 */
import type { Mailbox, MailEntry } from 'posthouse/api'
import { type Field, scanHeader, scanMime } from 'posthouse/text'
import { type DigestReader, digestOf, digestReader, headDigestOf } from './digest.js'
import { type Facts, factsOf } from './finding/facts.js'
import { previewOf } from './finding/preview.js'
import type { Gate } from './gate.js'
import { type Structure, type StructureCache, structureOf } from './structure.js'
import { mayHoldGlobal, writeStructure } from './wire/bodystructure.js'
import { writeEnvelope } from './wire/envelope.js'

/** Up to here a message is read in one go. */
const SMALL_BYTES = 64 * 1024
/** Read ahead for those who look at many messages. */
const AHEAD_BYTES = 1024 * 1024
const AHEAD_MESSAGES = 200
/** A header is looked for in this much, then in more. */
const HEADER_BYTES = 64 * 1024

/** More fields than this are left out of HEADER.FIELDS; HEADER has them all. */
const MOST_FIELDS = 50_000

export interface Header {
  readonly fields: readonly Field[]
  /** All octets of it with the empty line. */
  readonly bytes: Buffer
}

/** What somebody who looks at many messages has found out about one of them. */
export interface Beforehand {
  readonly octets?: Buffer | undefined
  readonly digest?: DigestReader | undefined
  /** The store has been asked for the digest, and has none that is whole. */
  readonly undigested?: boolean
  /** Of the digest only the ENVELOPE is wanted. */
  readonly headOnly?: boolean
}

export class Content {
  readonly entry: MailEntry
  private readonly mailbox: Mailbox
  private readonly cache: StructureCache
  private readonly gate: Gate
  private whole: Buffer | undefined
  private header_: Header | undefined
  private digest: DigestReader | undefined
  private readonly undigested: boolean
  private readonly headOnly: boolean
  /** Made here, for the store to keep. */
  made: Buffer | undefined

  constructor(entry: MailEntry, mailbox: Mailbox, cache: StructureCache, gate: Gate, beforehand: Beforehand = {}) {
    this.entry = entry
    this.mailbox = mailbox
    this.cache = cache
    this.gate = gate
    this.whole = beforehand.octets
    this.digest = beforehand.digest
    this.undigested = beforehand.undigested ?? false
    this.headOnly = beforehand.headOnly ?? false
  }

  get size(): number {
    return this.entry.size
  }

  async read(from: number, to: number): Promise<Buffer> {
    if (this.size <= SMALL_BYTES) this.whole ??= await this.mailbox.read(this.entry)
    return this.whole ? this.whole.subarray(from, to) : this.mailbox.read(this.entry, from, Math.min(to, this.size))
  }

  /** The header of the message itself. */
  async header(): Promise<Header> {
    this.header_ ??= await this.findHeader()
    return this.header_
  }

  private async findHeader(): Promise<Header> {
    for (let wish = HEADER_BYTES; ; wish *= 4) {
      const bytes = await this.read(0, Math.min(wish, this.size))
      const end = headerEnd(bytes)
      if (end !== undefined || bytes.length >= this.size) return headerOf(bytes.subarray(0, end))
    }
  }

  /** The header that lies in [from, to). */
  async headerIn(from: number, to: number): Promise<Header> {
    return headerOf(await this.read(from, to))
  }

  async structure(): Promise<Structure> {
    const known = this.cache.get(this.entry.uid) ?? (await this.digested())?.structure()
    const structure = known ?? (await this.withWhole(structureOf))
    this.cache.put(this.entry.uid, structure)
    return structure
  }

  /** As it goes to the client. */
  async structureText({ extended, global }: { readonly extended: boolean; readonly global: boolean }): Promise<string> {
    const structure = await this.structure()
    const text = extended ? structure.extended : structure.body
    if (!global || !mayHoldGlobal(text)) return text
    return this.withWhole(bytes => writeStructure(scanMime(bytes).root, extended, true))
  }

  /** As it goes to the client. */
  async envelope(): Promise<string> {
    return (await this.digested())?.envelope() ?? writeEnvelope((await this.header()).fields)
  }

  async facts(): Promise<Facts> {
    return (await this.digested())?.facts() ?? factsOf((await this.header()).fields)
  }

  /** UTF-8 as octets. */
  async preview(): Promise<string> {
    const known = (await this.digested())?.preview()
    return known ?? this.withWhole(bytes => Buffer.from(previewOf(bytes, scanMime(bytes).root)).toString('latin1'))
  }

  /** What the store has. */
  async kept<T>(read: (digest: DigestReader) => T | undefined): Promise<T | undefined> {
    const [found] = await this.mailbox.digests([this.entry], octets => {
      const digest = digestReader(octets)
      return digest && read(digest)
    })
    return found
  }

  /** What is kept; of a small message it is made by the way where there is none, of a large one what is asked for is worked out alone. */
  private async digested(): Promise<DigestReader | undefined> {
    this.digest ??= await this.findDigest()
    return this.digest
  }

  private async findDigest(): Promise<DigestReader | undefined> {
    const [kept] = this.undigested ? [] : await this.mailbox.digests([this.entry], copiedDigest)
    if (kept !== undefined && (kept.whole || this.headOnly)) return kept
    if (this.headOnly) this.made = headDigestOf((await this.header()).fields)
    else if (this.size <= SMALL_BYTES) this.made = digestOf(await this.read(0, this.size))
    return this.made === undefined ? kept : digestReader(this.made)
  }

  /** Hands out all octets at once: few messages at a time in this process, as they may be large. */
  async withWhole<T>(look: (bytes: Buffer) => T): Promise<T> {
    if (this.size <= SMALL_BYTES) return look(await this.read(0, this.size))
    return this.gate.pass(async () => look(await this.mailbox.read(this.entry)))
  }
}

/** A store may hand out the front of a larger buffer as if it were all: only `subarray` minds that. */
function copiedDigest(octets: Buffer): DigestReader | undefined {
  return digestReader(Buffer.from(octets.subarray(0, octets.length)))
}

/**
 * Digests and octets of many messages by two questions to the store, by UID; large messages are left for `Content` to look at. All of them are held at once:
 * the caller bounds how many octets the messages have.
 */
export async function lookAhead(
  mailbox: Mailbox,
  entries: readonly MailEntry[],
  wanted: { readonly digests: boolean; readonly octets: boolean },
): Promise<ReadonlyMap<number, Beforehand>> {
  const digests = wanted.digests ? await mailbox.digests(entries, copiedDigest) : []
  const unread = entries.filter(
    ({ size }, at) => size <= SMALL_BYTES && (wanted.octets || (wanted.digests && digests[at]?.whole !== true)),
  )
  const octets = await mailbox.readAll(unread)
  const read = new Map(unread.map(({ uid }, at) => [uid, octets[at]]))
  return new Map(
    entries.map(({ uid }, at) => {
      const digest = digests[at]?.whole === true ? digests[at] : undefined
      return [uid, { octets: read.get(uid), digest, undigested: wanted.digests && digest === undefined }]
    }),
  )
}

/** As `lookAhead`, of the messages from a place on, for as long as they are small together. */
export function fewFrom(entries: readonly MailEntry[], from: number): readonly MailEntry[] {
  let bytes = 0
  const end = entries.findIndex((entry, at) => {
    if (at < from) return false
    bytes += Math.min(entry.size, SMALL_BYTES)
    return bytes > AHEAD_BYTES || at - from >= AHEAD_MESSAGES
  })
  return entries.slice(from, end < 0 ? undefined : Math.max(end, from + 1))
}

function headerOf(bytes: Buffer): Header {
  const { fields, bodyStart } = scanHeader(bytes, MOST_FIELDS)
  return { fields, bytes: bytes.subarray(0, bodyStart) }
}

/** Offset after the empty line. A header of nothing is an empty line at the start. */
function headerEnd(bytes: Buffer): number | undefined {
  if (bytes[0] === 0x0a) return 1
  if (bytes[0] === 0x0d && bytes[1] === 0x0a) return 2
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at + 2
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return at + 3
  }
  return undefined
}
