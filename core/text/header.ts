/**
 * The header block: finding its fields in octets, and writing new ones.
 * `raw` holds octets as Latin-1 characters, so that `Buffer.from(raw, 'latin1')` gives back exactly what came over the wire;
 * `decodeWords` makes readable text of it. Line ends may be CRLF or LF; a line that is no field is noted and passed over.
 */
export interface Field {
  readonly name: string
  /** Unfolded, leading space removed, encoded words left alone. */
  readonly raw: string
  /** Octets [start, end) with the line ends. */
  readonly start: number
  readonly end: number
}

export interface ScannedHeader {
  readonly fields: Field[]
  /** Offset after the empty line, or the end of the bytes. */
  readonly bodyStart: number
  /** The empty line was there. */
  readonly ended: boolean
  readonly broken: string[]
}

const LF = 10
const CR = 13
const SPACE = 32
const TAB = 9
const COLON = 58
/** Fields beyond these are not read, only counted. */
export const MAX_FIELDS = 2000
const MAX_COMPLAINTS = 20

export function scanHeader(bytes: Buffer, maxFields = MAX_FIELDS): ScannedHeader {
  return scanFields(bytes, 0, bytes.length, maxFields)
}

/** Scans the header block that starts at `from`; all offsets stay those of `bytes`. */
export function scanFields(bytes: Buffer, from: number, to: number, maxFields = MAX_FIELDS): ScannedHeader {
  const fields: Field[] = []
  const broken: string[] = []
  let dropped = 0
  let at = from
  while (at < to) {
    const end = fieldEnd(bytes, at, to)
    if (isEmptyLine(bytes, at, to))
      return { fields, bodyStart: lineEnd(bytes, at, to), ended: true, broken: complain(broken, dropped) }
    const field = fields.length < maxFields ? readField(bytes, at, end) : undefined
    if (field !== undefined) fields.push(field)
    else if (fields.length >= maxFields) dropped += 1
    else if (broken.length < MAX_COMPLAINTS) broken.push(`line at octet ${at} is no header field`)
    at = end
  }
  broken.push('header has no end')
  return { fields, bodyStart: to, ended: false, broken: complain(broken, dropped) }
}

function complain(broken: string[], dropped: number): string[] {
  if (dropped > 0) broken.push(`${dropped} header fields too many`)
  return broken
}

export function isEmptyLine(bytes: Buffer, at: number, to = bytes.length): boolean {
  return at < to && (bytes[at] === LF || (bytes[at] === CR && at + 1 < to && bytes[at + 1] === LF))
}

/** Offset after the line feed, or `to`. Lines are short: looking octet by octet is quicker than a search that has to be started. */
export function lineEnd(bytes: Buffer, at: number, to = bytes.length): number {
  const near = Math.min(to, at + 256)
  for (let i = at; i < near; i++) if (bytes[i] === LF) return i + 1
  if (near === to) return to
  const lf = bytes.indexOf(LF, near)
  return lf < 0 || lf >= to ? to : lf + 1
}

/** A field goes on while lines start with white space. */
function fieldEnd(bytes: Buffer, at: number, to: number): number {
  let end = lineEnd(bytes, at, to)
  while (end < to && (bytes[end] === SPACE || bytes[end] === TAB)) end = lineEnd(bytes, end, to)
  return end
}

function readField(bytes: Buffer, start: number, end: number): Field | undefined {
  let colon = start
  // RFC 5322 §2.2: a name is printable ASCII without colon; §4.5 lets white space stand before the colon.
  while (colon < end && bytes[colon]! > SPACE && bytes[colon]! < 127 && bytes[colon] !== COLON) colon += 1
  const nameEnd = colon
  while (colon < end && (bytes[colon] === SPACE || bytes[colon] === TAB)) colon += 1
  if (nameEnd === start || bytes[colon] !== COLON || colon >= end) return undefined
  const written = bytes.toString('latin1', start, end)
  return { name: written.slice(0, nameEnd - start), raw: unfold(written.slice(colon + 1 - start)), start, end }
}

function unfold(written: string): string {
  const lined = written.endsWith('\r\n')
    ? written.slice(0, -2)
    : written.endsWith('\n')
      ? written.slice(0, -1)
      : written
  const unfolded = lined.includes('\n') ? unfoldLines(lined) : lined
  return unfolded.trimStart()
}

/** A field seldom has many lines: cutting them out is quicker than replacing. */
function unfoldLines(lined: string): string {
  let unfolded = ''
  let at = 0
  for (let lf = lined.indexOf('\n'); lf >= 0; lf = lined.indexOf('\n', at)) {
    unfolded += lined.slice(at, lf > at && lined.charCodeAt(lf - 1) === CR ? lf - 1 : lf)
    at = lf + 1
  }
  return unfolded + lined.slice(at)
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

// RFC 5322 §2.1.1
const WISHED_LINE = 78
const LONGEST_LINE = 998

const PLAIN_NAME = /^[!-9;-~]+$/
const PLAIN_VALUE = /^[!-~](?:[ -~]*[!-~])?$/

/** `Name: value` with CRLF, folded where there is space; words longer than a line may be are cut. Controls become spaces. */
export function foldField(name: string, value: string): string {
  const inOneLine = name.length + ': '.length + value.length <= WISHED_LINE
  if (inOneLine && PLAIN_NAME.test(name) && PLAIN_VALUE.test(value)) return `${name}: ${value}\r\n`
  const head = `${name.replace(/[^!-9;-~]/g, '-')}:`
  const clean = value.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim()
  let folded = ''
  let line = head
  for (const word of splitWords(clean)) {
    const wider = Buffer.byteLength(line) + Buffer.byteLength(word)
    if (wider > WISHED_LINE && line !== head) {
      folded += `${line}\r\n`
      line = word
    } else {
      line += word
    }
  }
  return `${folded}${line}\r\n`
}

/** Words with the spaces in front of them; none so long that it breaks the limit together with the field's name. */
function splitWords(value: string): string[] {
  return (` ${value}`.match(/ +[^ ]+/g) ?? []).flatMap(word =>
    Buffer.byteLength(word) <= LONGEST_LINE - WISHED_LINE ? [word] : cutWord(word),
  )
}

function cutWord(word: string): string[] {
  const pieces: string[] = []
  let piece = ''
  for (const char of word) {
    if (Buffer.byteLength(piece) + Buffer.byteLength(char) > LONGEST_LINE - WISHED_LINE) {
      pieces.push(piece)
      piece = ' '
    }
    piece += char
  }
  pieces.push(piece)
  return pieces
}
