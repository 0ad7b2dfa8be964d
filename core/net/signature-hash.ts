/**
 * Which hash a certificate was signed with (RFC 5280 §4.1.1.2): all of X.509 that `tls-server-end-point` needs. Reads DER of definite
 * length and nothing else; the certificate is our own, but what cannot be read gives no answer rather than a wrong one.
 */

/** RFC 5929 §4.1: what is signed with MD5 or SHA-1 is hashed with SHA-256 all the same. */
const BY_SIGNATURE: ReadonlyMap<string, string> = new Map([
  // RFC 8017 appendix A.2: PKCS #1 with MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512
  ['2a864886f70d010104', 'sha256'],
  ['2a864886f70d010105', 'sha256'],
  ['2a864886f70d01010e', 'sha224'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  // RFC 5758 §3.2: ECDSA with SHA-1 (RFC 3279 §2.2.3), SHA-224, SHA-256, SHA-384, SHA-512
  ['2a8648ce3d0401', 'sha256'],
  ['2a8648ce3d040301', 'sha224'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
])
/** RFC 8017 appendix A.2.3: its hash stands in the parameters. */
const RSA_PSS = '2a864886f70d01010a'
const BY_HASH: ReadonlyMap<string, string> = new Map([
  ['608648016503040201', 'sha256'],
  ['608648016503040202', 'sha384'],
  ['608648016503040203', 'sha512'],
  ['608648016503040204', 'sha224'],
  ['2b0e03021a', 'sha256'],
])

const SEQUENCE = 0x30
const OID = 0x06
const HASH_OF_PSS = 0xa0

interface Value {
  readonly tag: number
  readonly content: Buffer
  /** What follows it. */
  readonly rest: Buffer
}

/** OpenSSL's name of the hash; `undefined` for Ed25519 and Ed448, which have none (RFC 5929 §4.1), and for what is unknown. */
export function signatureHash(certificate: Buffer): string | undefined {
  const whole = take(certificate, SEQUENCE)
  const signed = whole && take(whole.content, SEQUENCE)
  const algorithm = signed && take(signed.rest, SEQUENCE)
  const name = algorithm && take(algorithm.content, OID)
  if (name === undefined) return undefined
  const oid = name.content.toString('hex')
  return oid === RSA_PSS ? pssHash(name.rest) : BY_SIGNATURE.get(oid)
}

/** RFC 8017 appendix A.2.3: left out means SHA-1. */
function pssHash(parameters: Buffer): string | undefined {
  const given = take(parameters, SEQUENCE)
  if (given === undefined) return undefined
  const hash = take(given.content, HASH_OF_PSS)
  if (hash === undefined) return 'sha256'
  const algorithm = take(hash.content, SEQUENCE)
  const name = algorithm && take(algorithm.content, OID)
  return name && BY_HASH.get(name.content.toString('hex'))
}

function take(octets: Buffer, tag: number): Value | undefined {
  if (octets.length < 2 || octets[0] !== tag) return undefined
  const first = octets[1]!
  const more = first < 0x80 ? 0 : first & 0x7f
  // X.690 §10.1: no indefinite lengths; no certificate has more than three octets of it.
  if (first === 0x80 || more > 3 || octets.length < 2 + more) return undefined
  const length = more === 0 ? first : octets.readUIntBE(2, more)
  const start = 2 + more
  if (octets.length < start + length) return undefined
  return { tag, content: octets.subarray(start, start + length), rest: octets.subarray(start + length) }
}
