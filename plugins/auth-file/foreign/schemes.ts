/**
 * Password hashes of other servers: as they stand in passwd-style files (`$6$…`) and in Dovecot's (`{SSHA512}…`). Reading tells what a hash is and
 * refuses what is not whole, what costs more than a login may, and what no password sent to us can be checked by. Pure; the checking is in check.ts.
 */
import { closest, printable } from 'posthouse/text'

export type Digest = 'md5' | 'sha1' | 'sha256' | 'sha512'

export type ForeignHash =
  /** Dovecot's `PLAIN`; never kept, only read. */
  | { readonly kind: 'plain'; readonly password: string }
  | { readonly kind: 'digest'; readonly hash: Digest; readonly sum: Buffer; readonly salt: Buffer }
  | { readonly kind: 'md5-crypt'; readonly magic: string; readonly salt: string; readonly sum: string }
  | {
      readonly kind: 'sha-crypt'
      readonly hash: 'sha256' | 'sha512'
      readonly rounds: number
      readonly salt: string
      readonly sum: string
    }
  | { readonly kind: 'bcrypt'; readonly text: string }
  | { readonly kind: 'argon2'; readonly text: string }
  | { readonly kind: 'pbkdf2'; readonly salt: string; readonly rounds: number; readonly sum: Buffer }
  | ForeignScram

