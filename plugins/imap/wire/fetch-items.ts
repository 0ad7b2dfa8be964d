/**
 * What FETCH may ask for (RFC 3501 §6.4.5, §9 fetch-att, section). Reading and the label that names an item in the answer stand
 * together, since the answer must repeat what was asked: `BODY.PEEK[1.HEADER.FIELDS (To)]<0.10>` is answered `BODY[1.HEADER.FIELDS (To)]<0>`.
 */
import type { CapabilityName } from './features.js'
import { ReadError, type Reader } from './reader.js'
import { writeAstring } from './write.js'

export type SectionText =
  | { readonly kind: 'all' }
  | { readonly kind: 'header' }
  | { readonly kind: 'text' }
  | { readonly kind: 'mime' }
  | { readonly kind: 'fields'; readonly not: boolean; readonly names: readonly string[] }

export interface Section {
  /** `[4, 2]` for part 4.2; empty for the message itself. */
  readonly path: readonly number[]
  readonly text: SectionText
}

/** `<first.count>` */
export interface Partial {
  readonly first: number
  readonly count: number
}

export type FetchItem =
  | { readonly kind: 'flags' }
  | { readonly kind: 'uid' }
  | { readonly kind: 'internaldate' }
  | { readonly kind: 'size' }
  /** RFC 7162 §3.1.4.2 */
  | { readonly kind: 'modseq' }
  /** RFC 8474 §5.3 */
  | { readonly kind: 'emailid' }
  | { readonly kind: 'threadid' }
  /** RFC 8514 §4.2 */
  | { readonly kind: 'savedate' }
  | { readonly kind: 'envelope' }
  /** RFC 8970; `lazy`: only if it is there already. */
  | { readonly kind: 'preview'; readonly lazy: boolean }
  /** `BODY` is `BODYSTRUCTURE` without extension data. `global`: MESSAGE/GLOBAL is told with what is inside (RFC 9051 §9). */
  | { readonly kind: 'structure'; readonly extended: boolean; readonly global: boolean }
  | {
      readonly kind: 'section'
      /** `BODY[…]`, `RFC822`, `RFC822.HEADER` or `RFC822.TEXT` as it is named in the answer. */
      readonly label: string
      readonly section: Section
      readonly partial?: Partial
      /** Does not set \Seen. */
      readonly peek: boolean
      /** BINARY: without its transfer encoding. */
      readonly decoded?: true
    }
  | { readonly kind: 'decoded-size'; readonly label: string; readonly path: readonly number[] }

const MOST_ITEMS = 64
const MOST_NAMES = 256
const DEEPEST = 64

