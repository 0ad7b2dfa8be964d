/**
 * Whether a server's certificates are those that its TLSA records mean (RFC 7672 §3.1, §3.2). DANE-EE asks for nothing but the very key or
 * certificate; DANE-TA for a chain that leads to the anchor, valid in time, and for one of the names we looked for. Pure.
 */
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import type { TlsaRecord, TlsFailure } from 'posthouse/api'
import type { Doubt } from '../client/trouble.js'
import { BASIC_CONSTRAINTS, readCertificateParts } from './der.js'
import { DANE_EE, DANE_TA, matches } from './tlsa.js'

export interface Anchors {
  /** Those that can be used. */
  readonly records: readonly TlsaRecord[]
  /** RFC 7672 §3.2.2: any of them; the base domain first. */
  readonly names: readonly string[]
}

const MAX_CHAIN = 12
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
/** Basic constraints, key usage, extended key usage, alternative names, key ids, and what says where to find more. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  BASIC_CONSTRAINTS,
  '2.5.29.15',
  '2.5.29.37',
  '2.5.29.17',
  '2.5.29.14',
  '2.5.29.35',
  '2.5.29.31',
  '2.5.29.32',
])

/** The certificates that a peer has shown, each followed by its issuer. */
export function chainOf(peer: TLSSocket): readonly Buffer[] {
  const chain: Buffer[] = []
  let at: DetailedPeerCertificate | undefined = peer.getPeerCertificate(true)
  while (at?.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(at.raw)
    // A root is its own issuer.
    at = at.issuerCertificate === at ? undefined : at.issuerCertificate
  }
  return chain
}

/** `chain`: in DER, the server's own first, each followed by its issuer. `undefined`: it is who the records mean. */
export function doubtOf(chain: readonly Buffer[], { records, names }: Anchors, now: number): Doubt | undefined {
  const [own] = chain
  if (own === undefined) return doubt('the host shows no certificate', 'validation-failure')
  // RFC 7672 §3.1.1, §3.2.1: neither names nor dates.
  if (records.some(record => record.usage === DANE_EE && matches(record, own))) return undefined
  const anchors = records.filter(({ usage }) => usage === DANE_TA)
  const path = pathTo(anchors, chain.slice(0, MAX_CHAIN))
  if (path === undefined) return doubt('no TLSA record matches its certificates', 'tlsa-invalid')
  return troubleOfPath(path, now) ?? troubleOfName(path.certificates[0]!, names)
}

interface Path {
  /** The server's own, and so on, up to the anchor if that is a certificate. */
  readonly certificates: readonly X509Certificate[]
  /** Of an anchor that is only a key, or that only the record holds. */
  readonly key?: KeyObject
}

/** RFC 7671 §5.2: the nearest anchor above the server's own certificate, in what it has sent or in the records themselves. */
function pathTo(anchors: readonly TlsaRecord[], chain: readonly Buffer[]): Path | undefined {
  if (anchors.length === 0) return undefined
  const certificates = chain.map(der => new X509Certificate(der))
  for (let depth = 1; depth < chain.length; depth += 1)
    if (anchors.some(record => matches(record, chain[depth]!)))
      return { certificates: certificates.slice(0, depth + 1) }
  for (const record of anchors.filter(({ matching }) => matching === 0)) {
    const found = aboveBy(record, certificates)
    if (found !== undefined) return found
  }
  return undefined
}

/** RFC 7671 §5.2.2: an anchor that the server does not send, but that stands whole in its record. */
function aboveBy({ selector, data }: TlsaRecord, certificates: readonly X509Certificate[]): Path | undefined {
  const octets = Buffer.from(data, 'hex')
  const anchor = selector === 0 ? new X509Certificate(octets) : undefined
  const key = anchor?.publicKey ?? createPublicKey({ key: octets, format: 'der', type: 'spki' })
  const at = certificates.findIndex(one => (anchor === undefined || one.checkIssued(anchor)) && one.verify(key))
  if (at < 0) return undefined
  const below = certificates.slice(0, at + 1)
  return anchor === undefined ? { certificates: below, key } : { certificates: [...below, anchor] }
}

function troubleOfPath({ certificates, key }: Path, now: number): Doubt | undefined {
  for (const [depth, certificate] of certificates.entries()) {
    const name = depth === 0 ? 'its certificate' : `the certificate of an issuer, ${depth} above its own,`
    const issuer = certificates[depth + 1]
    if (issuer !== undefined && !(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)))
      return doubt(`${name} was not issued by the next`, 'certificate-not-trusted')
    if (issuer === undefined && key !== undefined && !certificate.verify(key))
      return doubt(`${name} was not issued by the anchor`, 'certificate-not-trusted')
    if (Date.parse(certificate.validTo) < now) return doubt(`${name} has expired`, 'certificate-expired')
    if (Date.parse(certificate.validFrom) > now) return doubt(`${name} is not yet valid`, 'certificate-not-trusted')
    const against = constraintOf(certificate, depth)
    if (against !== undefined) return doubt(`${name} ${against}`, 'certificate-not-trusted')
  }
  return undefined
}

/** RFC 5280 §6.1.4. RFC 7672 §3.1.2: what the anchor's own certificate demands counts too. */
function constraintOf(certificate: X509Certificate, depth: number): string | undefined {
  const parts = readCertificateParts(certificate.raw)
  if (parts === undefined) return 'cannot be read'
  const strange = parts.critical.find(id => !UNDERSTOOD.has(id))
  if (strange !== undefined) return `demands what we do not know (${strange})`
  if (depth === 0) {
    // Node.js tells the extended key usage so; without any it may be used for everything.
    const uses = certificate.keyUsage as readonly string[] | undefined
    return uses === undefined || uses.includes(SERVER_AUTH) ? undefined : 'is not for servers'
  }
  if (!certificate.ca) return 'is not that of an authority'
  if (parts.pathLength !== undefined && depth - 1 > parts.pathLength) return 'allows no such long chain'
  return undefined
}

/** RFC 7672 §3.2.3: a common name only where there are no DNS names; `*` for the whole first label. */
function troubleOfName(certificate: X509Certificate, names: readonly string[]): Doubt | undefined {
  const fits = names.some(name => certificate.checkHost(name, { partialWildcards: false }) !== undefined)
  return fits ? undefined : doubt(`its certificate is not for ${names.join(' or ')}`, 'certificate-host-mismatch')
}

function doubt(words: string, failure: TlsFailure): Doubt {
  return { words, failure }
}
