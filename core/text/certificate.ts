/**
 * What a certificate in PEM says, read by node:crypto: names, issuer, validity. Nothing is decided here but whether certificate and key
 * belong together. Certificates of clients are hostile input: names that could be taken for several are not believed.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'

export interface CertificateFacts {
  /** dNSName of subjectAltName, lower case, without doubles; `*.example.org` as it stands. */
  readonly names: readonly string[]
  /** rfc822Name of subjectAltName. */
  readonly addresses: readonly string[]
  /** Common name of the subject; not when there are several. */
  readonly commonName?: string
  /** Common name of the issuer, or all of its name. */
  readonly issuer: string
  readonly selfSigned: boolean
  /** Milliseconds since the epoch. */
  readonly from: number
  readonly until: number
  /** SHA-256 of the DER form, lower-case hexadecimal. */
  readonly fingerprint: string
}

export interface PairTrouble {
  readonly key: 'certificate' | 'key'
  readonly message: string
}

/** Of one name; RFC 5280 §4.2.1.6 sets no bound, RFC 5321 §4.5.3.1 one for addresses. */
const MAX_NAME = 320
const MAX_NAMES = 1000

/** The first certificate of a PEM text. */
export function readCertificate(pem: string | Buffer): CertificateFacts | undefined {
  try {
    return certificateFacts(new X509Certificate(pem))
  } catch {
    return undefined
  }
}

export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const names = readAltNames(certificate.subjectAltName ?? '')
  const commonName = nameOf(certificate.subject)
  const of = (kind: string) => names.filter(name => name.kind === kind).map(({ value }) => value)
  return {
    names: [...new Set(of('DNS').map(name => name.toLowerCase().replace(/\.$/, '')))],
    addresses: of('email'),
    ...(commonName !== undefined && { commonName }),
    issuer: nameOf(certificate.issuer) ?? certificate.issuer.replaceAll('\n', ', '),
    selfSigned: certificate.issuer === certificate.subject,
    from: Date.parse(certificate.validFrom),
    until: Date.parse(certificate.validTo),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

/** What is wrong with a pair, if anything. */
export function pairTrouble(certificate: string | Buffer, key: string | Buffer): PairTrouble | undefined {
  let held: X509Certificate
  try {
    held = new X509Certificate(certificate)
  } catch {
    return { key: 'certificate', message: 'expected a file with a certificate in PEM form' }
  }
  try {
    return held.checkPrivateKey(createPrivateKey(key))
      ? undefined
      : { key: 'key', message: 'this is not the key of that certificate' }
  } catch {
    return { key: 'key', message: 'expected a file with a private key in PEM form, without passphrase' }
  }
}

/** All certificates of a PEM text, each by itself. */
export function pemCertificates(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}

export interface AltName {
  /** `DNS`, `email`, `IP Address`, `URI` … */
  readonly kind: string
  readonly value: string
}

/**
 * Node writes `DNS:a.test, email:b@c.test`, and a value that holds commas, quotes or control characters as a JSON string, so that no
 * name can pretend to be two. Such a value is no name of a host or mailbox: it is passed over.
 */
export function readAltNames(text: string): readonly AltName[] {
  const names: AltName[] = []
  const entry = /([A-Za-z0-9 ]+):(?:("(?:[^"\\]|\\.)*")|([^",]*))(?:, |$)/y
  while (names.length < MAX_NAMES) {
    const found = entry.exec(text)
    if (found === null) break
    const [, kind, quoted, value] = found
    if (quoted === undefined && isPlain(value!)) names.push({ kind: kind!, value: value! })
  }
  return names
}

/** Lines as `CN=mail.example.test`; several values at one place are joined by ` + `. */
function nameOf(subject: string | undefined): string | undefined {
  const common = (subject ?? '').split('\n').filter(line => line.startsWith('CN='))
  const value = common[0]?.slice(3)
  return common.length === 1 && isPlain(value!) ? value : undefined
}

function isPlain(value: string): boolean {
  return value.length > 0 && value.length <= MAX_NAME && /^[\x21-\x7e][\x20-\x7e]*$/.test(value)
}
