/**
 * The octets of a message as DATA and RETR send them: CRLF line ends whatever was stored, dots doubled, the final dot at the end
 * (RFC 5321 §4.5.2, RFC 1939 §3). A bare CR or LF never leaves this house: the next server might take it for the end of the mail and the
 * rest for commands.
 */
import { DotStuffer, findBareNewline, normaliseNewlines } from './crlf.js'

const CR = 13

export interface BodyEncoder {
  push(chunk: Buffer): Buffer
  /** What belongs behind the last chunk. Throws when the message is not what was announced. */
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

/** The octets of BDAT: as they are, and exactly as many as were announced (RFC 3030 §2). */
export class CountedEncoder implements BodyEncoder {
  #left: number

  constructor(octets: number) {
    this.#left = octets
  }

  push(chunk: Buffer): Buffer {
    this.#left -= chunk.length
    this.#check(this.#left >= 0)
    return chunk
  }

  end(): Buffer {
    this.#check(this.#left === 0)
    return Buffer.alloc(0)
  }

  #check(sound: boolean): void {
    if (!sound) throw new Error('the message is not as long as was announced')
  }
}
