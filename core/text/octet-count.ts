/** What sort of octets a part is made of: enough to say whether it may go as it is, and which encoding suits it. */

const [NUL, LF, CR] = [0, 10, 13] as const
/** RFC 2045 §2.7: octets of a line without its end. */
const LONGEST_LINE = 998

export class OctetCount {
  above127 = 0
  /** Length of the line end that came last; 0 when something else did, or nothing. */
  lastNewline = 0
  #size = 0
  #line = 0
  #last = -1
  #odd = false

  push(bytes: Buffer): void {
    let last = this.#last
    for (const octet of bytes) {
      if (octet > 127) this.above127 += 1
      else if (octet === LF) {
        if (last !== CR) this.#odd = true
        else this.#line -= 1
        if (this.#line > LONGEST_LINE) this.#odd = true
        this.#line = -1
      } else if (octet === NUL) this.#odd = true
      if (last === CR && octet !== LF) this.#odd = true
      this.#line += 1
      last = octet
    }
    this.#size += bytes.length
    if (last === LF) this.lastNewline = (bytes.length > 1 ? bytes.at(-2) : this.#last) === CR ? 2 : 1
    else this.lastNewline = 0
    this.#last = last
  }

  /** RFC 2045 §2.8: lines of at most 998 octets with CRLF between them, and no NUL. */
  get isText(): boolean {
    return !this.#odd && this.#line <= LONGEST_LINE && this.#last !== CR
  }

  /** Text stays readable where that costs no more than base64 does: two octets for one above 127, or a third of all. */
  suits(text: boolean): 'quoted-printable' | 'base64' {
    return text && this.isText && this.above127 * 6 <= this.#size ? 'quoted-printable' : 'base64'
  }
}
