/**
 * Content-Transfer-Encoding undone (RFC 2045 §6.7, §6.8, and uuencode of before), with the patience real mail needs: what is no base64 is passed
 * over, padding may come in the middle, a lone `=` in quoted-printable stays as it is. Unknown encodings come back unchanged.
 */
const EQUALS = 61
const CR = 13
const LF = 10
const UNDERSCORE = 95
const BASE64 = base64Values()
const HEX = hexValues()

export function decodeTransfer(bytes: Buffer, encoding: string): Buffer {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return decodeBase64(bytes)
    case 'quoted-printable':
      return decodeQuotedPrintable(bytes)
    case 'x-uuencode':
    case 'uuencode':
    case 'x-uue':
      return decodeUuencode(bytes)
    default:
      return bytes
  }
}

export function decodeBase64(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(Math.ceil((bytes.length * 3) / 4) + 3)
  let to = 0
  let bits = 0
  let held = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    // Padding ends a group; whatever follows starts anew.
    if (byte === EQUALS) held = 0
    const value = BASE64[byte]!
    if (value < 0) continue
    bits = ((bits << 6) | value) & 0xffffff
    held += 6
    if (held >= 8) {
      held -= 8
      out[to++] = (bits >> held) & 0xff
    }
  }
  return out.subarray(0, to)
}

function base64Values(): Int8Array {
  const values = new Int8Array(256).fill(-1)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  for (let i = 0; i < 64; i++) values[alphabet.charCodeAt(i)] = i
  return values
}

/** As POSIX describes it: each line begins with its length; what stands around `begin` and `end` is no part of it. */
export function decodeUuencode(bytes: Buffer): Buffer {
  const begin = bytes.indexOf('begin ')
  if (begin < 0) return bytes
  const out = Buffer.allocUnsafe(bytes.length)
  let to = 0
  for (let at = bytes.indexOf(LF, begin) + 1; at > 0 && at < bytes.length; at = bytes.indexOf(LF, at) + 1) {
    const length = (bytes[at]! - 32) & 63
    if (length === 0 || bytes[at]! < 32 || bytes[at]! > 96) break
    const end = Math.min(to + length, out.length)
    for (let group = at + 1; to < end && group + 3 < bytes.length; group += 4) {
      const [a, b, c, d] = [0, 1, 2, 3].map(place => (bytes[group + place]! - 32) & 63) as [
        number,
        number,
        number,
        number,
      ]
      for (const octet of [(a << 2) | (b >> 4), (b << 4) | (c >> 2), (c << 6) | d])
        if (to < end) out[to++] = octet & 255
    }
  }
  return out.subarray(0, to)
}

/** `underscores`: the Q encoding of header fields, where `_` is a space (RFC 2047 §4.2). */
export function decodeQuotedPrintable(bytes: Buffer, underscores = false): Buffer {
  const out = Buffer.allocUnsafe(bytes.length)
  const length = bytes.length
  const space = underscores ? UNDERSCORE : -1
  let to = 0
  // What stands before this in `out` was meant, be it white space.
  let meant = 0
  let i = 0
  while (i < length) {
    const byte = bytes[i]!
    if (byte !== EQUALS) {
      if (byte === LF) to = meant = endLine(out, meant, to)
      else out[to++] = byte === space ? 32 : byte
      i += 1
      continue
    }
    const value = i + 2 < length ? (HEX[bytes[i + 1]!]! << 4) | HEX[bytes[i + 2]!]! : -1
    const soft = value < 0 ? softBreakEnd(bytes, i + 1) : -1
    if (soft < 0) out[to++] = value < 0 ? byte : value
    i = soft >= 0 ? soft : value < 0 ? i + 1 : i + 3
    meant = to
  }
  return out.subarray(0, to)
}

/** RFC 2045 §6.7 (3): white space at the end of a line was added on the way. Writes the LF, and says where the next line starts. */
function endLine(out: Buffer, meant: number, to: number): number {
  const end = to > meant && out[to - 1] === CR ? to - 1 : to
  let stop = end
  while (stop > meant && (out[stop - 1] === 32 || out[stop - 1] === 9)) stop -= 1
  if (end < to) out[stop++] = CR
  out[stop++] = LF
  return stop
}

/** Where the line after a soft break starts, or −1. White space may stand behind the `=`, at most a line of it. */
function softBreakEnd(bytes: Buffer, from: number): number {
  let at = from
  while (at - from < 80 && (bytes[at] === 32 || bytes[at] === 9)) at += 1
  if (at >= bytes.length) return bytes.length
  if (bytes[at] === LF) return at + 1
  return bytes[at] === CR && bytes[at + 1] === LF ? at + 2 : -1
}

/** −1 for what is no digit; shifted and joined with another it stays below 0. */
function hexValues(): Int8Array {
  const values = new Int8Array(256).fill(-1)
  for (const [i, digit] of [...'0123456789abcdef'].entries()) {
    values[digit.charCodeAt(0)] = i
    values[digit.toUpperCase().charCodeAt(0)] = i
  }
  return values
}
