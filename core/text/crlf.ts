/**
 * Line ends and dots, in streams: finding bare CR or LF (which would let a mail be smuggled past the next server),
 * making them CRLF, and dot-stuffing for DATA and POP3 (RFC 5321 §4.5.2, RFC 1939 §3).
 * All work on chunks of any size and cut anywhere.
 */
const CR = 13
const LF = 10
const DOT = 46
const CRLF = Buffer.from('\r\n')
const STUFFED = Buffer.from('\n.')

/** Offset of the first CR or LF that is not part of a CRLF, or −1. */
export function findBareNewline(bytes: Buffer): number {
  const finder = new BareNewlineFinder()
  const found = finder.push(bytes)
  return found >= 0 ? found : finder.end()
}

/** The same over a stream; offsets count from the start of the stream. */
export class BareNewlineFinder {
  #offset = 0
  #pendingCr = false

  /** −1 while all is well. */
  push(chunk: Buffer): number {
    if (chunk.length === 0) return -1
    const base = this.#offset
    if (this.#pendingCr && chunk[0] !== LF) return base - 1
    const lf = bareLf(chunk, this.#pendingCr)
    const cr = bareCr(chunk)
    this.#offset += chunk.length
    this.#pendingCr = chunk[chunk.length - 1] === CR
    if (lf < 0) return cr < 0 ? -1 : base + cr
    return base + (cr < 0 ? lf : Math.min(lf, cr))
  }

  /** The stream is over: a CR at its very end is bare. */
  end(): number {
    return this.#pendingCr ? this.#offset - 1 : -1
  }
}

function bareLf(chunk: Buffer, afterCr: boolean): number {
  let lf = chunk.indexOf(LF)
  while (lf >= 0) {
    if (lf === 0 ? !afterCr : chunk[lf - 1] !== CR) return lf
    lf = chunk.indexOf(LF, lf + 1)
  }
  return -1
}

/** A CR at the end of the chunk is not judged yet. */
function bareCr(chunk: Buffer): number {
  let cr = chunk.indexOf(CR)
  while (cr >= 0 && cr < chunk.length - 1) {
    if (chunk[cr + 1] !== LF) return cr
    cr = chunk.indexOf(CR, cr + 1)
  }
  return -1
}

/** Every CR, LF and CRLF becomes CRLF. Bytes that are right already come back as they are. */
export function normaliseNewlines(bytes: Buffer): Buffer {
  if (findBareNewline(bytes) < 0) return bytes
  const normaliser = new NewlineNormaliser()
  return Buffer.concat([normaliser.push(bytes), normaliser.end()])
}

/** The same over a stream. */
export class NewlineNormaliser {
  #afterCr = false

  push(chunk: Buffer): Buffer {
    const out = Buffer.allocUnsafe(chunk.length * 2)
    let to = 0
    let afterCr = this.#afterCr
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (byte === CR || (byte === LF && !afterCr)) {
        out[to++] = CR
        out[to++] = LF
      } else if (byte !== LF) {
        out[to++] = byte
      }
      afterCr = byte === CR
    }
    this.#afterCr = afterCr
    return out.subarray(0, to)
  }

  /** Nothing is held back; here for symmetry with the other streams. */
  end(): Buffer {
    return Buffer.alloc(0)
  }
}

/** Doubles dots at line starts. Expects CRLF line ends, but a dot after a bare LF is doubled too: no peer may see it alone. */
export class DotStuffer {
  #lineStart = true
  #last: readonly [number, number] = [CR, LF]

  push(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk
    const pieces: Buffer[] = []
    let kept = 0
    if (this.#lineStart && chunk[0] === DOT) pieces.push(chunk.subarray(0, 1))
    let at = chunk.indexOf(STUFFED)
    while (at >= 0) {
      pieces.push(chunk.subarray(kept, at + 2))
      kept = at + 1
      at = chunk.indexOf(STUFFED, at + 2)
    }
    const last = chunk[chunk.length - 1]!
    this.#lineStart = last === LF
    this.#last = [chunk.length > 1 ? chunk[chunk.length - 2]! : this.#last[1], last]
    if (pieces.length === 0) return chunk
    pieces.push(chunk.subarray(kept))
    return Buffer.concat(pieces)
  }

  /** Ends the last line when it is open, and the message. */
  end(): Buffer {
    const complete = this.#last[0] === CR && this.#last[1] === LF
    const end = Buffer.from('.\r\n')
    return complete ? end : Buffer.concat([CRLF, end])
  }
}