const MACRO = /(?:ALL|FAST|FULL)(?![A-Z0-9.[])/iy
const FAST: readonly FetchItem[] = [{ kind: 'flags' }, { kind: 'internaldate' }, { kind: 'size' }]
const ALL: readonly FetchItem[] = [...FAST, { kind: 'envelope' }]
const MACROS = new Map<string, (input: Reader) => readonly FetchItem[]>([
  ['FAST', () => FAST],
  ['ALL', () => ALL],
  ['FULL', input => [...ALL, structure(input, false)]],
])

export function readFetchItems(input: Reader): readonly FetchItem[] {
  if (input.peek('(')) return unique(input.list(() => readItem(input), MOST_ITEMS, 'items to fetch'))
  const macro = input.take(MACRO)
  return macro === undefined ? [readItem(input)] : MACROS.get(macro.toUpperCase())!(input)
}

/** What is asked twice is told once. */
function unique(items: readonly FetchItem[]): readonly FetchItem[] {
  return [...new Map(items.map(item => [JSON.stringify(item), item])).values()]
}

/** Those that belong to a capability. */
const EXTENDED = new Map<string, { readonly needs: CapabilityName; readonly item: FetchItem }>([
  ['MODSEQ', { needs: 'CONDSTORE', item: { kind: 'modseq' } }],
  ['EMAILID', { needs: 'OBJECTID', item: { kind: 'emailid' } }],
  ['THREADID', { needs: 'OBJECTID', item: { kind: 'threadid' } }],
  ['SAVEDATE', { needs: 'SAVEDATE', item: { kind: 'savedate' } }],
])

const ITEM = /[A-Z][A-Z0-9.]*/iy
const WHOLE: Section = { path: [], text: { kind: 'all' } }

function readItem(input: Reader): FetchItem {
  const column = input.column
  const name = input.need(ITEM, 'an item to fetch').toUpperCase()
  const extended = EXTENDED.get(name)
  if (extended !== undefined && input.can(extended.needs)) return extended.item
  // RFC 8970 §6: the modifiers stand in parentheses, and there is one.
  if (name === 'PREVIEW' && input.can('PREVIEW'))
    return { kind: 'preview', lazy: input.take(/ \(LAZY\)/iy) !== undefined }
  switch (name) {
    case 'FLAGS':
      return { kind: 'flags' }
    case 'UID':
      return { kind: 'uid' }
    case 'INTERNALDATE':
      return { kind: 'internaldate' }
    case 'RFC822.SIZE':
      return { kind: 'size' }
    case 'ENVELOPE':
      return { kind: 'envelope' }
    case 'BODYSTRUCTURE':
      return structure(input, true)
    case 'RFC822':
      return { kind: 'section', label: name, section: WHOLE, peek: false }
    case 'RFC822.HEADER':
      // RFC 3501 §6.4.5: equivalent to BODY.PEEK[HEADER].
      return { kind: 'section', label: name, section: { path: [], text: { kind: 'header' } }, peek: true }
    case 'RFC822.TEXT':
      return { kind: 'section', label: name, section: { path: [], text: { kind: 'text' } }, peek: false }
    case 'BODY':
      return input.peek('[') ? readBody(input, false) : structure(input, false)
    case 'BODY.PEEK':
      return readBody(input, true)
    case 'BINARY':
    case 'BINARY.PEEK':
    case 'BINARY.SIZE':
      // RFC 9051 §6.4.5 has them without the rest of the extension.
      if (input.can('BINARY') || input.can('IMAP4rev2')) return readBinary(input, name)
      return unknown(column)
    default:
      return unknown(column)
  }
}

function structure(input: Reader, extended: boolean): FetchItem {
  return { kind: 'structure', extended, global: input.enabled('IMAP4rev2') }
}

function unknown(column: number): never {
  throw new ReadError(column, 'an item to fetch like FLAGS, ENVELOPE or BODY[]')
}

/** RFC 3516 §7: only parts, as nothing else has an encoding. */
function readBinary(input: Reader, name: string): FetchItem {
  input.need('[', '[')
  const path = readPath(input)
  if (name === 'BINARY.SIZE') return { kind: 'decoded-size', label: `${name}[${path.join('.')}]`, path }
  const partial = readPartial(input)
  const label = `BINARY[${path.join('.')}]${partial ? `<${partial.first}>` : ''}`
  const section: Section = { path, text: { kind: 'all' } }
  return { kind: 'section', label, section, peek: name !== 'BINARY', decoded: true, ...(partial && { partial }) }
}

/** Part numbers up to and with the bracket. */
function readPath(input: Reader): readonly number[] {
  const path: number[] = []
  if (input.take(']') !== undefined) return path
  do {
    if (path.length >= DEEPEST) input.refuse(`no more than ${DEEPEST} levels`)
    path.push(input.nzNumber('a part number'))
  } while (input.take('.') !== undefined)
  input.need(']', '. or ]')
  return path
}

function readBody(input: Reader, peek: boolean): FetchItem {
  const section = readSection(input)
  const partial = readPartial(input)
  const label = `BODY[${writeSection(section)}]${partial ? `<${partial.first}>` : ''}`
  return { kind: 'section', label, section, peek, ...(partial && { partial }) }
}

function readSection(input: Reader): Section {
  input.need('[', '[')
  const path: number[] = []
  while (input.peek(/[0-9]/y)) {
    if (path.length >= DEEPEST) input.refuse(`no more than ${DEEPEST} levels`)
    path.push(input.nzNumber('a part number'))
    if (input.take('.') === undefined) {
      input.need(']', '. or ]')
      return { path, text: { kind: 'all' } }
    }
  }
  const text =
    path.length === 0 && input.peek(']') ? ({ kind: 'all' } as const) : readSectionText(input, path.length > 0)
  input.need(']', ']')
  return { path, text }
}

const SECTION_TEXT = /(?:HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME)(?![A-Z0-9.])/iy

function readSectionText(input: Reader, inPart: boolean): SectionText {
  const column = input.column
  const wish = inPart ? 'HEADER, HEADER.FIELDS, TEXT or MIME' : 'a part number, HEADER, HEADER.FIELDS, TEXT or ]'
  const name = input.need(SECTION_TEXT, wish).toUpperCase()
  if (name === 'HEADER') return { kind: 'header' }
  if (name === 'TEXT') return { kind: 'text' }
  if (name === 'MIME') {
    // RFC 3501 §6.4.5: MIME must be prefixed by part numbers.
    if (!inPart) throw new ReadError(column, wish)
    return { kind: 'mime' }
  }
  input.space()
  const names = input.list(() => readFieldName(input), MOST_NAMES, 'names of header fields')
  return { kind: 'fields', not: name.endsWith('.NOT'), names }
}

/** RFC 5322 §3.6.8: printable US-ASCII without the colon. */
export function readFieldName(input: Reader): string {
  const column = input.column
  const name = input.astring('the name of a header field')
  if (!/^[\x21-\x39\x3b-\x7e]{1,255}$/.test(name)) throw new ReadError(column, 'the name of a header field')
  return name
}

function readPartial(input: Reader): Partial | undefined {
  if (input.take('<') === undefined) return undefined
  const first = input.number64('an offset')
  input.need('.', '. and a count')
  const { column } = input
  const count = input.number64('a count above 0')
  if (count === 0) throw new ReadError(column, 'a count above 0')
  input.need('>', '>')
  return { first, count }
}

function writeSection(section: Section): string {
  const path = section.path.join('.')
  const text = writeSectionText(section.text)
  return path && text ? `${path}.${text}` : path + text
}

function writeSectionText(text: SectionText): string {
  switch (text.kind) {
    case 'all':
      return ''
    case 'fields':
      return `HEADER.FIELDS${text.not ? '.NOT' : ''} (${text.names.map(writeAstring).join(' ')})`
    default:
      return text.kind.toUpperCase()
  }
}
