/**
 * Sections of a message (RFC 3501 §6.4.5 BODY[section]<partial>): which octets they are, and sending them. Small ones are read before
 * anything is said of the message, large ones go out piece by piece.
 */
import { MailError } from 'posthouse/api'
import type { Content, Header } from './content.js'
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
)

export async function resolve(content: Content, item: SectionItem): Promise<Resolved> {
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
      output.write(`${part.label} {${part.bytes.length}}\r\n`)
      output.write(part.bytes)
      return
    case 'range':
      output.write(`${part.label} {${part.to - part.from}}\r\n`)
      return sendRange(output, content, part.from, part.to)
  }
}

/** A literal that has begun must be completed: nothing else could be understood (RFC 3501 §4.3). */
async function sendRange(output: Output, content: Content, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += CHUNK_BYTES) {
    const stop = Math.min(to, at + CHUNK_BYTES)
    const chunk = await content.read(at, stop).catch((error: unknown) => {
      if (error instanceof MailError) throw new ConversationOver('torn')
      throw error
    })
    if (chunk.length !== stop - at) throw new ConversationOver('torn')
    output.write(chunk)
    await output.room()
  }
}
