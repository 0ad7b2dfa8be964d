/**
 * One tag of HTML read: its name and those attributes that somebody here asks for. Moves on with every step and looks at nothing twice,
 * so hostile markup costs what its length costs. Names and values come as browsers take them, not as the standard writes them.
 */

export interface Tag {
  /** Lower case. */
  readonly name: string
  readonly closing: boolean
  /** By lower-case name, the first of two counts; undecoded and cut. Shared and empty when there are none. */
  readonly attributes: ReadonlyMap<string, string>
  /** Attributes that would run something (`onload=`). */
  readonly handlers: number
  /** Offset after `>`. */
  readonly end: number
}

const WANTED =
  'action alt background bgcolor class color content dir height hidden href http-equiv id src style text type width'.split(
    ' ',
  )
/** By first letter and length, so that most others are passed over without being cut out. */
const WANTED_SHAPES = new Set(WANTED.map(name => shape(name.charCodeAt(0), name.length)))
const WANTED_NAMES = new Set(WANTED)
const MAX_VALUE = 2000
const MAX_NAME = 41
const NONE: ReadonlyMap<string, string> = new Map()

const LETTER_O = 111
const GREATER = 62
const SLASH = 47
const EQUALS = 61
const DOUBLE = 34
const SINGLE = 39

function shape(letter: number, length: number): number {
  return (letter | 32) * 64 + length
}

/** `open` is the offset of `<`. Nothing when no tag starts there: `a < b`. */
export function readTag(html: string, open: number): Tag | undefined {
  const closing = html.charCodeAt(open + 1) === SLASH
  const start = open + (closing ? 2 : 1)
  if (!isLetter(html.charCodeAt(start))) return undefined
  let at = start + 1
  while (at < html.length && !endsName(html.charCodeAt(at))) at += 1
  const name = html.slice(start, Math.min(at, start + MAX_NAME)).toLowerCase()
  if (closing || html.charCodeAt(at) === GREATER) {
    const end = closing ? html.indexOf('>', at) : at
    return { name, closing, attributes: NONE, handlers: 0, end: end < 0 ? html.length : end + 1 }
  }
  return readAttributes(html, at, name)
}

function readAttributes(html: string, from: number, name: string): Tag {
  let attributes: Map<string, string> | undefined
  let handlers = 0
  let at = from
  while (at < html.length) {
    const code = html.charCodeAt(at)
    if (code === GREATER) break
    if (code <= 32 || code === SLASH) {
      at += 1
      continue
    }
    const start = at
    at += 1
    while (at < html.length && !endsAttributeName(html.charCodeAt(at))) at += 1
    const length = at - start
    const letter = code | 32
    if (letter === LETTER_O && length > 3 && isHandler(html, start)) handlers += 1
    const wanted = length < 16 && WANTED_SHAPES.has(shape(code, length)) ? wantedName(html, start, at) : undefined
    at = skipSpace(html, at)
    let value = ''
    if (html.charCodeAt(at) === EQUALS) {
      at = skipSpace(html, at + 1)
      const quote = html.charCodeAt(at)
      const quoted = quote === DOUBLE || quote === SINGLE
      const valueStart = quoted ? at + 1 : at
      const valueEnd = quoted ? closingQuote(html, valueStart, quote) : unquotedEnd(html, at)
      if (wanted !== undefined) value = html.slice(valueStart, Math.min(valueEnd, valueStart + MAX_VALUE))
      at = quoted ? Math.min(valueEnd + 1, html.length) : valueEnd
    }
    if (wanted === undefined) continue
    attributes ??= new Map()
    if (!attributes.has(wanted)) attributes.set(wanted, value)
  }
  return { name, closing: false, attributes: attributes ?? NONE, handlers, end: Math.min(at + 1, html.length) }
}

function wantedName(html: string, start: number, end: number): string | undefined {
  const name = html.slice(start, end).toLowerCase()
  return WANTED_NAMES.has(name) ? name : undefined
}

/** `onclick`, not `one`. */
function isHandler(html: string, start: number): boolean {
  return (
    (html.charCodeAt(start + 1) | 32) === 110 &&
    /^on(?:load|error|click|mouse|focus|blur|key|submit|change|unload|begin|toggle|pointer)/i.test(
      html.slice(start, start + 12),
    )
  )
}

/** What is not closed reaches to the end, as in browsers. */
function closingQuote(html: string, from: number, quote: number): number {
  const close = html.indexOf(quote === DOUBLE ? '"' : "'", from)
  return close < 0 ? html.length : close
}

function unquotedEnd(html: string, from: number): number {
  let at = from
  while (at < html.length) {
    const code = html.charCodeAt(at)
    if (code <= 32 || code === GREATER) break
    at += 1
  }
  return at
}

function skipSpace(html: string, from: number): number {
  let at = from
  while (html.charCodeAt(at) <= 32) at += 1
  return at
}

function endsName(code: number): boolean {
  return code <= 32 || code === GREATER || code === SLASH
}

function endsAttributeName(code: number): boolean {
  return code <= 32 || code === GREATER || code === SLASH || code === EQUALS
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90)
}