export interface ForeignScram {
  readonly kind: 'scram'
  readonly mechanism: 'SCRAM-SHA-1' | 'SCRAM-SHA-256'
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** Why it cannot be taken, as a sentence goes on. */
export interface Unreadable {
  readonly kind: 'unreadable'
  readonly why: string
}

/** Some seconds of one thread at most: who has to wait longer for a login gives up. */
const MOST_SHA_ROUNDS = 1_000_000
const MOST_BCRYPT_COST = 15
const MOST_ARGON2 = { m: 262_144, t: 20, p: 16 } as const
const MOST_PBKDF2_ROUNDS = 5_000_000

const SIZES: Readonly<Record<Digest, number>> = { md5: 16, sha1: 20, sha256: 32, sha512: 64 }
const SCHEME = /^\{([A-Za-z0-9-]{1,30})(?:\.(HEX|B64|BASE64))?\}(.*)$/is
const CRYPTS = [
  'CRYPT',
  'MD5',
  'MD5-CRYPT',
  'SHA256-CRYPT',
  'SHA512-CRYPT',
  'BLF-CRYPT',
  'ARGON2I',
  'ARGON2ID',
] as const
const PLAINS = ['PLAIN', 'CLEARTEXT', 'CLEAR'] as const

type Encoding = 'hex' | 'base64'

/** By scheme: what is digested, and whether salt follows the digest. */
const DIGESTS = new Map<string, { readonly hash: Digest; readonly salted: boolean; readonly hex?: true }>([
  ['PLAIN-MD5', { hash: 'md5', salted: false, hex: true }],
  ['LDAP-MD5', { hash: 'md5', salted: false }],
  ['SMD5', { hash: 'md5', salted: true }],
  ['SHA', { hash: 'sha1', salted: false }],
  ['SHA1', { hash: 'sha1', salted: false }],
  ['SHA256', { hash: 'sha256', salted: false }],
  ['SHA512', { hash: 'sha512', salted: false }],
  ['SSHA', { hash: 'sha1', salted: true }],
  ['SSHA256', { hash: 'sha256', salted: true }],
  ['SSHA512', { hash: 'sha512', salted: true }],
])

export const SCHEMES: readonly string[] = [
  ...PLAINS,
  ...CRYPTS,
  ...DIGESTS.keys(),
  'PBKDF2',
  'SCRAM-SHA-1',
  'SCRAM-SHA-256',
]

/** What can be made of a password but not checked by one, or by nothing that comes with Node.js. */
const NOT_HERE: ReadonlyMap<string, string> = new Map([
  ['DES-CRYPT', 'is cut after eight letters and broken in hours'],
  ['PLAIN-TRUNC', 'holds only a part of the password'],
  ['PLAIN-MD4', 'is MD4, which nothing here can make'],
  ['CRAM-MD5', 'is half a calculation of MD5, which nothing here can make'],
  ['HMAC-MD5', 'is half a calculation of MD5, which nothing here can make'],
  ['DIGEST-MD5', 'holds the name and realm it was made for'],
  ['NTLM', 'is MD4, which nothing here can make'],
  ['LANMAN', 'is cut after seven letters and broken in minutes'],
  ['OTP', 'is for passwords that are used once'],
])

/** `scheme` is that of hashes that do not name one. */
export function readForeign(text: string, scheme = 'CRYPT'): ForeignHash | Unreadable {
  const named = SCHEME.exec(text)
  const name = (named?.[1] ?? scheme).toUpperCase()
  const rest = named?.[3] ?? text
  const encoding = named?.[2] === undefined ? undefined : /^hex$/i.test(named[2]) ? 'hex' : 'base64'
  if (rest === '') return unreadable('is empty')
  if (PLAINS.some(plain => plain === name)) return plainOf(rest, encoding)
  if (CRYPTS.some(crypt => crypt === name)) return encoding === undefined ? cryptOf(rest) : twice(name)
  const digest = DIGESTS.get(name)
  if (digest !== undefined) return digestOf(rest, { ...digest, encoding })
  if (name === 'PBKDF2') return encoding === undefined ? pbkdf2Of(rest) : twice(name)
  if (name === 'SCRAM-SHA-1' || name === 'SCRAM-SHA-256')
    return encoding === undefined ? scramOf(name, rest) : twice(name)
  const why = NOT_HERE.get(name)
  if (why !== undefined) return unreadable(`of the scheme ${name} ${why}`)
  const near = closest(name, SCHEMES)
  return unreadable(
    `has the unknown scheme ${printable(name, 30)}${near === undefined ? '' : `; did you mean ${near}?`}`,
  )
}

/** That one can be kept: everything but a password as it is. */
export function isForeign(text: string): boolean {
  if (!text.startsWith('{')) return false
  const { kind } = readForeign(text)
  return kind !== 'unreadable' && kind !== 'plain'
}

function plainOf(text: string, encoding: Encoding | undefined): ForeignHash | Unreadable {
  if (encoding === undefined) return { kind: 'plain', password: text }
  const bytes = octetsOf(text, encoding)
  return bytes === undefined ? unreadable(`is not ${encoding}`) : { kind: 'plain', password: bytes.toString() }
}

function digestOf(
  text: string,
  how: {
    readonly hash: Digest
    readonly salted: boolean
    readonly hex?: true
    readonly encoding: Encoding | undefined
  },
): ForeignHash | Unreadable {
  const size = SIZES[how.hash]
  const looksHex = how.hex === true || (!how.salted && text.length === 2 * size && /^[0-9a-f]+$/i.test(text))
  const bytes = octetsOf(text, how.encoding ?? (looksHex ? 'hex' : 'base64'))
  if (bytes === undefined) return unreadable('is neither hexadecimal nor base64')
  const salt = bytes.subarray(size)
  if (bytes.length < size || (how.salted ? salt.length === 0 || salt.length > 256 : salt.length > 0))
    return unreadable(`has ${bytes.length} octets where ${size}${how.salted ? ' and a salt' : ''} were expected`)
  return { kind: 'digest', hash: how.hash, sum: bytes.subarray(0, size), salt }
}

function cryptOf(text: string): ForeignHash | Unreadable {
  const md5 = /^(\$1\$|\$apr1\$)([^$]{0,8})\$([./0-9A-Za-z]{22})$/.exec(text)
  if (md5 !== null) return { kind: 'md5-crypt', magic: md5[1]!, salt: md5[2]!, sum: md5[3]! }
  if (/^\$[56]\$/.test(text)) return shaCryptOf(text)
  if (/^\$2[aby]\$/.test(text)) return bcryptOf(text)
  if (/^\$argon2/.test(text)) return argon2Of(text)
  const other = /^\$([A-Za-z0-9-]{1,20})\$/.exec(text)?.[1]
  if (other === 'y' || other === 'gy' || other === '7')
    return unreadable(`is ${other === '7' ? 'scrypt' : 'yescrypt'} of crypt(3), which nothing here can make`)
  if (other === '2x') return unreadable('was made by a faulty bcrypt')
  if (other !== undefined) return unreadable(`is of the unknown kind $${other}$`)
  if (/^[./0-9A-Za-z]{13}$/.test(text)) return unreadable(`of the scheme DES-CRYPT ${NOT_HERE.get('DES-CRYPT')}`)
  return unreadable('is no hash that is known; --scheme says what hashes are that do not say so')
}

function shaCryptOf(text: string): ForeignHash | Unreadable {
  const found = /^\$([56])\$(?:rounds=(\d{1,10})\$)?([^$]{0,16})\$([./0-9A-Za-z]+)$/.exec(text)
  const hash = found?.[1] === '6' ? 'sha512' : 'sha256'
  if (found === null || found[4]!.length !== (hash === 'sha512' ? 86 : 43)) return unreadable('is not whole')
  const rounds = found[2] === undefined ? 5000 : Number(found[2])
  if (rounds < 1000 || rounds > MOST_SHA_ROUNDS) return tooDear(`${rounds} rounds`, `1000 to ${MOST_SHA_ROUNDS}`)
  return { kind: 'sha-crypt', hash, rounds, salt: found[3]!, sum: found[4]! }
}

function bcryptOf(text: string): ForeignHash | Unreadable {
  const cost = Number(/^\$2[aby]\$(\d\d)\$[./0-9A-Za-z]{53}$/.exec(text)?.[1] ?? Number.NaN)
  if (Number.isNaN(cost)) return unreadable('is not whole')
  if (cost < 4 || cost > MOST_BCRYPT_COST) return tooDear(`the cost ${cost}`, `4 to ${MOST_BCRYPT_COST}`)
  return { kind: 'bcrypt', text }
}

function argon2Of(text: string): ForeignHash | Unreadable {
  const found =
    /^\$argon2(?:id|i|d)\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,88}\$[A-Za-z0-9+/]{11,172}$/.exec(
      text,
    )
  if (found === null) return unreadable('is not whole, or of an old version of Argon2')
  const [m, t, p] = [Number(found[1]), Number(found[2]), Number(found[3])]
  if (m > MOST_ARGON2.m || t > MOST_ARGON2.t || p > MOST_ARGON2.p)
    return tooDear(`m=${m},t=${t},p=${p}`, `m=${MOST_ARGON2.m},t=${MOST_ARGON2.t},p=${MOST_ARGON2.p}`)
  return m < 8 * p || t < 1 || p < 1 ? unreadable('is not whole') : { kind: 'argon2', text }
}

