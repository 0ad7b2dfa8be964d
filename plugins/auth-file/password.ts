/**
 * Passwords at rest: scrypt in a PHC-like string, `$scrypt$ln=14,r=8,p=1$SALT$KEY`, and making new passwords.
 * The cost stands in the string, so it can be raised without breaking old entries. Only this file compares hashes.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

const KEY_BYTES = 32
const SALT_BYTES = 16
/** Octets; more is never a person's password, and hashing it is a gift to attackers. */
export const MAX_PASSWORD_BYTES = 1000
const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{11,88})\$([A-Za-z0-9+/]{22,88})$/

export interface Cost {
  /** Binary logarithm of scrypt's N. */
  readonly ln: number
  readonly r: number
  readonly p: number
}

interface Hash extends Cost {
  readonly salt: Buffer
  readonly key: Buffer
}

/** Unicode in one form, so that two keyboards agree; the space characters of RFC 4013 §2.1 become a plain space. */
export function preparePassword(password: string): string {
  return password.replace(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, ' ').normalize('NFKC')
}

export async function hashPassword(password: string, cost: Cost, salt = randomBytes(SALT_BYTES)): Promise<string> {
  const key = await derive(preparePassword(password), salt, cost, KEY_BYTES)
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${plain64(salt)}$${plain64(key)}`
}

/** Always costs a whole scrypt of `cost`, also when `stored` is missing (an unknown user), unreadable, or cheaper: of before the cost was raised. */
export async function verifyPassword(password: string, stored: string | undefined, cost: Cost): Promise<boolean> {
  const hash = stored === undefined ? undefined : readHash(stored)
  const nobody = { ...cost, salt: Buffer.alloc(SALT_BYTES), key: Buffer.alloc(KEY_BYTES) }
  if (hash === undefined || !isLess(hash, cost)) return (await fits(password, hash ?? nobody)) && hash !== undefined
  const [right] = await Promise.all([fits(password, hash), fits(password, nobody)])
  return right
}

async function fits(password: string, hash: Hash): Promise<boolean> {
  const key = await derive(preparePassword(password), hash.salt, hash, hash.key.length)
  return timingSafeEqual(key, hash.key)
}

/** One of ours, of before the cost was raised. */
export function isCheaper(stored: string, cost: Cost): boolean {
  const hash = readHash(stored)
  return hash !== undefined && isLess(hash, cost)
}

function isLess(a: Cost, b: Cost): boolean {
  return 2 ** a.ln * a.r * a.p < 2 ** b.ln * b.r * b.p
}

export function isHash(text: string): boolean {
  return readHash(text) !== undefined
}

function readHash(text: string): Hash | undefined {
  const found = PHC.exec(text)
  if (found === null) return undefined
  const [ln, r, p] = [Number(found[1]), Number(found[2]), Number(found[3])]
  // Bounds on memory: 128·N·r octets, 256 MB at most.
  if (ln < 10 || ln > 20 || r < 1 || p < 1 || 128 * 2 ** ln * r > 256 * 2 ** 20) return undefined
  return { ln, r, p, salt: Buffer.from(found[4]!, 'base64'), key: Buffer.from(found[5]!, 'base64') }
}

function derive(password: string, salt: Buffer, cost: Cost, bytes: number): Promise<Buffer> {
  const N = 2 ** cost.ln
  const options = { N, r: cost.r, p: cost.p, maxmem: 128 * N * cost.r * cost.p + 2 ** 20 }
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}

function plain64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}

// No 0, 1, l and o: it is read aloud and typed on phones.
const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789'

const GROUP = 5

/** 100 bits in four groups of five letters. */
export function makePassword(random: (bytes: number) => Buffer = randomBytes, groups = 4): string {
  const letters = [...random(groups * GROUP)].map(byte => LETTERS[byte % LETTERS.length]!).join('')
  return grouped(letters)
}

export interface AppSecret {
  /** Says which of the account's app passwords it is; stored as it is. */
  readonly tag: string
  readonly password: string
}

/** 100 bits behind a tag of 25 more: one look at the tag, one hash to check, however many there are. */
export function makeAppPassword(): AppSecret {
  const password = makePassword(randomBytes, 5)
  return { tag: password.slice(0, GROUP), password }
}

/** What may be an app password, as it was made: people leave dashes out, and phones begin with a capital. */
export function readAppPassword(text: string): AppSecret | undefined {
  if (text.length > 64) return undefined
  const letters = text.replace(/[\s-]/g, '').toLowerCase()
  if (letters.length !== 5 * GROUP || [...letters].some(letter => !LETTERS.includes(letter))) return undefined
  return { tag: letters.slice(0, GROUP), password: grouped(letters) }
}

function grouped(letters: string): string {
  return letters.match(/.{5}/g)!.join('-')
}
