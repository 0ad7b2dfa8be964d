/**
 * The digest of a message: what lists of mailboxes, SORT, THREAD and PREVIEW ask of it, worked out once from its octets and kept beside it by
 * the store, so that nobody reads messages to list them. Octets: a version, the lengths of the sections, the sections. What a later version lays
 * out otherwise is worked out anew, as what is missing is.
 */
import { type Field, type MimePart, scanMime } from 'posthouse/text'
import { type Facts, factsOf } from './finding/facts.js'
import { previewOf } from './finding/preview.js'
import { type Span, type Structure, structureFrom } from './structure.js'
import { writeEnvelope } from './wire/envelope.js'

/** Raise it whenever a section is made otherwise, be it a single character of an ENVELOPE. */
const VERSION = 1
/** Of this version, and made of the header alone: it has an ENVELOPE, and the rest is worked out when it is asked for. */
const HEAD_ONLY = 0x80 | VERSION
const SECTIONS = 6
const HEAD = 1 + 4 * SECTIONS
/** A longer section is left out, and worked out whenever it is asked for: hardly any mail has one. */
const LONGEST = 64 * 1024

enum Section {
  Envelope = 0,
  Body = 1,
  Extended = 2,
  Spans = 3,
  Facts = 4,
  Preview = 5,
}

export function digestOf(bytes: Buffer): Buffer {
  const { root } = scanMime(bytes)
  const structure = structureFrom(root)
  return join(VERSION, [
    Buffer.from(writeEnvelope(root.header), 'latin1'),
    Buffer.from(structure.body, 'latin1'),
    Buffer.from(structure.extended, 'latin1'),
    Buffer.from(JSON.stringify(flat(structure.root)), 'latin1'),
    Buffer.from(JSON.stringify(packed(factsOf(root.header)))),
    Buffer.from(previewIn(bytes, root)),
  ])
}

/** For who asks for ENVELOPEs of mail nobody has looked at: a quarter of the work. */
export function headDigestOf(header: readonly Field[]): Buffer {
  const none = Buffer.alloc(0)
  return join(HEAD_ONLY, [Buffer.from(writeEnvelope(header), 'latin1'), none, none, none, none, none])
}

function previewIn(bytes: Buffer, root: MimePart): string {
  // A character tells that there is a preview: an empty one is an answer too.
  return `+${previewOf(bytes, root)}`
}

function join(version: number, sections: readonly Buffer[]): Buffer {
  const kept = sections.map(section => (section.length > LONGEST ? Buffer.alloc(0) : section))
  const head = Buffer.alloc(HEAD)
  head[0] = version
  for (const [index, { length }] of kept.entries()) head.writeUInt32LE(length, 1 + 4 * index)
  return Buffer.concat([head, ...kept])
}

/** `undefined`: of another version, or not whole. The reader is good for as long as the octets are. */
export function digestReader(digest: Buffer): DigestReader | undefined {
  const ends = endsOf(digest)
  return ends && new DigestReader(digest, ends)
}

/** Each gives `undefined` where the section was too long to be kept, or was not made. */
export class DigestReader {
  private readonly digest: Buffer
  private readonly ends: readonly number[]

  constructor(digest: Buffer, ends: readonly number[]) {
    this.digest = digest
    this.ends = ends
  }

  /** Made of all of the message, and not of its header alone. */
  get whole(): boolean {
    return isCurrent(this.digest)
  }

  private text(section: Section, encoding: 'latin1' | 'utf8' = 'latin1'): string | undefined {
    const [start, end] = [this.ends[section]!, this.ends[section + 1]!]
    return start === end ? undefined : this.digest.toString(encoding, start, end)
  }

  envelope(): string | undefined {
    return this.text(Section.Envelope)
  }

  body(): string | undefined {
    return this.text(Section.Body)
  }

  extended(): string | undefined {
    return this.text(Section.Extended)
  }

  structure(): Structure | undefined {
    const [body, extended, spans] = [this.body(), this.extended(), this.text(Section.Spans)]
    if (body === undefined || extended === undefined || spans === undefined) return undefined
    return { root: deep(JSON.parse(spans) as Flat), body, extended, weight: 2 * this.digest.length }
  }

  facts(): Facts | undefined {
    const facts = this.text(Section.Facts, 'utf8')
    return facts === undefined ? undefined : unpacked(JSON.parse(facts) as Packed)
  }

  /** UTF-8 as octets. */
  preview(): string | undefined {
    return this.text(Section.Preview)?.slice(1)
  }
}

/** Whether it is of this version, and whole. */
export function isCurrent(digest: Buffer): boolean {
  return digest[0] === VERSION
}

/** Whether what is kept says all that this one would say: a digest of the header alone may come later than a whole one. */
export function saysAll(there: Buffer, digest: Buffer): boolean {
  const kept = digestReader(there)
  return kept !== undefined && (kept.whole || there[0] === digest[0])
}

/** Where the sections begin, and at last where they end. */
function endsOf(digest: Buffer): readonly number[] | undefined {
  if ((digest[0] !== VERSION && digest[0] !== HEAD_ONLY) || digest.length < HEAD) return undefined
  const ends = [HEAD]
  for (let index = 0; index < SECTIONS; index++) ends.push(ends[index]! + digest.readUInt32LE(1 + 4 * index))
  return ends[SECTIONS] === digest.length ? ends : undefined
}

// ── spans and facts as lists: short, and quickly read ───────────────────────────────────────────────────────────────────

type Flat = readonly [
  headerStart: number,
  bodyStart: number,
  end: number,
  multipart: 0 | 1,
  children?: readonly Flat[],
  message?: Flat,
]

/** Depth is bounded by the reader of MIME. */
function flat(span: Span): Flat {
  const { headerStart, bodyStart, end, multipart, children, message } = span
  const start = [headerStart, bodyStart, end, multipart ? 1 : 0] as const
  if (message) return [...start, children.map(flat), flat(message)]
  return children.length > 0 ? [...start, children.map(flat)] : start
}

function deep([headerStart, bodyStart, end, multipart, children = [], message]: Flat): Span {
  const span = { headerStart, bodyStart, end, multipart: multipart === 1, children: children.map(deep) }
  return message ? { ...span, message: deep(message) } : span
}

type Packed = readonly [
  sent: number | null,
  subject: string,
  reply: 0 | 1,
  from: string,
  to: string,
  cc: string,
  id: string,
  ...references: string[],
]

function packed({ sent, subject, reply, from, to, cc, id, references }: Facts): Packed {
  return [sent ?? null, subject, reply ? 1 : 0, from, to, cc, id, ...references]
}

function unpacked([sent, subject, reply, from, to, cc, id, ...references]: Packed): Facts {
  return { ...(sent !== null && { sent }), subject, reply: reply === 1, from, to, cc, id, references }
}
