/**
 * Sections of a message (RFC 3501 §6.4.5 BODY[section]<partial>): which octets they are, and sending them. Small ones are read before
 * anything is said of the message, large ones go out piece by piece.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { MailError } from 'posthouse/api'
import { no, Refused } from './answer.js'
import type { Content, Header } from './content.js'
import { decoded, encodingOf, isKnown } from './decoding.js'
import { ConversationOver } from './input.js'
import type { Output } from './output.js'
import { findPart, type Span } from './structure.js'
import type { FetchItem, Partial, SectionText } from './wire/fetch-items.js'

/** Sections up to here are read whole; larger ones are sent in pieces of this size. */
const CHUNK_BYTES = 256 * 1024

export type SectionItem = Extract<FetchItem, { kind: 'section' }>

export type Resolved = { readonly label: string } & (
  | { readonly kind: 'nil' }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Octets [from, to) of the message. */
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  /** Octets [first, last) of a part without its encoding. */
  | { readonly kind: 'decoded'; readonly part: Encoded; readonly first: number; readonly last: number }
)

/** Where the octets of a part lie, and what they say. */
interface Encoded {
  readonly from: number
  readonly to: number
  readonly encoding: string
}

export async function resolve(content: Content, item: SectionItem): Promise<Resolved> {
  if (item.decoded) return resolveDecoded(content, item)
  const { label, section, partial } = item
  const found = section.path.length === 0 ? await ofMessage(content, section.text) : await ofPart(content, section)
  if (!found) return { kind: 'nil', label }
  if (Buffer.isBuffer(found)) {
    const [from, to] = cut(0, found.length, partial)
    return { kind: 'bytes', label, bytes: found.subarray(from, to) }
  }
  const [from, to] = cut(found[0], found[1], partial)
  if (to - from > CHUNK_BYTES) return { kind: 'range', label, from, to }
  return { kind: 'bytes', label, bytes: await content.read(from, to) }
}

/** BINARY[…]: small ones are kept, of large ones only the size is found out here. */
async function resolveDecoded(content: Content, { label, section, partial }: SectionItem): Promise<Resolved> {
  const part = await encodedPart(content, section.path)
  if (!part) return { kind: 'nil', label }
  const kept: Buffer[] = []
  let size = 0
  for await (const piece of decoded((from, to) => content.read(from, to), part.from, part.to, part.encoding)) {
    size += piece.length
    if (size <= CHUNK_BYTES) kept.push(piece)
    await turn()
  }
  const [first, last] = cut(0, size, partial)
  if (size > CHUNK_BYTES) return { kind: 'decoded', label, part, first, last }
  return { kind: 'bytes', label, bytes: Buffer.concat(kept).subarray(first, last) }
}

/** BINARY.SIZE[…]; of a part there is not, nothing. */
export async function decodedSize(content: Content, path: readonly number[]): Promise<number> {
  const part = await encodedPart(content, path)
  let size = 0
  if (!part) return size
  for await (const piece of decoded((from, to) => content.read(from, to), part.from, part.to, part.encoding)) {
    size += piece.length
    await turn()
  }
  return size
}

/** RFC 2045 §6.4: a message as a whole, a multipart and a message inside have no encoding. */
async function encodedPart(content: Content, path: readonly number[]): Promise<Encoded | undefined> {
  if (path.length === 0) return { from: 0, to: content.size, encoding: 'binary' }
  const part = findPart((await content.structure()).root, path)
  if (!part) return undefined
  const { bodyStart: from, end: to } = part
  if (part.message || part.multipart) return { from, to, encoding: 'binary' }
  const encoding = encodingOf((await content.headerIn(part.headerStart, from)).fields)
  // RFC 3516 §4.3
  if (!isKnown(encoding)) throw new Refused(no('A part is in an encoding nobody knows here', 'UNKNOWN-CTE'))
  return { from, to, encoding }
}

/** RFC 3501 §6.4.5: beyond the end there is an empty string. */
function cut(from: number, to: number, partial: Partial | undefined): readonly [number, number] {
  if (!partial) return [from, to]
  const start = Math.min(to, from + partial.first)
  return [start, Math.min(to, start + partial.count)]
}

type Octets = Buffer | readonly [from: number, to: number]

