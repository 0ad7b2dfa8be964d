/**
 * Looks for a password in a text without having the password: what is kept of it is its length, a rolling hash under a random table and an
 * HMAC under a random key, both of this process alone. The hash finds places where it may stand, in one pass; the HMAC confirms.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Shorter ones stand in every other text. */
export const LEAST_CHARACTERS = 8
const MOST_BYTES = 1024
/** A place by chance is one in four thousand million; more than this is a text made to cost us something. */
const MOST_CONFIRMATIONS = 1000
/** A pause for other sessions after so many octets, about a millisecond. */
const SLICE = 128 * 1024

export interface Probe {
  readonly length: number
  readonly hash: number
  readonly mac: Buffer
}

/** What is looked through, and how much of it at most. */
export interface SearchBounds {
  readonly maxBytes: number
}

export class Prober {
  readonly #key = randomBytes(32)
  /** A random number for every octet: a cyclic polynomial ("buzhash") over it rolls by two rotations. */
  readonly #table = new Uint32Array(256)

  constructor() {
    const random = randomBytes(1024)
    for (let i = 0; i < 256; i++) this.#table[i] = random.readUInt32LE(i * 4)
  }

  /** `undefined` when it is not to be looked for. */
  probe(password: string): Probe | undefined {
    const bytes = normalised(password)
    if ([...password].length < LEAST_CHARACTERS || bytes.length < LEAST_CHARACTERS || bytes.length > MOST_BYTES)
      return undefined
    return { length: bytes.length, hash: this.#hash(bytes), mac: this.#mac(bytes) }
  }

  /** Whether it stands in the first `maxBytes` of the text. */
  async found(probe: Probe, text: string, { maxBytes }: SearchBounds): Promise<boolean> {
    // A character is an octet at least, so nothing is lost by cutting before the text is made octets.
    const bytes = normalised(text.slice(0, maxBytes)).subarray(0, maxBytes)
    const { length } = probe
    if (bytes.length < length) return false
    let hash = this.#hash(bytes.subarray(0, length))
    let confirmations = 0
    for (let end = length; ; end++) {
      if (hash === probe.hash) {
        if (this.#is(probe, bytes.subarray(end - length, end))) return true
        if (++confirmations >= MOST_CONFIRMATIONS) return false
      }
      if (end >= bytes.length) return false
      hash = this.#roll(hash, bytes[end - length]!, bytes[end]!, length)
      if (end % SLICE === 0) await new Promise(setImmediate)
    }
  }

  #is({ mac }: Probe, bytes: Buffer): boolean {
    return timingSafeEqual(this.#mac(bytes), mac)
  }

  #mac(bytes: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(bytes).digest()
  }

  #hash(bytes: Buffer): number {
    let hash = 0
    for (const byte of bytes) hash = rotate(hash, 1) ^ this.#table[byte]!
    return hash >>> 0
  }

  #roll(hash: number, out: number, into: number, length: number): number {
    return (rotate(hash, 1) ^ rotate(this.#table[out]!, length) ^ this.#table[into]!) >>> 0
  }
}

/** One form for what looks the same; a long pass phrase may be broken over lines. */
function normalised(text: string): Buffer {
  return Buffer.from(text.normalize('NFC').replace(/\s+/g, ' '))
}

function rotate(value: number, by: number): number {
  const bits = by % 32
  return bits === 0 ? value : (value << bits) | (value >>> (32 - bits))
}
