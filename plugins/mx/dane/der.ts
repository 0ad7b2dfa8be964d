/**
 * What node:crypto does not tell of a certificate (RFC 5280 §4.1): the octets of its public key as they stand there, and what its extensions demand.
 * Reads DER and nothing more; certificates of strangers are hostile input, so nothing is read beyond where it says it ends. Pure.
 */

export interface CertificateParts {
  /** SubjectPublicKeyInfo, octet for octet: TLSA records are digests of it (RFC 6698 §2.1.2). */
  readonly spki: Buffer
  /** How many authorities may stand between this one and a server; left out: any number. */
  readonly pathLength?: number
  /** Extensions that must be understood, as dotted numbers. */
  readonly critical: readonly string[]
}

interface Element {
  readonly tag: number
  /** With tag and length. */
  readonly whole: Buffer
  readonly content: Buffer
}

const SEQUENCE = 0x30
const BOOLEAN = 0x01
const INTEGER = 0x02
const OCTETS = 0x04
const OID = 0x06
const VERSION = 0xa0
const EXTENSIONS = 0xa3
export const BASIC_CONSTRAINTS = '2.5.29.19'
const MAX_ELEMENTS = 200

/** `undefined`: not a certificate that we can read. */
export function readCertificateParts(der: Buffer): CertificateParts | undefined {
  try {
    const [tbs] = items(only(der, SEQUENCE))
    const fields = items(tbs)
    if (fields[0]?.tag === VERSION) fields.shift()
    // serial number, signature, issuer, validity, subject, and then the key
    const spki = fields[5]
    if (spki?.tag !== SEQUENCE) return undefined
    const wrapped = fields.find(({ tag }) => tag === EXTENSIONS)
    const extensions = wrapped === undefined ? [] : items(only(wrapped.content, SEQUENCE)).map(readExtension)
    const constraints = extensions.find(({ id }) => id === BASIC_CONSTRAINTS)
    const pathLength = constraints === undefined ? undefined : readPathLength(constraints.value)
    return {
      spki: spki.whole,
      ...(pathLength === undefined ? {} : { pathLength }),
      critical: extensions.filter(({ critical }) => critical).map(({ id }) => id),
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

interface Extension {
  readonly id: string
  readonly critical: boolean
  readonly value: Buffer
}

function readExtension(element: Element): Extension {
  const parts = items(element)
  const [id, value] = [parts[0], parts.at(-1)]
  if (id?.tag !== OID || value?.tag !== OCTETS) throw new RangeError('not an extension')
  const critical = parts.length === 3 && parts[1]?.tag === BOOLEAN && parts[1].content[0] !== 0
  return { id: dotted(id.content), critical, value: value.content }
}

/** RFC 5280 §4.2.1.9 */
function readPathLength(value: Buffer): number | undefined {
  const number = items(only(value, SEQUENCE)).find(({ tag }) => tag === INTEGER)
  if (number === undefined) return undefined
  if (number.content.length > 4) return Number.MAX_SAFE_INTEGER
  return number.content.length === 0 ? 0 : number.content.readUIntBE(0, number.content.length)
}

/** RFC 5280 appendix A: arcs above 2^53 do not occur; such an extension has a name that nobody knows. */
function dotted(octets: Buffer): string {
  const arcs: number[] = []
  let arc = 0
  for (const octet of octets) {
    arc = arc * 128 + (octet & 0x7f)
    if ((octet & 0x80) === 0) {
      arcs.push(arc)
      arc = 0
    }
  }
  const [first = 0, ...rest] = arcs
  const top = Math.min(2, Math.floor(first / 40))
  return [top, first - 40 * top, ...rest].join('.')
}

function only(octets: Buffer, tag: number): Element {
  const element = elementAt(octets, 0)
  if (element.tag !== tag) throw new RangeError('another kind of value')
  return element
}

function items(element: Element | undefined): Element[] {
  const found: Element[] = []
  if (element === undefined || (element.tag & 0x20) === 0) throw new RangeError('nothing is in there')
  for (let at = 0; at < element.content.length; ) {
    const item = elementAt(element.content, at)
    found.push(item)
    at += item.whole.length
    if (found.length > MAX_ELEMENTS) throw new RangeError('too many values')
  }
  return found
}

/** X.690 §8.1: tag, length, content; only tags of one octet and definite lengths. */
function elementAt(octets: Buffer, at: number): Element {
  const tag = octets.readUInt8(at)
  const first = octets.readUInt8(at + 1)
  if ((tag & 0x1f) === 0x1f || first === 0x80 || first > 0x84) throw new RangeError('not DER')
  const more = first > 0x80 ? first - 0x80 : 0
  const length = more === 0 ? first : octets.readUIntBE(at + 2, more)
  const start = at + 2 + more
  if (start + length > octets.length) throw new RangeError('a value is cut off')
  return { tag, whole: octets.subarray(at, start + length), content: octets.subarray(start, start + length) }
}
