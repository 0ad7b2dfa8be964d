/** Certificates for tests: authorities that sign each other and servers, with whatever is wrong with them. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import {
  bitString,
  bits,
  boolean,
  context,
  integer,
  octetString,
  oid,
  sequence,
  set,
  time,
  utf8,
} from '../../core/net/der.js'

const DAY_MS = 24 * 3_600_000
const ECDSA_WITH_SHA256 = oid('1.2.840.10045.4.3.2')

export interface Certified {
  readonly der: Buffer
  readonly cert: string
  readonly key: string
  readonly spki: Buffer
  readonly subject: Buffer
  readonly privateKey: KeyObject
}

export interface CertificateWish {
  readonly commonName: string
  /** Left out: it signs itself. */
  readonly by?: Certified
  readonly names?: readonly string[]
  readonly authority?: boolean
  readonly pathLength?: number
  /** Days from now. */
  readonly from?: number
  readonly until?: number
  /** An extension that must be understood. */
  readonly critical?: string
  /** Extended key usage; left out: for servers, unless it is an authority. */
  readonly usage?: string
}

export function certify(wish: CertificateWish): Certified {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const { commonName, by, from = -1, until = 365 } = wish
  const subject = sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const algorithm = sequence(ECDSA_WITH_SHA256)
  const tbs = sequence(
    context(0, true, integer(Buffer.of(2))),
    integer(randomBytes(16)),
    algorithm,
    by?.subject ?? subject,
    sequence(time(Date.now() + from * DAY_MS), time(Date.now() + until * DAY_MS)),
    subject,
    spki,
    context(3, true, sequence(...extensions(wish, spki))),
  )
  const der = sequence(tbs, algorithm, bitString(sign('sha256', tbs, by?.privateKey ?? privateKey)))
  const cert = `-----BEGIN CERTIFICATE-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`
  const key = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return { der, cert, key, spki, subject, privateKey }
}

function extensions({ authority, pathLength, names = [], critical, usage }: CertificateWish, spki: Buffer): Buffer[] {
  const length = pathLength === undefined ? [] : [integer(Buffer.of(pathLength))]
  const use = usage ?? (authority ? undefined : '1.3.6.1.5.5.7.3.1')
  return [
    extension('2.5.29.19', true, authority ? sequence(boolean(true), ...length) : sequence()),
    // keyCertSign and cRLSign, or digitalSignature
    extension('2.5.29.15', true, authority ? bits(0x06, 1) : bits(0x80, 7)),
    extension('2.5.29.14', false, octetString(createHash('sha1').update(spki).digest())),
    ...(use === undefined ? [] : [extension('2.5.29.37', false, sequence(oid(use)))]),
    ...(names.length === 0
      ? []
      : [extension('2.5.29.17', false, sequence(...names.map(name => context(2, false, Buffer.from(name)))))]),
    ...(critical === undefined ? [] : [extension(critical, true, sequence())]),
  ]
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value))
}

/** What a TLSA record says of a certificate (RFC 6698 §2.1). */
export function tlsaOf(
  usage: number,
  selector: number,
  matching: number,
  { der, spki }: Pick<Certified, 'der' | 'spki'>,
): { usage: number; selector: number; matching: number; data: string } {
  const octets = selector === 0 ? der : spki
  const data =
    matching === 0
      ? octets.toString('hex')
      : createHash(matching === 1 ? 'sha256' : 'sha512')
          .update(octets)
          .digest('hex')
  return { usage, selector, matching, data }
}
