/**
 * Reads the arguments of one command from left to right and insists: `take` tries, `need` refuses with place and wish.
 * A command reaches it as a frame: pieces of line with a literal between each two (RFC 3501 §4.3), so that reading never touches the
 * connection and can be fuzzed alone. Strings are octet strings: one character per octet; `utf8` turns them into text.
 */
import { isUtf8 } from 'node:buffer'
import type { NewBody } from 'posthouse/api'
import { ReadError } from 'posthouse/text'
import { type CapabilityName, EVERY_FEATURE, type Features, speaksUtf8 } from './features.js'

/** The only thing a reader throws. The client hears it as BAD, with the column counted over the lines of the command. */
export { ReadError }

/** A literal that came with the command: in memory, or (a message for APPEND) already with the store, until it is dropped. */
export type Literal =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'body'; readonly body: NewBody; readonly size: number; readonly drop: () => Promise<void> }

/** `lines[i]` is followed by `literals[i]`; there is one line more than there are literals. No line holds CRLF. */
export interface Frame {
  readonly lines: readonly string[]
  readonly literals: readonly Literal[]
}

export interface LiteralMark {
  readonly size: number
  /** `{n+}`: the client does not wait for our `+` (RFC 7888). */
  readonly pushed: boolean
  /** `~{n}`: may hold NUL (RFC 3516). */
  readonly binary: boolean
}

const MARK = /(~?)\{([0-9]{1,20})(\+?)\}$/

/** The literal a line announces at its end. */
export function literalMark(line: string): LiteralMark | undefined {
  const found = MARK.exec(line)
  return found ? { size: Number(found[2]), pushed: found[3] === '+', binary: found[1] === '~' } : undefined
}

/** Cuts octets that are already all there into a frame: for tests and tools; the session's framer does the same as octets come. */
export function frameOf(octets: Buffer): Frame {
  const lines: string[] = []
  const literals: Literal[] = []
  let at = 0
  for (;;) {
    const found = octets.indexOf('\r\n', at, 'latin1')
    const end = found < 0 ? octets.length : found
    const line = octets.toString('latin1', at, end)
    lines.push(line)
    const mark = found < 0 ? undefined : literalMark(line)
    if (!mark || end + 2 + mark.size > octets.length) return { lines, literals }
    literals.push({ kind: 'bytes', bytes: octets.subarray(end + 2, end + 2 + mark.size) })
    at = end + 2 + mark.size
  }
}

