/**
 * A message made into one of 7-bit octets (RFC 6152 §3): looked at once to find what must change, then read through the changes as often as
 * wanted. Neither holds more of it than the piece at hand.
 */
import { type Conversion, ConversionScan, type Edit } from './conversion-scan.js'
import { type TransferEncoder, transferEncoder } from './transfer-encode.js'

export type { Conversion, Edit } from './conversion-scan.js'

/** Something that can be read in pieces, again and again, and gives the same every time. */
export interface Octets {
  readonly size: number
  chunks(): AsyncIterable<Buffer>
  /** Octets [from, to). */
  read(from?: number, to?: number): Promise<Buffer>
}

/** `binary`: bare line ends, NUL and lines over 998 octets have to go as well (RFC 3030 §3). */
export async function conversionOf(source: Pick<Octets, 'chunks'>, binary = false): Promise<Conversion> {
  const scan = new ConversionScan(binary)
  for await (const chunk of source.chunks()) scan.push(chunk)
  return scan.end()
}

/** Whether a header field of the message, of a part or of a message inside holds raw text. */
export async function hasRawFields(source: Pick<Octets, 'chunks'>): Promise<boolean> {
  const scan = new ConversionScan(false)
  for await (const chunk of source.chunks()) {
    scan.push(chunk)
    if (scan.rawFields) return true
  }
  scan.end()
  return scan.rawFields
}

/** Reads all of it once to learn its size. */
export async function converted(source: Octets, edits: readonly Edit[]): Promise<Octets> {
  const chunks = () => changed(source, edits)
  let size = 0
  for await (const chunk of chunks()) size += chunk.length
  return { size, chunks, read: (from, to) => slice(chunks(), from, to) }
}

/** What belongs in front of it. */
export function preceded(source: Octets, head: Buffer): Octets {
  async function* chunks(): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head
    yield* source.chunks()
  }
  const { length } = head
  return {
    size: length + source.size,
    chunks,
    async read(from = 0, to = length + source.size) {
      const rest = to > length ? await source.read(Math.max(0, from - length), to - length) : Buffer.alloc(0)
      return Buffer.concat([head.subarray(Math.min(from, length), Math.min(to, length)), rest])
    },
  }
}

const PIECE = 65_536

async function* changed(source: Octets, edits: readonly Edit[]): AsyncGenerator<Buffer> {
  let at = 0
  for (const edit of edits) {
    yield* pieces(source, at, edit.from)
    at = edit.to
    if (edit.kind === 'replaced') yield edit.by
    else yield* encoded(source, edit.from, edit.to, transferEncoder(edit.as))
  }
  yield* pieces(source, at, source.size)
  const last = edits.at(-1)
  // Nothing stands behind it that would end its last line.
  if (last?.kind === 'encoded' && last.as === 'base64' && last.to === source.size) yield Buffer.from('\r\n')
}

async function* pieces({ read }: Octets, from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to; at += PIECE) yield await read(at, Math.min(to, at + PIECE))
}

async function* encoded(source: Octets, from: number, to: number, encoder: TransferEncoder): AsyncGenerator<Buffer> {
  for await (const piece of pieces(source, from, to)) yield encoder.push(piece)
  yield encoder.end()
}

/** From the front as far as needed: such a message is read at its start, or whole. */
async function slice(chunks: AsyncIterable<Buffer>, from = 0, to = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const kept: Buffer[] = []
  let at = 0
  for await (const chunk of chunks) {
    const [start, end] = [Math.max(from - at, 0), Math.min(to - at, chunk.length)]
    if (start < end) kept.push(chunk.subarray(start, end))
    at += chunk.length
    if (at >= to) break
  }
  return Buffer.concat(kept)
}
