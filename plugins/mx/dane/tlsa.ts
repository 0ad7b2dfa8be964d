/**
 * Which TLSA records can be used for SMTP, and what a certificate must be to match one (RFC 6698 §2.1, RFC 7671, RFC 7672 §3). Pure.
 */
import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import type { TlsaRecord } from 'posthouse/api'
import { readCertificateParts } from './der.js'

export const DANE_TA = 2
export const DANE_EE = 3

/** RFC 6698 §2.1.3: matching type → hash, and its octets in hexadecimal. */
const DIGESTS = new Map([
  [1, { hash: 'sha256', length: 64 }],
  [2, { hash: 'sha512', length: 128 }],
])
const FULL = 0

/**
 * RFC 7672 §3.1.3: usages 0 and 1 are no use to mail servers; so are numbers and lengths that nobody knows. RFC 7671 §9: of the digests of one kind
 * only the strongest counts, so that a weak one which was left for old clients weakens nothing.
 */
export function usableRecords(records: readonly TlsaRecord[]): readonly TlsaRecord[] {
  const known = records.filter(isUsable)
  return known.filter(
    one =>
      one.matching === FULL ||
      !known.some(
        other => other.usage === one.usage && other.selector === one.selector && other.matching > one.matching,
      ),
  )
}

function isUsable({ usage, selector, matching, data }: TlsaRecord): boolean {
  if ((usage !== DANE_TA && usage !== DANE_EE) || (selector !== 0 && selector !== 1)) return false
  if (matching === FULL) return isWhole(selector, data)
  return DIGESTS.get(matching)?.length === data.length
}

function isWhole(selector: number, data: string): boolean {
  const octets = Buffer.from(data, 'hex')
  try {
    if (selector === 0) return new X509Certificate(octets).raw.equals(octets)
    return createPublicKey({ key: octets, format: 'der', type: 'spki' }).asymmetricKeyType !== undefined
  } catch {
    return false
  }
}

/** RFC 6698 §2.1.4 */
export function matches({ selector, matching, data }: TlsaRecord, certificate: Buffer): boolean {
  const selected = selector === 0 ? certificate : readCertificateParts(certificate)?.spki
  if (selected === undefined) return false
  const digest = DIGESTS.get(matching)
  const found = digest === undefined ? selected.toString('hex') : createHash(digest.hash).update(selected).digest('hex')
  return found === data
}

/** RFC 6698 §2.2 */
export function presented({ usage, selector, matching, data }: TlsaRecord): string {
  return `${usage} ${selector} ${matching} ${data}`
}
