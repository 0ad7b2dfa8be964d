/**
 * SCRAM keys (RFC 5802 §3) kept beside each hash, so that SCRAM log-ins can be offered without ever storing the password. Those of one account
 * share salt and iteration count: the client hears both before it shows which password it has (RFC 5802 §5.1), so keys of another salt fit none.
 * Their PBKDF2 is cheaper to attack than scrypt is: who gets the accounts file attacks these. Hence many iterations, and
 * the option `scram: false` for sites that do not want them.
 */
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import type { ScramKeys } from 'posthouse/api'
import { preparePassword } from './password.js'

const HASHES = { 'SCRAM-SHA-1': 'sha1', 'SCRAM-SHA-256': 'sha256' } as const
const BYTES = { 'SCRAM-SHA-1': 20, 'SCRAM-SHA-256': 32 } as const

/** Keys of one password, as they stand in the file: all values base64. */
export interface StoredKeys {
  readonly mechanism: ScramKeys['mechanism']
  readonly salt: string
  readonly iterations: number
  readonly storedKey: string
  readonly serverKey: string
}

export const SALT_BYTES = 16
export const MECHANISMS = ['SCRAM-SHA-256', 'SCRAM-SHA-1'] as const

/** For every mechanism, with the salt and iteration count of the keys that they will stand beside; where there are none, with new ones. */
export function makeKeys(
  password: string,
  iterations: number,
  beside: readonly StoredKeys[],
): Promise<readonly StoredKeys[]> {
  const made = MECHANISMS.map(mechanism => {
    const other = beside.find(keys => keys.mechanism === mechanism)
    if (other === undefined) return makeScramKeys(password, mechanism, iterations)
    return makeScramKeys(password, mechanism, other.iterations, Buffer.from(other.salt, 'base64'))
  })
  return Promise.all(made)
}

export function areOfOneSalt(all: readonly StoredKeys[]): boolean {
  return all.every(keys => isBeside(keys, all.find(({ mechanism }) => mechanism === keys.mechanism)!))
}

export function isBeside(a: StoredKeys, b: StoredKeys): boolean {
  return a.mechanism === b.mechanism && a.salt === b.salt && a.iterations === b.iterations
}

export function areStoredKeys(value: unknown): boolean {
  return Array.isArray(value) && value.every(isStoredKeys)
}

function isStoredKeys(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { mechanism, salt, iterations, storedKey, serverKey } = value as Record<string, unknown>
  const texts = [salt, storedKey, serverKey].every(text => typeof text === 'string')
  return MECHANISMS.some(known => known === mechanism) && texts && typeof iterations === 'number'
}

export async function makeScramKeys(
  password: string,
  mechanism: ScramKeys['mechanism'],
  iterations: number,
  salt = randomBytes(SALT_BYTES),
): Promise<StoredKeys> {
  const hash = HASHES[mechanism]
  const salted = await stretch(preparePassword(password), salt, iterations, BYTES[mechanism], hash)
  const clientKey = createHmac(hash, salted).update('Client Key').digest()
  return {
    mechanism,
    salt: salt.toString('base64'),
    iterations,
    storedKey: createHash(hash).update(clientKey).digest('base64'),
    serverKey: createHmac(hash, salted).update('Server Key').digest('base64'),
  }
}

function stretch(password: string, salt: Buffer, iterations: number, bytes: number, hash: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, bytes, hash, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}