async function ofMessage(content: Content, text: SectionText): Promise<Octets | undefined> {
  if (text.kind === 'all') return [0, content.size]
  const header = await content.header()
  return ofHeader(header, text) ?? [header.bytes.length, content.size]
}

/** `undefined` for TEXT, which is not in the header. */
function ofHeader(header: Header, text: SectionText): Buffer | undefined {
  switch (text.kind) {
    case 'fields':
      return pickFields(header, text)
    case 'text':
      return undefined
    default:
      return header.bytes
  }
}

/** RFC 3501 §6.4.5: the fields in the order of the message, and the empty line if there is one. */
function pickFields(header: Header, text: Extract<SectionText, { kind: 'fields' }>): Buffer {
  const names = new Set(text.names.map(name => name.toLowerCase()))
  const picked = header.fields.filter(field => names.has(field.name.toLowerCase()) !== text.not)
  const last = header.fields.at(-1)?.end ?? 0
  return Buffer.concat([...picked.map(field => header.bytes.subarray(field.start, field.end)), emptyLine(header, last)])
}

function emptyLine({ bytes }: Header, from: number): Buffer {
  const tail = bytes.subarray(from).toString('latin1')
  return Buffer.from(/(?:^|\n)(\r?\n)$/.exec(tail)?.[1] ?? '', 'latin1')
}

async function ofPart(content: Content, { path, text }: SectionItem['section']): Promise<Octets | undefined> {
  const part = findPart((await content.structure()).root, path)
  if (!part) return undefined
  if (text.kind === 'all') return [part.bodyStart, part.end]
  if (text.kind === 'mime') return [part.headerStart, part.bodyStart]
  // RFC 3501 §6.4.5: HEADER and TEXT of a part are those of the message inside it.
  return part.message && ofInner(content, part.message, text)
}

async function ofInner(content: Content, inner: Span, text: SectionText): Promise<Octets> {
  if (text.kind === 'text') return [inner.bodyStart, inner.end]
  if (text.kind !== 'fields') return [inner.headerStart, inner.bodyStart]
  return pickFields(await content.headerIn(inner.headerStart, inner.bodyStart), text)
}

export async function sendSection(output: Output, content: Content, part: Resolved): Promise<void> {
  switch (part.kind) {
    case 'nil':
      output.write(`${part.label} NIL`)
      return
    case 'bytes':
      output.write(`${part.label} ${marked(part)}{${part.bytes.length}}\r\n`)
      output.write(part.bytes)
      return
    case 'range':
      output.write(`${part.label} {${part.to - part.from}}\r\n`)
      return sendRange(output, content, part.from, part.to)
    case 'decoded':
      // Whether there is NUL in it is not known.
      output.write(`${part.label} ~{${part.last - part.first}}\r\n`)
      return sendDecoded(output, content, part)
  }
}

/** RFC 3516 §4.3: a literal8 where there is NUL; elsewhere NUL goes out as it was stored. */
function marked({ label, bytes }: Extract<Resolved, { kind: 'bytes' }>): string {
  return label.startsWith('BINARY[') && bytes.includes(0) ? '~' : ''
}

async function sendDecoded(
  output: Output,
  content: Content,
  { part, first, last }: Extract<Resolved, { kind: 'decoded' }>,
): Promise<void> {
  const read = (from: number, to: number) => content.read(from, to).catch(torn)
  let at = 0
  for await (const piece of decoded(read, part.from, part.to, part.encoding)) {
    const wanted = piece.subarray(Math.max(0, first - at), Math.max(0, last - at))
    if (wanted.length > 0) output.write(wanted)
    at += piece.length
    await output.room()
    if (at >= last) return
  }
}

function torn(error: unknown): never {
  if (error instanceof MailError) throw new ConversationOver('torn')
  throw error
}

/** A literal that has begun must be completed: nothing else could be understood (RFC 3501 §4.3). */
async function sendRange(output: Output, content: Content, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += CHUNK_BYTES) {
    const stop = Math.min(to, at + CHUNK_BYTES)
    const chunk = await content.read(at, stop).catch(torn)
    if (chunk.length !== stop - at) throw new ConversationOver('torn')
    output.write(chunk)
    await output.room()
  }
}
