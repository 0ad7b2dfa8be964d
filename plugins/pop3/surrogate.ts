/** A message with a header in ASCII, for clients that have not said UTF8 (RFC 6856 §2.1). Only the header is held. */
import { isAsciiOnly, scanHeader, surrogateHeader } from 'posthouse/text'

/** A header must be here whole before its first octet is said. */
const MAX_HEADER = 256 * 1024

/** The header has raw text, and is longer than what we change. */
export class EndlessRawHeader extends Error {}

export async function* inAscii(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0)
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk
      continue
    }
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
    const { ended, bodyStart } = scanHeader(head, 0)
    if (!ended && head.length <= MAX_HEADER) continue
    yield* changed(head, ended ? bodyStart : head.length, ended)
    head = undefined
  }
  if (head !== undefined) yield* changed(head, head.length, true)
}

function* changed(head: Buffer, end: number, whole: boolean): Generator<Buffer> {
  const header = head.subarray(0, end)
  if (!whole && !isAsciiOnly(header)) throw new EndlessRawHeader('the header has raw text and no end in sight')
  yield surrogateHeader(header)
  if (end < head.length) yield head.subarray(end)
}
