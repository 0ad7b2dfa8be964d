/**
 * Writes the few ASN.1 values a certificate needs, in DER (X.690 §10). Only definite lengths, only what we use; nothing is read.
 */

export function sequence(...items: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(items))
}

export function set(...items: readonly Buffer[]): Buffer {
  return tagged(0x31, Buffer.concat(items))
}

/** Positive, from its octets; X.690 §8.3: the first bit is the sign and there are no needless zeros. */
export function integer(octets: Buffer): Buffer {
  let start = 0
  while (start < octets.length - 1 && octets[start] === 0) start++
  const short = octets.subarray(start)
  return tagged(0x02, short[0]! & 0x80 ? Buffer.concat([Buffer.of(0), short]) : short)
}

export function boolean(value: boolean): Buffer {
  return tagged(0x01, Buffer.of(value ? 0xff : 0))
}

/** Named bits as in KeyUsage: X.690 §11.2.2 wants trailing zero bits left out. */
export function bits(first: number, unused: number): Buffer {
  return tagged(0x03, Buffer.of(unused, first))
}

export function bitString(octets: Buffer): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.of(0), octets]))
}

export function octetString(octets: Buffer): Buffer {
  return tagged(0x04, octets)
}

export function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text))
}

/** `2.5.4.3` */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const octets = [first * 40 + second, ...rest].flatMap(arc => {
    const groups = [arc & 0x7f]
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80)
    return groups
  })
  return tagged(0x06, Buffer.from(octets))
}

/** RFC 5280 §4.1.2.5: two-digit years until 2049, four digits from 2050 on. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return digits < '2050' ? tagged(0x17, Buffer.from(digits.slice(2))) : tagged(0x18, Buffer.from(digits))
}

/** A context-specific value: `[3] EXPLICIT` is `context(3, true, …)`. */
export function context(number: number, constructed: boolean, content: Buffer): Buffer {
  return tagged(0x80 | (constructed ? 0x20 : 0) | number, content)
}

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(length)
  const short = octets.subarray(octets.findIndex(octet => octet !== 0))
  return Buffer.concat([Buffer.of(0x80 | short.length), short])
}
