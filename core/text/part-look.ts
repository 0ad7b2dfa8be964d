/**
 * One part of a message looked at: what it is for, what it holds by its content, its name, what is odd about it, and its text when it is
 * to be read. Decodes as little as tells: all of a text, the beginning of a file, the end of an archive.
 */
import { lookIntoArchive } from './archive.js'
import { readOctets } from './charset-guess.js'
import { contentKind, KIND_OCTETS } from './content-kind.js'
import { nameOddities } from './file-name.js'
import { readFlowed } from './flowed.js'
import { nameAgrees, typeAgrees } from './kind-claims.js'
import type { MimePart } from './mime.js'
import type { ContentKind, PartFacts, PartOddity } from './part-facts.js'
import { type Encoded, isLonger, lengthOf, octetsOf } from './part-octets.js'
import { decodeWords } from './words.js'

export interface LookedAt {
  readonly facts: PartFacts
  /** Its text is read: as it stands, as markup, or both, when markup is called plain text. */
  readonly readAs?: 'plain' | 'html' | 'both'
  readonly text: string
  /** Octets that the text was made of. */
  readonly spent: number
  /** There was more. */
  readonly cut: boolean
}

export interface Place {
  readonly depth: number
  /** Of a message that is attached: its text is not the text of the message. */
  readonly apart: boolean
  /** Octets of text that may still be read: of the message, and of files. */
  readonly most: number
  readonly mostOfFiles: number
}

/** Shown among the text by mail programs; other text is a file. */
const PLAIN_TYPES = new Set([
  'text/plain',
  'message/delivery-status',
  'message/disposition-notification',
  'message/feedback-report',
])
const HTML_TYPES = new Set([
  'text/html',
  'text/xhtml',
  'application/xhtml+xml',
  'text/x-amp-html',
  'text/watch-html',
  // RFC 1896: close enough, with other names for the tags.
  'text/enriched',
  'text/richtext',
])
const READABLE_FILES: ReadonlySet<ContentKind> = new Set(['text', 'html', 'svg', 'xml', 'calendar'])
const MARKUP: ReadonlySet<ContentKind> = new Set(['html', 'svg', 'xml'])
/** What a part that is called text may turn out to be without being something else. */
const TEXTUAL: ReadonlySet<ContentKind> = new Set([
  ...READABLE_FILES,
  ...(['empty', 'unknown', 'vcard', 'script', 'pgp', 'rtf', 'postscript'] as const),
])
const ENCODINGS = new Set(['7bit', '8bit', 'binary', 'base64', 'quoted-printable', 'x-uuencode'])
/** Misspelled, and meant so. */
const ALSO_CALLED = new Map([
  ['8-bit', '8bit'],
  ['7-bit', '7bit'],
  ['8bits', '8bit'],
  ['7bits', '7bit'],
  ['utf-8', '8bit'],
  ['quoted printable', 'quoted-printable'],
  ['quotedprintable', 'quoted-printable'],
  ['base-64', 'base64'],
  ['uuencode', 'x-uuencode'],
  ['x-uue', 'x-uuencode'],
])
const MAX_NAME = 255
const MAX_META = 1024
const MAX_SAMPLE = 512
const MAX_FOOTER = 4096
const FOREIGN = /[^A-Za-z0-9+/=]/g
/** A line that no encoder made. */
const FOOTER = /^[A-Za-z0-9+/=]*[^A-Za-z0-9+/=\r\n][^\r\n]*[^\s]/m
const META_CHARSET = /<meta\s[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})/i
const NOTHING = Buffer.alloc(0)

