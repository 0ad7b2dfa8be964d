/**
 * The octets of a message as DATA and RETR send them: CRLF line ends whatever was stored, dots doubled, the final dot at the end
 * (RFC 5321 §4.5.2, RFC 1939 §3). A bare CR or LF never leaves this house: the next server might take it for the end of the mail and the
 * rest for commands.
 */
import { DotStuffer, findBareNewline, normaliseNewlines } from './crlf.js'

const CR = 13
const LF = 10

export interface BodyEncoder {
  push(chunk: Buffer): Buffer
  /** What belongs behind the last chunk. */
  end(): Buffer
}

export class DataEncoder implements BodyEncoder {
  readonly #stuffer = new DotStuffer()
  /** A CR at the end of a chunk waits for what follows it. */
  #heldCr = false

  push(chunk: Buffer): Buffer {
    let bytes = this.#heldCr ? Buffer.concat([Buffer.from([CR]), chunk]) : chunk
    this.#heldCr = bytes.length > 0 && bytes[bytes.length - 1] === CR
    if (this.#heldCr) bytes = bytes.subarray(0, -1)
    return this.#stuffer.push(findBareNewline(bytes) < 0 ? bytes : normaliseNewlines(bytes))
  }

  end(): Buffer {
    if (!this.#heldCr) return this.#stuffer.end()
    this.#heldCr = false
    return Buffer.concat([this.#stuffer.push(Buffer.from('\r\n')), this.#stuffer.end()])
  }
}

/** The same lines without dots doubled and without a final dot: the octets of BDAT, which are counted and not looked at. */
export class LineEncoder implements BodyEncoder {
  #heldCr = false
  #open = false

  push(chunk: Buffer): Buffer {
    let bytes = this.#heldCr ? Buffer.concat([Buffer.from([CR]), chunk]) : chunk
    this.#heldCr = bytes.length > 0 && bytes[bytes.length - 1] === CR
    if (this.#heldCr) bytes = bytes.subarray(0, -1)
    if (bytes.length > 0) this.#open = bytes[bytes.length - 1] !== LF
    return findBareNewline(bytes) < 0 ? bytes : normaliseNewlines(bytes)
  }

  end(): Buffer {
    return Buffer.from(this.#heldCr || this.#open ? '\r\n' : '')
  }
}
