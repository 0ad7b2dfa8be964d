/**
 * Content-Transfer-Encoding done, in streams (RFC 2045 §6.7, §6.8): octets of any sort become 7-bit lines. Beside the two encodings there are
 * cures for parts that claim one and hold octets it cannot have: what a decoder makes of them stays the same.
 */
export interface TransferEncoder {
  push(chunk: Buffer): Buffer
  end(): Buffer
}

export type TransferEncoding =
  | 'base64'
  | 'quoted-printable'
  /** Is quoted-printable, but for octets above 127. */
  | 'mended quoted-printable'
  /** Is base64, but for octets above 127, which decoders pass over. */
  | 'mended base64'
  /** What nobody reads (RFC 2046 §5.1.1: preamble and epilogue): octets above 127 become question marks. */
  | 'masked'

export function transferEncoder(encoding: TransferEncoding): TransferEncoder {
  switch (encoding) {
    case 'base64':
      return new Base64Encoder()
    case 'quoted-printable':
      return new QuotedPrintableEncoder()
    case 'mended quoted-printable':
      return new QuotedPrintableMender()
    case 'mended base64':
      return each(octets => octets.filter(octet => octet < 128))
    case 'masked':
      return each(octets => octets.map(octet => (octet < 128 ? octet : QUESTION)))
  }
}

const [TAB, LF, CR, SPACE, EQUALS, QUESTION] = [9, 10, 13, 32, 61, 63] as const
/** RFC 2045 §6.7 (5), §6.8: at most 76 characters, and a soft line break is one of them. */
const LINE = 76
const BASE64_GROUP = (LINE / 4) * 3

function each(change: (octets: Buffer) => Uint8Array): TransferEncoder {
  return { push: chunk => Buffer.from(change(chunk)), end: () => Buffer.alloc(0) }
}

/** Line ends stand between lines: the last line has none. */
class Base64Encoder implements TransferEncoder {
  #held = Buffer.alloc(0)
  #begun = false

  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    // One group stays, so that the last line is written by `end`.
    const whole = bytes.length - (bytes.length % BASE64_GROUP || Math.min(BASE64_GROUP, bytes.length))
    this.#held = Buffer.from(bytes.subarray(whole))
    return this.#lines(bytes.subarray(0, whole))
  }

  end(): Buffer {
    return this.#lines(this.#held)
  }

  #lines(bytes: Buffer): Buffer {
    const lines: string[] = []
    for (let at = 0; at < bytes.length; at += BASE64_GROUP) {
      lines.push(`${this.#begun ? '\r\n' : ''}${bytes.toString('base64', at, at + BASE64_GROUP)}`)
      this.#begun = true
    }
    return Buffer.from(lines.join(''), 'latin1')
  }
}

/** CRLF stays a line end; a CR or LF alone is an octet like any other. */
class QuotedPrintableEncoder implements TransferEncoder {
  #out = new Lines()
  /** White space, or a CR: what it becomes depends on the next octet. */
  #held: number | undefined

  push(chunk: Buffer): Buffer {
    for (const octet of chunk) this.#take(octet)
    return this.#out.flush()
  }

  end(): Buffer {
    this.#release(true)
    return this.#out.flush()
  }

  #take(octet: number): void {
    if (octet === LF && this.#held === CR) {
      this.#held = undefined
      this.#out.newline()
      return
    }
    // RFC 2045 §6.7 (3): white space at the end of a line would be lost.
    this.#release(octet === CR)
    if (octet === SPACE || octet === TAB || octet === CR) this.#held = octet
    else this.#out.add(octet, octet < SPACE || octet > 126 || octet === EQUALS)
  }

  #release(atEnd: boolean): void {
    if (this.#held !== undefined) this.#out.add(this.#held, atEnd || this.#held === CR)
    this.#held = undefined
  }
}

/** Escapes that are there stay as they are; an equals sign that begins none is escaped before something that is. */
class QuotedPrintableMender implements TransferEncoder {
  #out = new Lines()
  #escape: number[] = []

  push(chunk: Buffer): Buffer {
    for (const octet of chunk) this.#take(octet)
    return this.#out.flush()
  }

  end(): Buffer {
    this.#release(false)
    return this.#out.flush()
  }

  #take(octet: number): void {
    if (octet > 127) {
      this.#release(true)
      this.#out.add(octet, true)
    } else if (octet === EQUALS || this.#escape.length > 0) {
      if (octet === EQUALS) this.#release(false)
      this.#escape.push(octet)
      if (this.#escape.length === 3 || octet === LF) this.#release(false)
    } else {
      this.#out.copy(octet)
    }
  }

  #release(spoiled: boolean): void {
    for (const octet of this.#escape) {
      if (spoiled && octet === EQUALS) this.#out.add(octet, true)
      else this.#out.copy(octet)
    }
    this.#escape = []
  }
}

/** Quoted-printable on its way out, with soft line breaks where they are needed. */
class Lines {
  #bytes = Buffer.allocUnsafe(4096)
  #length = 0
  #column = 0

  add(octet: number, escaped: boolean): void {
    const width = escaped ? 3 : 1
    if (this.#column + width > LINE - 1) {
      this.#write(EQUALS, CR, LF)
      this.#column = 0
    }
    if (escaped) this.#write(EQUALS, hex(octet >> 4), hex(octet & 15))
    else this.#write(octet)
    this.#column += width
  }

  /** As it was: no soft line break comes in front. */
  copy(octet: number): void {
    this.#write(octet)
    this.#column = octet === LF ? 0 : this.#column + 1
  }

  newline(): void {
    this.#write(CR, LF)
    this.#column = 0
  }

  flush(): Buffer {
    const done = Buffer.from(this.#bytes.subarray(0, this.#length))
    this.#length = 0
    return done
  }

  #write(...octets: readonly number[]): void {
    if (this.#length + octets.length > this.#bytes.length) {
      const wider = Buffer.allocUnsafe(this.#bytes.length * 2)
      this.#bytes.copy(wider, 0, 0, this.#length)
      this.#bytes = wider
    }
    for (const octet of octets) this.#bytes[this.#length++] = octet
  }
}

function hex(digit: number): number {
  return digit < 10 ? 48 + digit : 55 + digit
}
