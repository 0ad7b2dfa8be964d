/**
 * SCRAM keys (RFC 5802 §3) kept beside the hash, so that SCRAM log-ins can be offered without ever storing the password.
 * Their PBKDF2 is cheaper to attack than scrypt is: who gets the accounts file attacks these. Hence many iterations, and
 * the option `scram: false` for sites that do not want them.
 */
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import type { ScramKeys } from 'posthouse/api'
import { preparePassword } from './password.js'

const HASHES = { 'SCRAM-SHA-1': 'sha1', 'SCRAM-SHA-256': 'sha256' } as const
const BYTES = { 'SCRAM-SHA-1': 20, 'SCRAM-SHA-256': 32 } as const

export const SALT_BYTES = 16
export const MECHANISMS = ['SCRAM-SHA-256', 'SCRAM-SHA-1'] as const

export async function makeScramKeys(
  password: string,
  mechanism: ScramKeys['mechanism'],
  iterations: number,
  salt = randomBytes(SALT_BYTES),
): Promise<ScramKeys> {
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
