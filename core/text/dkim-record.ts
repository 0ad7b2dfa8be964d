/**
 * Public keys as the name service has them (RFC 6376 §3.6.1, RFC 8463 §4): reading such a record, and writing the one that belongs to a key.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { readTagList, withoutSpace } from './tag-list.js'

export type SigningAlgorithm = 'rsa-sha256' | 'ed25519-sha256'

/** What a key may be kept to (`s=`): mail, or reports about TLS (RFC 8460 §3). */
export type DkimService = 'email' | 'tlsrpt'

export interface DkimRecord {
  readonly kind: 'key'
  readonly type: 'rsa' | 'ed25519'
  readonly key: KeyObject
  /** Of an RSA key. */
  readonly bits?: number
  /** `t=y`: the domain says that it is only trying. */
  readonly testing: boolean
}

/** `revoked`: there is a record, and its key was taken back; `broken`: it cannot be used, `why` says so in words. */
export type ReadRecord = DkimRecord | { readonly kind: 'revoked' } | { readonly kind: 'broken'; readonly why: string }

/** RFC 8301 §3.2 */
const LEAST_BITS = 1024
/** A stranger chooses the key we reckon with: no longer ones, and no large exponents. */
const MOST_BITS = 4096
const MOST_EXPONENT = 2n ** 33n

/** RFC 8410 §4: what stands before the 32 octets of an Ed25519 key in SubjectPublicKeyInfo. */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')

/** Records that were read last: making a key of its octets costs as much as checking a signature with it, and many mails come from few signers. */
const known = new Map<string, ReadRecord>()
const MOST_KNOWN = 500
const LONGEST_KNOWN = 2048

/** `wanted`: what was signed; a key for any of these is right. */
export function readDkimRecord(text: string, wanted: readonly DkimService[] = ['email']): ReadRecord {
  const key = `${wanted.join(':')} ${text}`
  const there = known.get(key)
  if (there !== undefined) return there
  const record = readRecord(text, wanted)
  if (text.length > LONGEST_KNOWN) return record
  const [oldest] = known.size < MOST_KNOWN ? [] : known.keys()
  if (oldest !== undefined) known.delete(oldest)
  known.set(key, record)
  return record
}

function readRecord(text: string, wanted: readonly DkimService[]): ReadRecord {
  const tags = readTagList(text)
  if (tags === undefined) return broken('it is not a list of tag=value')
  const version = tags.get('v')
  // RFC 6376 §3.6.1: when it is there it comes first.
  if (version !== undefined && (version !== 'DKIM1' || [...tags.keys()][0] !== 'v'))
    return broken('its v= is not DKIM1, or not the first tag')
  const type = tags.get('k') ?? 'rsa'
  if (type !== 'rsa' && type !== 'ed25519') return broken(`its k=${type} is a kind of key nobody knows`)
  const hashes = tags.get('h')
  if (hashes !== undefined && !listed(hashes, 'sha256')) return broken(`its h=${hashes} does not allow SHA-256`)
  const services = tags.get('s')
  if (services !== undefined && !['*', ...wanted].some(one => listed(services, one)))
    return broken(`its s=${services} is ${notForMail(services)}`)
  const written = tags.get('p')
  if (written === undefined) return broken('it has no p=')
  const base64 = withoutSpace(written)
  if (base64 === '') return { kind: 'revoked' }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return broken('its p= is not base64')
  const key = publicKey(type, Buffer.from(base64, 'base64'))
  if (key === undefined) return broken(`its p= is no ${type} key`)
  const bits = key.asymmetricKeyDetails?.modulusLength
  const testing = listed(tags.get('t') ?? '', 'y')
  return { kind: 'key', type, key, testing, ...(bits === undefined ? {} : { bits }) }
}

function broken(why: string): ReadRecord {
  return { kind: 'broken', why }
}

/** RFC 8460 §3: there are keys for reports. */
function notForMail(services: string): string {
  return listed(services, 'tlsrpt')
    ? 'for reports about TLS alone, not for other mail: a key for both has s=email:tlsrpt'
    : 'not for mail'
}

function listed(list: string, wanted: string): boolean {
  return withoutSpace(list).split(':').includes(wanted)
}

function publicKey(type: 'rsa' | 'ed25519', octets: Buffer): KeyObject | undefined {
  if (type === 'ed25519')
    // RFC 8463 §4: the 32 octets alone.
    return octets.length === 32 ? fromDer(Buffer.concat([ED25519_SPKI, octets]), 'spki') : undefined
  const key = fromDer(octets, 'spki') ?? fromDer(octets, 'pkcs1')
  return key?.asymmetricKeyType === 'rsa' ? key : undefined
}

// RFC 6376 §3.6.1 says RSAPublicKey, its examples and everybody SubjectPublicKeyInfo.
function fromDer(key: Buffer, type: 'spki' | 'pkcs1'): KeyObject | undefined {
  try {
    return createPublicKey({ key, format: 'der', type })
  } catch {
    return undefined
  }
}

/** `weak`: what it signed proves nothing; `costly`: not to be reckoned with at all. */
export function fitnessOf({ key, bits = LEAST_BITS }: DkimRecord): 'fit' | 'weak' | 'costly' {
  const exponent = key.asymmetricKeyDetails?.publicExponent ?? 3n
  if (bits > MOST_BITS || exponent > MOST_EXPONENT) return 'costly'
  return bits < LEAST_BITS ? 'weak' : 'fit'
}

/** What is to be published for a key: of a private key, the public half. */
export function writeDkimRecord(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key
  const der = half.export({ format: 'der', type: 'spki' })
  return half.asymmetricKeyType === 'ed25519'
    ? `v=DKIM1; k=ed25519; p=${der.subarray(ED25519_SPKI.length).toString('base64')}`
    : `v=DKIM1; k=rsa; p=${der.toString('base64')}`
}

/** Whether both are, or belong to, one key. */
export function samePublicKey(one: KeyObject, other: KeyObject): boolean {
  return writeDkimRecord(one) === writeDkimRecord(other)
}
