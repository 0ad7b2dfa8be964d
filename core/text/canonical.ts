/**
 * Canonical forms of RFC 6376 §3.4, in which signatures (DKIM, ARC) see a message: what small changes on the way leave as it is.
 * Header fields are octets as Latin-1 text, as everywhere; bodies go through in pieces, and nothing of their size is ever held.
 */
export type CanonicalForm = 'simple' | 'relaxed'

const CR = 13
const LF = 10
const SPACE = 32
const TAB = 9
const CRLF = Buffer.from('\r\n')
const MANY_LINES = 4096
/** Octets that a piece may owe to the one before: a space, a CR, an end of line. */
const OWED = 8
const LINES = Buffer.from('\r\n'.repeat(MANY_LINES))

/** One field with its CRLF, folded as it stands in the message. */
export function canonicalField(field: string, form: CanonicalForm): string {
  if (form === 'simple') return field
  const colon = field.indexOf(':')
  // RFC 6376 §3.4.2: unfolded, white space in one space, none around the colon nor at the end.
  const name = field.slice(0, colon).replace(/[ \t]+/g, '')
  const value = field
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
  return `${name.toLowerCase()}:${unspaced(value)}\r\n`
}

/** Not `trim`: 0xA0 is no space here, but the end of a letter in UTF-8. */
function unspaced(value: string): string {
  const from = value.startsWith(' ') ? 1 : 0
  return value.slice(from, value.endsWith(' ') && value.length > from ? -1 : undefined)
}

/** Brings a body into canonical form, piece by piece; `write` may keep what it is given only until it returns. */
export class CanonicalBody {
  readonly #write: (octets: Buffer) => void
  readonly #relaxed: boolean
  /** Line ends that count only if something comes after them: empty lines at the end are left out. */
  #lines = 0
  /** White space before the next octet. */
  #space = false
  /** The last piece ended in CR. */
  #cr = false
  #begun = false
  #out = Buffer.alloc(0)

  constructor(form: CanonicalForm, write: (octets: Buffer) => void) {
    this.#relaxed = form === 'relaxed'
    this.#write = write
  }

  update(piece: Buffer): void {
    if (piece.length === 0) return
    if (this.#relaxed) this.#updateRelaxed(piece)
    else this.#updateSimple(piece)
  }

  /** RFC 6376 §3.4.3, §3.4.4: one line end at the end; only the relaxed form of nothing is nothing. */
  end(): void {
    if (this.#cr) {
      const owed = Buffer.alloc(2)
      this.#begun = true
      this.#write(owed.subarray(0, this.#octet(owed, 0, CR, 0)))
    }
    if (this.#begun || !this.#relaxed) this.#write(CRLF)
  }

  /** Everything up to the line ends at the end of the piece goes through as it is. */
  #updateSimple(given: Buffer): void {
    const piece = this.#cr ? Buffer.concat([LINES.subarray(0, 1), given]) : given
    this.#cr = piece[piece.length - 1] === CR
    const whole = this.#cr ? piece.length - 1 : piece.length
    let end = whole
    while (end >= 2 && piece[end - 1] === LF && piece[end - 2] === CR) end -= 2
    if (end > 0) this.#put(piece.subarray(0, end))
    this.#lines += (whole - end) / 2
  }

  // One pass over the octets: lines are not looked for first, since a body may be one line of 50 MB.
  #updateRelaxed(piece: Buffer): void {
    if (this.#out.length < piece.length + OWED) this.#out = Buffer.allocUnsafe(piece.length + OWED)
    const out = this.#out
    let [at, cr, plain] = [0, this.#cr, false]
    for (let i = 0; i < piece.length; i++) {
      const octet = piece[i]!
      // Nothing is owed: most octets go this way.
      if (plain && octet > SPACE) {
        out[at++] = octet
        continue
      }
      plain = false
      if (cr) {
        cr = false
        if (octet === LF) {
          this.#lines += 1
          this.#space = false
          continue
        }
        at = this.#octet(out, at, CR, piece.length - i)
      }
      if (octet === SPACE || octet === TAB) this.#space = true
      else if (octet === CR) cr = true
      else {
        at = this.#octet(out, at, octet, piece.length - i)
        plain = true
      }
    }
    this.#cr = cr
    if (at > 0) this.#begun = true
    if (at > 0) this.#write(out.subarray(0, at))
  }

  /** With the line ends and the space that are owed before it. `rest`: octets that are still to come. */
  #octet(out: Buffer, from: number, octet: number, rest: number): number {
    let at = from
    if (this.#lines > 0) at = this.#lineEnds(out, at, rest)
    if (this.#space) out[at++] = SPACE
    this.#space = false
    out[at++] = octet
    return at
  }

  /** Those of this piece have room where they stood; those of pieces before may be many, and go out at once. */
  #lineEnds(out: Buffer, from: number, rest: number): number {
    let at = from
    if (at + 2 * this.#lines + 2 + rest > out.length) {
      if (at > 0) this.#write(out.subarray(0, at))
      this.#writeLines()
      return 0
    }
    for (; this.#lines > 0; this.#lines -= 1) {
      out[at++] = CR
      out[at++] = LF
    }
    return at
  }

  #put(octets: Buffer): void {
    this.#writeLines()
    this.#begun = true
    this.#write(octets)
  }

  #writeLines(): void {
    for (; this.#lines > MANY_LINES; this.#lines -= MANY_LINES) this.#write(LINES)
    if (this.#lines > 0) this.#write(LINES.subarray(0, 2 * this.#lines))
    this.#lines = 0
  }
}