export function lookAtPart(bytes: Buffer, part: MimePart, place: Place): LookedAt {
  const odd = new Set<PartOddity>()
  const encoded = encodedAs(bytes, part, odd)
  const type = typeOf(part, odd)
  const shown = isShown(part, type)
  const wanted = shown && place.most > 0 ? place.most : KIND_OCTETS
  const begins = isContainer(part) ? NOTHING : octetsOf(encoded, wanted)
  const kind = kindOf(part, begins)
  const role = roleOf(part, kind, shown)
  const readAs = readingOf(part, role, type, kind, place.apart)
  const most = role === 'file' ? place.mostOfFiles : place.most
  const content = { begins, type, kind, shown, most, odd }
  const read = readAs === undefined || most <= 0 ? undefined : readPart(encoded, part, content)
  const name = nameOf(part, odd)
  if (!typeAgrees(type, kind)) odd.add('type-lies')
  if (!nameAgrees(name, kind)) odd.add('name-lies')
  if (part.type === 'multipart') noteShape(part, odd)
  const inside = role === 'file' && place.mostOfFiles > 0 ? lookIntoArchive(encoded, kind, begins) : undefined
  const facts: PartFacts = {
    ...{ path: part.path, depth: place.depth, role, type, kind: inside?.kind ?? kind },
    ...said(part),
    name,
    size: lengthOf(encoded),
    odd: [...odd],
    ...(read !== undefined && { charsetFound: read.found }),
    ...(inside?.archive !== undefined && { archive: inside.archive }),
    ...(inside?.macros !== undefined && { macros: inside.macros }),
  }
  const { text, spent } = read ?? { text: '', spent: 0 }
  return { facts, text, spent, cut: isLonger(encoded, most), ...(readAs !== undefined && { readAs }) }
}

function noteShape(multipart: MimePart, odd: Set<PartOddity>): void {
  if (!isContainer(multipart)) odd.add(multipart.params.get('boundary') ? 'no-parts' : 'no-boundary')
  else if (multipart.unended) odd.add('no-end')
}

/** What the part says of itself. */
function said({ params, encoding, disposition }: MimePart): Pick<PartFacts, 'charset' | 'encoding' | 'disposition'> {
  return { charset: params.get('charset')?.toLowerCase() ?? '', encoding, disposition: disposition?.value ?? '' }
}

interface Content {
  readonly begins: Buffer
  readonly type: string
  readonly kind: ContentKind
  readonly shown: boolean
  readonly most: number
  readonly odd: Set<PartOddity>
}

interface Read {
  readonly text: string
  readonly found: string
  readonly spent: number
}

function readPart(encoded: Encoded, part: MimePart, { begins, type, kind, shown, most, odd }: Content): Read {
  const octets = shown ? begins : octetsOf(encoded, most)
  const said = part.params.get('charset') ?? (MARKUP.has(kind) || HTML_TYPES.has(type) ? charsetInside(octets) : '')
  const { text, found, wrong } = readOctets(octets, said)
  if (wrong !== undefined) odd.add(`charset-${wrong}`)
  const encodedText = encoded.encoding === 'base64' && shown && octets.length > 0
  if (encodedText && found === 'us-ascii') odd.add('encoding-needless')
  if (type === 'text/html' && octets.length > 0 && !text.includes('<')) odd.add('text-as-html')
  if (type === 'text/plain' && kind === 'html') odd.add('html-as-text')
  const flowed = type === 'text/plain' && part.params.get('format')?.toLowerCase() === 'flowed'
  const spaceGoes = part.params.get('delsp')?.toLowerCase() === 'yes'
  return { text: flowed ? readFlowed(text, spaceGoes) : text, found, spent: octets.length }
}

function charsetInside(octets: Buffer): string {
  return META_CHARSET.exec(octets.toString('latin1', 0, Math.min(octets.length, MAX_META)))?.[1] ?? ''
}

function encodedAs(bytes: Buffer, { start, end, encoding: said }: MimePart, odd: Set<PartOddity>): Encoded {
  const encoding = ALSO_CALLED.get(said) ?? said
  if (!ENCODINGS.has(encoding)) odd.add('encoding-unknown')
  if (encoding !== 'base64') return { bytes, start, end, encoding }
  if (!startsAsBase64(bytes, start, end)) {
    odd.add('encoding-broken')
    return { bytes, start, end, encoding: '8bit' }
  }
  const last = base64End(bytes, start, end)
  if (last < end) odd.add('encoding-broken')
  return { bytes, start, end: last, encoding }
}

