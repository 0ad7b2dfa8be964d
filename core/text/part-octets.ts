/**
 * The octets of a part, decoded as far as they are wanted: from the beginning, from both ends, or from the end alone. So a file of many
 * megabytes costs no more than what is looked at.
 */
import { lineEnd } from './header.js'
import { decodeTransfer } from './transfer.js'

export interface Encoded {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  /** Lower case. */
  readonly encoding: string
}

const LF = 10
const CR = 13
const EQUALS = 61
const BASE64_RATIO = 4 / 3
/** Line ends are octets too, up to one pair for four. */
const LINE_ENDS = 1.5

/** There is more than `most`. */
export function isLonger({ start, end, encoding }: Encoded, most: number): boolean {
  return end - start > rawLength(encoding, most)
}

function rawLength(encoding: string, most: number): number {
  return encoding === 'base64' ? Math.ceil(most * BASE64_RATIO) : most
}

/** All, or of more than `most` (decoded) three quarters from the beginning and the rest from the end. */
export function octetsOf({ bytes, start, end, encoding }: Encoded, most: number): Buffer {
  const raw = rawLength(encoding, most)
  if (end - start <= raw) return decodeTransfer(bytes.subarray(start, end), encoding)
  const tail = Math.floor(raw / 4)
  const lineStart = bytes.indexOf(LF, end - tail) + 1
  const from = lineStart > 0 && lineStart < end ? lineStart : end - tail
  const head = decodeTransfer(bytes.subarray(start, start + raw - tail), encoding)
  return Buffer.concat([head, decodeTransfer(bytes.subarray(from, end), encoding)])
}

/** The last of them, at most so many. */
export function lastOctetsOf({ bytes, start, end, encoding }: Encoded, most: number): Buffer {
  if (encoding !== 'base64') {
    const raw = encoding === 'quoted-printable' ? 3 * most : most
    return decodeTransfer(bytes.subarray(Math.max(start, end - raw), end), encoding)
  }
  const from = Math.max(start, end - Math.ceil(most * BASE64_RATIO * LINE_ENDS))
  // Groups of four are counted from the end, where padding makes them whole.
  const digits = bytes.toString('latin1', from, end).replace(/[^A-Za-z0-9+/=]+/g, '')
  return Buffer.from(digits.slice(from === start ? 0 : digits.length % 4), 'base64')
}

/** Reckoned from the length of the first line: four octets of base64 are three, padding and line ends are none. */
export function lengthOf({ bytes, start, end, encoding }: Encoded): number {
  if (encoding !== 'base64') return end - start
  let [first, last] = [start, end]
  while (first < end && bytes[first]! <= 32) first += 1
  while (last > first && bytes[last - 1]! <= 32) last -= 1
  let padding = 0
  while (padding < 2 && last > first && bytes[last - 1 - padding] === EQUALS) padding += 1
  const line = lineEnd(bytes, first, last) - first
  const each = bytes[first + line - 2] === CR ? 2 : 1
  const lineEnds = line === last - first ? 0 : each * Math.floor((last - first) / line)
  return Math.max(0, Math.floor(((last - first - lineEnds) * 3) / 4) - padding)
}
