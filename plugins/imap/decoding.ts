/**
 * Parts of a message as they are without their transfer encoding (RFC 3516 §4.2), piece by piece: a part is never in memory whole. Line ends that
 * were encoded come out as they went in.
 */
import { decodeTransfer, type Field, parseParameters } from 'posthouse/text'

/** RFC 2045 §6.1: what is no encoding at all. */
export const IDENTITIES: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary'])

const [LF, EQUALS] = [10, 61] as const

const PIECE_BYTES = 256 * 1024
/** Of quoted-printable, as a soft line break may have white space: no sign that stands so far before the end of a piece looks beyond it. */
const LONGEST_SIGN = 100

/** RFC 2045 §6.1: a header without the field says 7bit. */
export function encodingOf(header: readonly Field[]): string {
  const field = header.find(({ name }) => name.toLowerCase() === 'content-transfer-encoding')
  return parseParameters((field?.raw ?? '').slice(0, 200)).value.toLowerCase() || '7bit'
}

/** Whether we can do without it; uuencode was never an encoding of MIME. */
export function isKnown(encoding: string): boolean {
  return IDENTITIES.has(encoding) || CUTS.has(encoding)
}

type Read = (from: number, to: number) => Promise<Buffer>

/** What octets [from, to) say, in order. */
export async function* decoded(
  read: Read,
  from: number,
  to: number,
  encoding: string,
  pieceBytes = PIECE_BYTES,
): AsyncGenerator<Buffer> {
  const cut = CUTS.get(encoding)
  let held = Buffer.alloc(0)
  for (let at = from; at < to; at += pieceBytes) {
    const stop = Math.min(to, at + pieceBytes)
    const piece = held.length === 0 ? await read(at, stop) : Buffer.concat([held, await read(at, stop)])
    if (piece.length - held.length !== stop - at) throw new Error('a stored message is shorter than it says')
    const whole = stop === to || !cut ? piece.length : cut(piece)
    held = Buffer.from(piece.subarray(whole))
    yield decodeTransfer(piece.subarray(0, whole), encoding)
  }
}

/** Up to where a piece can be decoded without what follows it. */
const CUTS: ReadonlyMap<string, (piece: Buffer) => number> = new Map([
  ['base64', base64Cut],
  ['quoted-printable', quotedCut],
])

/** Behind a whole group of four; padding ends a group too. */
function base64Cut(piece: Buffer): number {
  let signs = 0
  let whole = 0
  for (let i = 0; i < piece.length; i++) {
    const octet = piece[i]!
    if (octet === EQUALS) signs = 0
    else if (!isBase64(octet)) continue
    else signs = (signs + 1) & 3
    if (signs === 0) whole = i + 1
  }
  return whole
}

function isBase64(octet: number): boolean {
  return (octet >= 97 && octet <= 122) || (octet >= 65 && octet <= 90) || (octet >= 47 && octet <= 57) || octet === 43
}

/** Behind the last line, or in a line that is longer than a piece before the first sign that may not be whole. */
function quotedCut(piece: Buffer): number {
  const line = piece.lastIndexOf(LF) + 1
  if (line > 0) return line
  const safe = Math.max(0, piece.length - LONGEST_SIGN)
  const sign = piece.indexOf(EQUALS, safe)
  return sign < 0 ? piece.length : sign
}