/** As Dovecot writes it: `$1$SALT$ROUNDS$HEX`, by SHA-1. */
function pbkdf2Of(text: string): ForeignHash | Unreadable {
  const found = /^\$1\$([^$]{1,64})\$(\d{1,8})\$([0-9a-f]{40})$/i.exec(text)
  if (found === null) return unreadable('is not whole')
  const rounds = Number(found[2])
  if (rounds < 1 || rounds > MOST_PBKDF2_ROUNDS) return tooDear(`${rounds} rounds`, `1 to ${MOST_PBKDF2_ROUNDS}`)
  return { kind: 'pbkdf2', salt: found[1]!, rounds, sum: Buffer.from(found[3]!, 'hex') }
}

/** As Dovecot writes it: `ITERATIONS,SALT,STOREDKEY,SERVERKEY`. */
function scramOf(mechanism: ForeignScram['mechanism'], text: string): ForeignHash | Unreadable {
  const size = mechanism === 'SCRAM-SHA-1' ? SIZES.sha1 : SIZES.sha256
  const found = /^(\d{1,8}),([^,]+),([^,]+),([^,]+)$/.exec(text)
  const [salt, storedKey, serverKey] = (found?.slice(2) ?? []).map(part => octetsOf(part, 'base64'))
  if (found === null || salt === undefined || storedKey?.length !== size || serverKey?.length !== size)
    return unreadable('is not whole')
  const iterations = Number(found[1])
  if (iterations < 1 || iterations > MOST_PBKDF2_ROUNDS || salt.length === 0 || salt.length > 256)
    return tooDear(`${iterations} iterations`, `1 to ${MOST_PBKDF2_ROUNDS}`)
  return { kind: 'scram', mechanism, iterations, salt, storedKey, serverKey }
}

function octetsOf(text: string, encoding: Encoding): Buffer | undefined {
  if (encoding === 'hex') return /^(?:[0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, 'hex') : undefined
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
}

function unreadable(why: string): Unreadable {
  return { kind: 'unreadable', why }
}

function tooDear(what: string, bound: string): Unreadable {
  return unreadable(`takes ${what}, where ${bound} is what a login may cost`)
}

function twice(name: string): Unreadable {
  return unreadable(`of the scheme ${name} is written in letters of its own, without .HEX or .B64`)
}
