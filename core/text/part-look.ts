/**
 * One part of a message looked at: what it is for, what it holds by its content, its name, what is odd about it, and its text when it is
 * to be read. Decodes as little as tells: the beginning of a file, the end of an archive.
 */
import { decodeCharset, tryUtf8 } from './charset.js'
import { contentKind, KIND_OCTETS } from './content-kind.js'
import type { MimePart } from './mime.js'
import type { ContentKind, PartFacts, PartOddity } from './part-facts.js'
import { decodeTransfer } from './transfer.js'
import { decodeWords } from './words.js'

export interface LookedAt {
  readonly facts: PartFacts
  /** Its text is read, as plain text or as markup. */
  readonly readAs?: 'plain' | 'html'
  /** Its text, of at most so many octets. */
  text(most: number): string
}

export interface Place {
  readonly depth: number
  readonly parent?: MimePart
}

/** Shown among the text by mail programs; other text is a file. */
const PLAIN_TYPES = new Set(['text/plain', 'message/delivery-status', 'message/disposition-notification'])
const HTML_TYPES = new Set(['text/html', 'text/xhtml', 'application/xhtml+xml', 'text/x-amp-html', 'text/watch-html'])
const READABLE_FILES: ReadonlySet<ContentKind> = new Set(['text', 'html', 'svg', 'xml', 'calendar'])
const MAX_NAME = 255
const LF = 10
const CR = 13
const EQUALS = 61

export function lookAtPart(bytes: Buffer, part: MimePart, { depth }: Place): LookedAt {
  const type = `${part.type}/${part.subtype}`
  const disposition = part.disposition?.value ?? ''
  const name = nameOf(part)
  const begins = part.type === 'multipart' ? Buffer.alloc(0) : beginningOf(bytes, part)
  const kind = kindOf(part, begins)
  const role = roleOf(part, type, disposition, kind)
  const odd: PartOddity[] = []
  const readAs = readingOf(role, type, kind)
  const said = part.params.get('charset')?.toLowerCase() ?? ''
  const facts: PartFacts = {
    path: part.path,
    depth,
    role,
    type,
    kind,
    charset: said,
    encoding: part.encoding,
    disposition,
    name,
    size: sizeOf(bytes, part),
    odd,
    ...(readAs !== undefined && said !== '' && { charsetFound: said }),
  }
  return {
    facts,
    ...(readAs !== undefined && { readAs }),
    text: most => textOf(bytes, part, said, most),
  }
}

function textOf(bytes: Buffer, part: MimePart, said: string, most: number): string {
  const octets = decodeTransfer(bytes.subarray(part.start, Math.min(part.end, part.start + most)), part.encoding)
  return said === '' ? (tryUtf8(octets) ?? decodeCharset(octets, '')) : decodeCharset(octets, said)
}

function beginningOf(bytes: Buffer, part: MimePart): Buffer {
  return decodeTransfer(bytes.subarray(part.start, Math.min(part.end, part.start + KIND_OCTETS)), part.encoding)
}

function kindOf(part: MimePart, begins: Buffer): ContentKind {
  if (part.type === 'multipart') return 'multipart'
  return part.message !== undefined ? 'message' : contentKind(begins)
}

function roleOf(part: MimePart, type: string, disposition: string, kind: ContentKind): PartFacts['role'] {
  if (part.type === 'multipart') return 'multipart'
  const apart = disposition !== '' && disposition !== 'inline'
  if (part.message !== undefined) return apart ? 'file' : 'message'
  if (!apart && (PLAIN_TYPES.has(type) || HTML_TYPES.has(type))) return 'body'
  return kind === 'image' && !apart && part.id !== undefined ? 'inline' : 'file'
}

function readingOf(role: PartFacts['role'], type: string, kind: ContentKind): 'plain' | 'html' | undefined {
  if (role === 'body') return HTML_TYPES.has(type) || kind === 'html' ? 'html' : 'plain'
  if (role !== 'file' || !READABLE_FILES.has(kind)) return undefined
  return kind === 'text' || kind === 'calendar' ? 'plain' : 'html'
}

function nameOf(part: MimePart): string {
  return decodeWords(part.disposition?.params.get('filename') ?? part.params.get('name') ?? '').slice(0, MAX_NAME)
}

/** Reckoned from length and lines: four octets of base64 are three, padding and line ends are none. */
function sizeOf(bytes: Buffer, { start, end, encoding, lines }: MimePart): number {
  let last = end
  while (last > start && bytes[last - 1]! <= 32) last -= 1
  if (encoding !== 'base64') return end - start
  const firstBreak = bytes.indexOf(LF, start)
  const lineEnds = (firstBreak > start && bytes[firstBreak - 1] === CR ? 2 : 1) * Math.max(0, lines - 1)
  let padding = 0
  while (padding < 2 && last > start && bytes[last - 1 - padding] === EQUALS) padding += 1
  return Math.max(0, Math.floor(((last - start - lineEnds) * 3) / 4) - padding)
}
