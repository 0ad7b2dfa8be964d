/**
 * A self-signed certificate (RFC 5280) for the first start, made with nothing but node:crypto.
 * It is an end entity and no authority: whoever trusts it trusts these names and nothing its key might sign.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { bitString, bits, boolean, context, integer, octetString, oid, sequence, set, time, utf8 } from './der.js'

const YEAR_MS = 365 * 24 * 3600_000
const ECDSA_WITH_SHA256 = oid('1.2.840.10045.4.3.2')
const COMMON_NAME = oid('2.5.4.3')
const SERVER_AUTH = oid('1.3.6.1.5.5.7.3.1')

export interface CertificateParts {
  /** The first one is also the subject. */
  readonly names: readonly string[]
  readonly now: number
  readonly years?: number
}

export interface PemPair {
  readonly certificate: string
  readonly key: string
}

export function selfSigned({ names, now, years = 10 }: CertificateParts): PemPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const algorithm = sequence(ECDSA_WITH_SHA256)
  const subject = sequence(set(sequence(COMMON_NAME, utf8(commonName(names)))))
  const tbs = sequence(
    context(0, true, integer(Buffer.of(2))),
    // RFC 5280 §4.1.2.2: positive and at most 20 octets
    integer(randomBytes(16)),
    algorithm,
    subject,
    // a day back, for clients whose clock is behind
    sequence(time(now - 24 * 3600_000), time(now + years * YEAR_MS)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, true, sequence(...extensions(names, publicKey))),
  )
  const certificate = sequence(tbs, algorithm, bitString(sign('sha256', tbs, privateKey)))
  return {
    certificate: pem('CERTIFICATE', certificate),
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}

/** RFC 5280 appendix A.1: at most 64 characters; the full name stands among the alternative names. */
function commonName(names: readonly string[]): string {
  return (names[0] ?? 'localhost').slice(0, 64)
}

function extensions(names: readonly string[], publicKey: KeyObject): readonly Buffer[] {
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65)
  const keyId = createHash('sha1').update(point).digest()
  return [
    extension('2.5.29.19', true, sequence()),
    // digitalSignature
    extension('2.5.29.15', true, bits(0x80, 7)),
    extension('2.5.29.37', false, sequence(SERVER_AUTH)),
    extension('2.5.29.17', false, sequence(...names.map(alternativeName))),
    // RFC 5280 §4.2.1.2 method 1
    extension('2.5.29.14', false, octetString(keyId)),
  ]
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value))
}

/** RFC 5280 §4.2.1.6 */
function alternativeName(name: string): Buffer {
  if (isIPv4(name)) return context(7, false, Buffer.from(name.split('.').map(Number)))
  if (isIPv6(name)) return context(7, false, ipv6Octets(name))
  return context(2, false, Buffer.from(name, 'ascii'))
}

function ipv6Octets(address: string): Buffer {
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16)))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
  return Buffer.from(all.flatMap(group => [group >> 8, group & 0xff]))
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
