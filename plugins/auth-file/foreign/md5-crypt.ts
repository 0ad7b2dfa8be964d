/**
 * MD5-CRYPT as in `$1$` of crypt(3) and `$apr1$` of Apache: a thousand rounds in an order that only this scheme has. Weak by now, which is why
 * what is checked by it becomes a hash of ours.
 */
import { createHash } from 'node:crypto'
import { lettersOf } from './crypt-letters.js'

const ROUNDS = 1000
/** Octets in the order they are written: three make four letters. */
const ORDER = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5] as const

/** The last part of the hash. `magic` is `$1$` or `$apr1$`. */
export function md5Crypt(password: Buffer, salt: Buffer, magic: string): string {
  const start = createHash('md5').update(password).update(magic).update(salt)
  const other = md5(password, salt, password)
  for (let left = password.length; left > 0; left -= 16) start.update(other.subarray(0, Math.min(16, left)))
  for (let bits = password.length; bits > 0; bits >>= 1) start.update(bits & 1 ? Buffer.of(0) : password.subarray(0, 1))
  let sum = start.digest()
  for (let round = 0; round < ROUNDS; round++) {
    const odd = round % 2 === 1
    const hash = createHash('md5').update(odd ? password : sum)
    if (round % 3 !== 0) hash.update(salt)
    if (round % 7 !== 0) hash.update(password)
    sum = hash.update(odd ? sum : password).digest()
  }
  const groups = [0, 3, 6, 9].map(at => lettersOf([sum[ORDER[at]!]!, sum[ORDER[at + 1]!]!, sum[ORDER[at + 2]!]!], 4))
  return `${groups.join('')}${lettersOf([sum[4]!, sum[10]!, sum[5]!], 4)}${lettersOf([0, 0, sum[11]!], 2)}`
}

function md5(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('md5')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