// RFC 3501 §9: atom-specials are ( ) { SP CTL % * " \ ]; ASTRING-CHAR adds ].
const ATOM = /[^\x00-\x20\x7f-\xff(){%*"\\\]]+/y
const ASTRING = /[^\x00-\x20\x7f-\xff(){%*"\\]+/y
const TAG = /[^\x00-\x20\x7f-\xff(){%*"\\+]+/y
// RFC 3501 §9: TEXT-CHAR without quoted-specials. Octets above 127 are taken too: old clients send passwords and searches so.
const QUOTED = /"((?:[^\x00\r\n"\\]|\\["\\])*)"/y
const NIL = /NIL(?![^\x00-\x20\x7f-\xff(){%*"\\])/iy
const NUMBER = /[0-9]+/y
const LARGEST = 2n ** 63n - 1n

export class Reader {
  private readonly frame: Frame
  private readonly features: Features
  private piece = 0
  private at = 0
  /** Octets of the lines before this one. */
  private before = 0

  constructor(frame: Frame, features: Features = EVERY_FEATURE) {
    this.frame = frame
    this.features = features
  }

  static of(text: string | Buffer, features?: Features): Reader {
    return new Reader(frameOf(typeof text === 'string' ? Buffer.from(text, 'latin1') : text), features)
  }

  /** Whether what belongs to this capability is known in this session. */
  can(name: CapabilityName): boolean {
    return this.features.can(name)
  }

  /** Whether the client has ENABLEd it. */
  enabled(name: CapabilityName): boolean {
    return this.features.enabled(name)
  }

  private get line(): string {
    return this.frame.lines[this.piece] ?? ''
  }

  /** From 1, over all lines of the command; literals do not count. */
  get column(): number {
    return this.before + this.at + 1
  }

  get atEnd(): boolean {
    return this.at >= this.line.length && this.piece >= this.frame.literals.length
  }

  /** What follows on this line. */
  get rest(): string {
    return this.line.slice(this.at)
  }

  /** `pattern` must be sticky (`/…/y`). A string is taken as it stands. */
  take(pattern: RegExp | string): string | undefined {
    const found = this.look(pattern)
    if (found !== undefined) this.at += found.length
    return found
  }

  peek(pattern: RegExp | string): boolean {
    return this.look(pattern) !== undefined
  }

  private look(pattern: RegExp | string): string | undefined {
    if (typeof pattern === 'string') return this.line.startsWith(pattern, this.at) ? pattern : undefined
    pattern.lastIndex = this.at
    return pattern.exec(this.line)?.[0]
  }

  need(pattern: RegExp | string, wish: string): string {
    return this.take(pattern) ?? this.refuse(wish)
  }

  refuse(wish: string): never {
    throw new ReadError(this.column, wish)
  }

  /** What was read from `column` on is not it. */
  refuseAt(column: number, wish: string): never {
    throw new ReadError(column, wish)
  }

  space(): void {
    this.need(' ', 'a space')
  }

  end(): void {
    if (!this.atEnd) this.refuse('the end of the command')
  }

  /** Passes over the rest: what follows cannot matter any more. */
  skip(): void {
    this.piece = this.frame.literals.length
    this.at = this.line.length
  }

  tag(): string {
    return this.need(TAG, 'a tag')
  }

  atom(wish = 'an atom'): string {
    return this.need(ATOM, wish)
  }

  takeAtom(): string | undefined {
    return this.take(ATOM)
  }

  /** RFC 3501 §9: number is 32 bits unsigned. */
  number(wish = 'a number'): number {
    const column = this.column
    const value = Number(this.need(NUMBER, wish))
    if (value > 0xffffffff) throw new ReadError(column, `${wish} below 4294967296`)
    return value
  }

  /** RFC 9051 §9: number64 is 63 bits. What is beyond 2^53 is beyond every message too. */
  number64(wish = 'a number'): number {
    const column = this.column
    const digits = this.need(NUMBER, wish)
    if (digits.length > 19 || BigInt(digits) > LARGEST) throw new ReadError(column, `${wish} below 9223372036854775808`)
    return Number(digits)
  }

  nzNumber(wish = 'a number above 0'): number {
    const column = this.column
    const value = this.number(wish)
    if (value === 0) throw new ReadError(column, wish)
    return value
  }

  takeQuoted(): string | undefined {
    const { column } = this
    const found = this.take(QUOTED)
    // RFC 6855 §3: what is not UTF-8 is answered BAD, once the client has said that it speaks it.
    if (found !== undefined && speaksUtf8(this.features) && !isUtf8Octets(found))
      throw new ReadError(column, 'a string in UTF-8')
    return found?.slice(1, -1).replace(/\\(["\\])/g, '$1')
  }

  /** Whether a literal is announced right here, and nothing else on this line, be it in the frame or still to come. */
  get atLiteral(): boolean {
    return MARK.exec(this.line)?.index === this.at
  }

  /** Steps over a literal and into the line behind it. */
  takeLiteral(): Literal | undefined {
    return this.peek('{') ? this.takeAnyLiteral() : undefined
  }

  /** The same for one that may hold NUL, `~{n}` (RFC 3516 §7). */
  takeLiteral8(): Literal | undefined {
    return this.peek('~{') ? this.takeAnyLiteral() : undefined
  }

  private takeAnyLiteral(): Literal | undefined {
    const literal = this.frame.literals[this.piece]
    if (!literal || !this.atLiteral) return undefined
    this.before += this.line.length
    this.piece += 1
    this.at = 0
    return literal
  }

  /** A quoted string or a literal small enough to be in memory. */
  takeString(): string | undefined {
    const quoted = this.takeQuoted()
    if (quoted !== undefined) return quoted
    const { column } = this
    const literal = this.takeLiteral()
    if (literal === undefined) return undefined
    if (literal.kind !== 'bytes') throw new ReadError(column, 'a shorter literal')
    // RFC 3501 §9: CHAR8 has no NUL.
    if (literal.bytes.includes(0)) throw new ReadError(column, 'a literal without NUL')
    return literal.bytes.toString('latin1')
  }

  string(wish = 'a string'): string {
    return this.takeString() ?? this.refuse(wish)
  }

  takeAstring(): string | undefined {
    return this.take(ASTRING) ?? this.takeString()
  }

  astring(wish = 'an atom or a string'): string {
    return this.takeAstring() ?? this.refuse(wish)
  }

  nstring(wish = 'a string or NIL'): string | undefined {
    return this.take(NIL) === undefined ? this.string(wish) : undefined
  }

  /** `(` one, two … `)`; at most `most` items. */
  list<T>(item: () => T, most: number, wish: string): T[] {
    this.need('(', `( and ${wish}`)
    const items: T[] = [item()]
    while (this.take(' ') !== undefined) {
      if (items.length >= most) this.refuse(`no more than ${most} of them`)
      items.push(item())
    }
    this.need(')', 'a space or )')
    return items
  }
}

/** Whether an octet string is UTF-8. */
export function isUtf8Octets(octets: string): boolean {
  return !/[\x80-\xff]/.test(octets) || isUtf8(Buffer.from(octets, 'latin1'))
}

/** Octets as text; broken UTF-8 becomes U+FFFD. */
export function utf8(octets: string): string {
  return Buffer.from(octets, 'latin1').toString('utf8')
}
