/**
 * A value with parameters, as Content-Type and Content-Disposition have it (RFC 2045 §5.1), with continuations and charsets
 * (RFC 2231) and the encoded words in quotes that mailers write instead. One pass from left to right, never throws.
 */
import { decodeCharset } from './charset.js'
import { decodeWords } from './words.js'

export interface Parameters {
  /** What stands before the first `;`, comments dropped, case kept. */
  readonly value: string
  /** By lower-case name, decoded; the first of two of the same name counts. */
  readonly params: Map<string, string>
  /** As written (quotes removed), `filename*0*` and all, in order: what IMAP shows. */
  readonly written: readonly (readonly [name: string, value: string])[]
}

interface Section {
  readonly part: number
  readonly encoded: boolean
  readonly text: string
}

const MAX_LENGTH = 64 * 1024
const MAX_PARAMS = 200
const CONTINUED = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/

export function parseParameters(value: string): Parameters {
  const pieces = splitAtSemicolons(value.slice(0, MAX_LENGTH))
  const written: (readonly [string, string])[] = []
  for (const piece of pieces.slice(1, MAX_PARAMS + 1)) {
    const equals = piece.indexOf('=')
    const name = equals < 0 ? '' : piece.slice(0, equals).trim()
    if (name !== '') written.push([name, unquote(piece.slice(equals + 1).trim())])
  }
  return { value: dropComment(pieces[0]!).trim(), params: decodeAll(written), written }
}

/** Splits at `;` outside of quotes. */
function splitAtSemicolons(text: string): string[] {
  const pieces: string[] = []
  let start = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (quoted && char === '\\') i += 1
    else if (char === '"') quoted = !quoted
    else if (char === ';' && !quoted) {
      pieces.push(text.slice(start, i))
      start = i + 1
    }
  }
  pieces.push(text.slice(start))
  return pieces
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return dropComment(text).trim()
  let value = ''
  for (let i = 1; i < text.length && text[i] !== '"'; i++) {
    if (text[i] === '\\' && i + 1 < text.length) i += 1
    value += text[i]
  }
  return value
}

/** `us-ascii (Plain text)`, the example of RFC 2045 §5.1: a comment at the end of an unquoted value. */
function dropComment(text: string): string {
  const trimmed = text.trimEnd()
  const open = trimmed.endsWith(')') ? trimmed.lastIndexOf('(') : -1
  return open < 0 ? trimmed : trimmed.slice(0, open)
}

function decodeAll(written: readonly (readonly [string, string])[]): Map<string, string> {
  const params = new Map<string, string>()
  const continued = new Map<string, Section[]>()
  for (const [writtenName, text] of written) {
    const name = writtenName.toLowerCase()
    const parts = name.includes('*') ? CONTINUED.exec(name) : null
    if (parts === null) {
      if (!params.has(name)) params.set(name, decodeWords(text))
      continue
    }
    const section = { part: Number(parts[2] ?? 0), encoded: parts[3] !== undefined, text }
    const sections = continued.get(parts[1]!)
    if (sections === undefined) continued.set(parts[1]!, [section])
    else sections.push(section)
  }
  // RFC 2231 forms say more than the plain form beside them, and win.
  for (const [name, sections] of continued) params.set(name, joinSections(sections))
  return params
}

/** RFC 2231 §3, §4.1: sections in the order of their numbers up to the first gap; the first names the charset. */
function joinSections(sections: Section[]): string {
  const ordered = [...sections].sort((a, b) => a.part - b.part)
  let charset = ''
  const octets: Buffer[] = []
  let next = ordered[0]!.part
  for (const { part, encoded, text } of ordered) {
    if (part < next) continue
    if (part > next) break
    const named = encoded && octets.length === 0 ? /^([^']*)'[^']*'/.exec(text) : null
    if (named !== null) charset = named[1]!
    octets.push(
      encoded ? percentDecode(named === null ? text : text.slice(named[0].length)) : Buffer.from(text, 'latin1'),
    )
    next = part + 1
  }
  return decodeCharset(Buffer.concat(octets), charset)
}

function percentDecode(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(text.length)
  let to = 0
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === '%' ? text.slice(i + 1, i + 3) : ''
    if (/^[0-9a-f]{2}$/i.test(hex)) {
      bytes[to++] = Number.parseInt(hex, 16)
      i += 2
    } else {
      bytes[to++] = text.charCodeAt(i) & 0xff
    }
  }
  return bytes.subarray(0, to)
}
