/**
 * The octets of one stored message while one command looks at it. Small messages are read once and kept; of large ones only the
 * ranges asked for are read, so that a header costs a header and a body is never held whole.
 */
import type { Mailbox, MailEntry } from 'posthouse/api'
import { type Field, scanHeader, scanMime } from 'posthouse/text'
import { type DigestReader, digestOf, digestReader } from './digest.js'
import { type Facts, factsOf } from './finding/facts.js'
import { previewOf } from './finding/preview.js'
import type { Gate } from './gate.js'
import { type Structure, type StructureCache, structureOf } from './structure.js'
import { writeEnvelope } from './wire/envelope.js'

/** Up to here a message is read in one go. */
const SMALL_BYTES = 64 * 1024
/** A header is looked for in this much, then in more. */
const HEADER_BYTES = 64 * 1024

/** More fields than this are left out of HEADER.FIELDS; HEADER has them all. */
const MOST_FIELDS = 50_000

export interface Header {
  readonly fields: readonly Field[]
  /** All octets of it with the empty line. */
  readonly bytes: Buffer
}

export class Content {
  readonly entry: MailEntry
  private readonly mailbox: Mailbox
  private readonly cache: StructureCache
  private readonly gate: Gate
  private whole: Buffer | undefined
  private header_: Header | undefined
  private digest: DigestReader | undefined
  /** Made here, for the store to keep. */
  made: Buffer | undefined

  constructor(entry: MailEntry, mailbox: Mailbox, cache: StructureCache, gate: Gate) {
    this.entry = entry
    this.mailbox = mailbox
    this.cache = cache
    this.gate = gate
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
    // A store may hand out the front of a larger buffer as if it were all: only `subarray` minds that.
    const copied = (octets: Buffer) => digestReader(Buffer.from(octets.subarray(0, octets.length)))
    const [kept] = await this.mailbox.digests([this.entry], copied)
    if (kept !== undefined || this.size > SMALL_BYTES) return kept
    this.made = digestOf(await this.read(0, this.size))
    return digestReader(this.made)
  }

  /** Hands out all octets at once: few messages at a time in this process, as they may be large. */
  async withWhole<T>(look: (bytes: Buffer) => T): Promise<T> {
    if (this.size <= SMALL_BYTES) return look(await this.read(0, this.size))
    return this.gate.pass(async () => look(await this.mailbox.read(this.entry)))
  }
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
