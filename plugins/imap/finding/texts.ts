/**
 * What can be found in a message by SEARCH: its texts, decoded (encoded words, transfer encodings, charsets, HTML) and folded. Matching and indexing
 * go by the same texts, so that the index never hides what matching would find.
 */
import {
  decodeTransfer,
  decodeWords,
  type Field,
  htmlToText,
  type MimePart,
  parseAddressList,
  readOctets,
  scanMime,
} from 'posthouse/text'
import { fold } from './fold.js'

/** What TEXT and BODY look at, folded. */
export interface Texts {
  /** Text parts, reports of servers, and the headers of messages inside. */
  readonly body: readonly string[]
  /** Headers of parts: names of attached files stand there. Of no use to BODY, in which a user looks for what can be read. */
  readonly partHeaders: readonly string[]
}

export function readTexts(bytes: Buffer, root: MimePart = scanMime(bytes, { lines: false }).root): Texts {
  const body: string[] = []
  const partHeaders: string[] = []
  const todo: MimePart[] = [root]
  for (let part = todo.pop(); part; part = todo.pop()) {
    if (part.message) {
      body.push(headerText(part.message.header))
      todo.push(part.message)
    } else if (isReadable(part)) body.push(...textOf(part, bytes))
    partHeaders.push(...part.children.map(child => headerText(child.header)))
    todo.push(...part.children)
  }
  return { body, partHeaders }
}

export function headerText(header: readonly Field[]): string {
  return fold(header.map(field => `${field.name}: ${decodeWords(field.raw)}`).join('\n'))
}

/** Bounces and reports say what happened in message/delivery-status and its like; of a multipart whose boundary never comes all is text. */
function isReadable({ type, children }: MimePart): boolean {
  return type === 'text' || type === 'message' || (type === 'multipart' && children.length === 0)
}

function textOf(part: MimePart, bytes: Buffer): readonly string[] {
  const octets = decodeTransfer(bytes.subarray(part.start, part.end), part.encoding)
  const { text } = readOctets(octets, part.params.get('charset') ?? 'us-ascii')
  // Words may be cut by tags in the source, and addresses of links stand only there.
  return part.subtype === 'html' ? [fold(text), fold(htmlToText(text).text)] : [fold(text)]
}

/** Values of one field, each in every way somebody may write it. */
export type Forms = (raw: string) => readonly string[]

export function plainForms(raw: string): readonly string[] {
  return [decodeWords(raw)]
}

/** RFC 3501 §6.4.4 FROM: compared is the envelope, so `a (comment)@ b.org` is `a@b.org` too. */
export function addressForms(raw: string): readonly string[] {
  const addresses = parseAddressList(raw)
    .flatMap(item => (item.kind === 'group' ? item.members : [item]))
    .map(({ name, local, domain }) => `${decodeWords(name)} <${local}@${domain}>`)
  return [decodeWords(raw), ...addresses]
}
