/** SCRAM keys made as RFC 5802 §3 has it, apart from the code that makes them for users. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import type { ScramKeys } from '../../../core/api/index.js'

export function keysOf(
  password: string,
  mechanism: ScramKeys['mechanism'],
  iterations: number,
  salt: string,
): ScramKeys {
  const [hash, bytes] = mechanism === 'SCRAM-SHA-1' ? ['sha1', 20] : ['sha256', 32]
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), iterations, Number(bytes), String(hash))
  const clientKey = createHmac(String(hash), salted).update('Client Key').digest()
  return {
    mechanism,
    salt,
    iterations,
    storedKey: createHash(String(hash)).update(clientKey).digest('base64'),
    serverKey: createHmac(String(hash), salted).update('Server Key').digest('base64'),
  }
}
