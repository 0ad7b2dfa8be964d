/** SCRAM keys made as RFC 5802 §3 has it, apart from the code that makes them for users. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import type { ScramCandidate, ScramKeys } from '../../../core/api/index.js'

/** With a candidate for each password. */
export function keysOf(
  passwords: string | readonly string[],
  mechanism: ScramKeys['mechanism'],
  iterations: number,
  salt: string,
): ScramKeys {
  const candidates = [passwords].flat().map(password => candidateOf(password, mechanism, iterations, salt))
  return { mechanism, salt, iterations, candidates }
}

function candidateOf(
  password: string,
  mechanism: ScramKeys['mechanism'],
  iterations: number,
  salt: string,
): ScramCandidate {
  const [hash, bytes] = mechanism === 'SCRAM-SHA-1' ? ['sha1', 20] : ['sha256', 32]
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), iterations, Number(bytes), String(hash))
  const clientKey = createHmac(String(hash), salted).update('Client Key').digest()
  return {
    storedKey: createHash(String(hash)).update(clientKey).digest('base64'),
    serverKey: createHmac(String(hash), salted).update('Server Key').digest('base64'),
  }
}