/** Text that somebody forgot to encode has spaces in its lines. */
function startsAsBase64(bytes: Buffer, start: number, end: number): boolean {
  const sample = bytes.toString('latin1', start, Math.min(end, start + MAX_SAMPLE)).trim()
  const [line = ''] = sample.split(/\r?\n/, 1)
  const foreign = line.match(FOREIGN)?.length ?? 0
  return foreign <= line.length / 20
}

/** Mailing lists put a line of their own under what is encoded. */
function base64End(bytes: Buffer, start: number, end: number): number {
  const from = Math.max(start, end - MAX_FOOTER)
  const tail = bytes.toString('latin1', from, end)
  const foreign = tail.search(FOOTER)
  return foreign < 0 ? end : from + foreign
}

/** RFC 2045 §5.2 makes plain text of a type that cannot be read; what it names may still tell. */
function typeOf(part: MimePart, odd: Set<PartOddity>): string {
  const type = `${part.type}/${part.subtype}`
  if (type !== 'text/plain' || part.params.size !== 1 || part.params.get('charset') !== 'us-ascii') return type
  const written = part.header.find(({ name }) => name.toLowerCase() === 'content-type')?.raw
  if (written === undefined || /^\s*text\/plain/i.test(written)) return type
  odd.add('type-broken')
  return /^\W*(?:text\W+)?x?html/i.test(written) ? 'text/html' : type
}

function isContainer({ children, message }: MimePart): boolean {
  return children.length > 0 || message !== undefined
}

/** Open, or closed because it is encoded. */
function holdsMessage({ type, subtype, message }: MimePart): boolean {
  return message !== undefined || (type === 'message' && subtype === 'rfc822')
}

/** Mail programs show it with the message. */
function isShown(part: MimePart, type: string): boolean {
  if (isApart(part) || isContainer(part)) return false
  // A multipart without parts is read as the text it is.
  return PLAIN_TYPES.has(type) || HTML_TYPES.has(type) || part.type === 'multipart'
}

/** RFC 2183 §2.8: a disposition nobody knows is an attachment. */
function isApart({ disposition }: MimePart): boolean {
  return disposition !== undefined && disposition.value !== '' && disposition.value !== 'inline'
}

function kindOf(part: MimePart, begins: Buffer): ContentKind {
  if (holdsMessage(part)) return 'message'
  return part.children.length > 0 ? 'multipart' : contentKind(begins)
}

function roleOf(part: MimePart, kind: ContentKind, shown: boolean): PartFacts['role'] {
  if (part.children.length > 0) return 'multipart'
  if (holdsMessage(part)) return isApart(part) ? 'file' : 'message'
  if (shown && TEXTUAL.has(kind)) return 'body'
  return kind === 'image' && !isApart(part) && (part.id !== undefined || part.disposition !== undefined)
    ? 'inline'
    : 'file'
}

function readingOf(
  part: MimePart,
  role: PartFacts['role'],
  type: string,
  kind: ContentKind,
  apart: boolean,
): LookedAt['readAs'] {
  if (role === 'body') return HTML_TYPES.has(type) ? 'html' : kind === 'html' ? 'both' : 'plain'
  if (role !== 'file' || holdsMessage(part) || apart || !READABLE_FILES.has(kind)) return undefined
  return MARKUP.has(kind) ? 'html' : 'plain'
}

function nameOf(part: MimePart, odd: Set<PartOddity>): string {
  const asFile = part.disposition?.params.get('filename')
  const asPart = part.params.get('name')
  const name = decodeWords(asFile ?? asPart ?? '').slice(0, MAX_NAME)
  if (asFile !== undefined && asPart !== undefined && name !== decodeWords(asPart).slice(0, MAX_NAME))
    odd.add('names-differ')
  for (const one of nameOddities(name)) odd.add(one)
  return name
}
