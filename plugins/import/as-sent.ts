/**
 * Messages as clients are to get them: files of other servers have lines as Unix writes them, and NUL, which IMAP cannot carry. All other octets stay, a
 * lone CR too: what was signed is to be found right, and clients hold sizes that other servers have told them.
 */
const [NUL, LF, CR] = [0, 10, 13]
/** RFC 9051 §9: no literal of IMAP may hold NUL (CHAR8); what other servers show in its place. */
const IN_PLACE_OF_NUL = 0x80

export async function* asSent(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  let afterCr = false
  for await (const chunk of chunks) {
    yield withoutNul(withCr(chunk, afterCr))
    afterCr = chunk.at(-1) === CR
  }
  return undefined
}

/** Each LF that has none gets a CR. */
function withCr(chunk: Buffer, afterCr: boolean): Buffer {
  const pieces: Buffer[] = []
  let from = 0
  for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) {
    if (at === 0 ? afterCr : chunk[at - 1] === CR) continue
    pieces.push(chunk.subarray(from, at), CRLF)
    from = at + 1
  }
  return pieces.length === 0 ? chunk : Buffer.concat([...pieces, chunk.subarray(from)])
}

const CRLF = Buffer.from('\r\n')

function withoutNul(chunk: Buffer): Buffer {
  if (!chunk.includes(NUL)) return chunk
  return Buffer.from(chunk.map(octet => (octet === NUL ? IN_PLACE_OF_NUL : octet)))
}
