/**
 * The characters of a text by number, in one row of memory. A string of V8 may be of one or two octets a character, a chain of pieces or a piece of
 * another, and is asked which it is for each character; for what looks at each of them a copy, which takes a fraction of one look, pays at once.
 */

/** Room for most texts, taken once. */
const USUAL = 64 * 1024

let octets = Buffer.allocUnsafeSlow(USUAL * 2)
let codes = codesIn(octets)

/** Good until the next call, so for nothing that waits; what stands behind the text is of others before it. */
export function codesOf(text: string): Uint16Array {
  if (text.length > codes.length) {
    octets = Buffer.allocUnsafeSlow(text.length * 2)
    codes = codesIn(octets)
  }
  octets.write(text, 0, 'utf16le')
  return codes
}

function codesIn({ buffer, byteOffset, byteLength }: Buffer): Uint16Array {
  return new Uint16Array(buffer, byteOffset, byteLength / 2)
}

/** What `\s` is in a pattern; asked of every character. */
export function isSpace(code: number): boolean {
  if (code < 0x80) return code === 32 || (code >= 9 && code <= 13)
  if (code < 0x1680) return code === 0xa0
  if (code > 0x3000) return code === 0xfeff
  return (
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000 ||
    code === 0x1680
  )
}
