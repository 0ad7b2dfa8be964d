/**
 * Strings as the server writes them (RFC 3501 §4.3, §9). Octet strings go in and out: one character per octet.
 * A quoted string is used while it is short 7-bit text; everything else becomes a literal, which carries any octet but NUL.
 */
const QUOTABLE = /^[\x01-\x09\x0b\x0c\x0e-\x7f]*$/
const LONGEST_QUOTED = 1000

/** Only for text known to be 7-bit without CR, LF, NUL. */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

export function writeString(octets: string): string {
  if (octets.length <= LONGEST_QUOTED && QUOTABLE.test(octets)) return quote(octets)
  // RFC 3501 §9: CHAR8 is any octet but NUL; a NUL in a header would break the client's parser, so it is told as a space.
  const clean = octets.replaceAll('\0', ' ')
  return `{${clean.length}}\r\n${clean}`
}

export function writeNString(octets: string | undefined): string {
  return octets === undefined ? 'NIL' : writeString(octets)
}

/** Atom when possible: header names in `BODY[HEADER.FIELDS (…)]`. */
export function writeAstring(octets: string): string {
  return /^[^\x00-\x20\x7f-\xff(){%*"\\]+$/.test(octets) ? octets : writeString(octets)
}

/** RFC 3501 §9 resp-text: TEXT-CHAR only, and not empty; a `[` at the start would read as a response code. */
export function writeText(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 900)
  return clean === '' ? '-' : clean.startsWith('[') ? `(${clean.slice(1)}` : clean
}

export function writeFlags(flags: readonly string[]): string {
  return `(${flags.join(' ')})`
}

/** Error sentences become answers. */
export function capitalise(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
