/** SHA256-CRYPT and SHA512-CRYPT, `$5$` and `$6$` of crypt(3), by Ulrich Drepper's description in the public domain: its steps by their numbers. */
import { createHash } from 'node:crypto'
import { lettersOf } from './crypt-letters.js'

export interface ShaCrypt {
  readonly hash: 'sha256' | 'sha512'
  readonly salt: Buffer
  readonly rounds: number
}

/** The last part of the hash. */
export function shaCrypt(password: Buffer, { hash, salt, rounds }: ShaCrypt): string {
  const digest = (parts: Iterable<Buffer>) => {
    const sum = createHash(hash)
    for (const part of parts) sum.update(part)
    return sum.digest()
  }
  let sum = digest(startOf(password, salt, digest([password, salt, password])))
  // steps 13 to 20
  const p = filled(digest(repeated(password, password.length)), password.length)
  const s = filled(digest(repeated(salt, 16 + sum[0]!)), salt.length)
  // step 21
  for (let round = 0; round < rounds; round++) {
    const odd = round % 2 === 1
    const parts = [odd ? p : sum]
    if (round % 3 !== 0) parts.push(s)
    if (round % 7 !== 0) parts.push(p)
    parts.push(odd ? sum : p)
    sum = digest(parts)
  }
  return hash === 'sha256' ? written256(sum) : written512(sum)
}

/** Steps 1 to 12; `b` is digest B. */
function* startOf(password: Buffer, salt: Buffer, b: Buffer): Iterable<Buffer> {
  yield password
  yield salt
  yield filled(b, password.length)
  for (let bits = password.length; bits > 0; bits >>= 1) yield bits & 1 ? b : password
}

function* repeated(bytes: Buffer, times: number): Iterable<Buffer> {
  for (let time = 0; time < times; time++) yield bytes
}

/** The digest as often as it takes for so many octets. */
function filled(digest: Buffer, length: number): Buffer {
  return Buffer.alloc(length, digest)
}

/** Step 22: three octets that lie a third apart make four letters, and turn their places from group to group. */
function written256(sum: Buffer): string {
  const groups = Array.from({ length: 10 }, (_, at) => lettersOf(turned(sum, at, 10, (3 - (at % 3)) % 3), 4))
  return `${groups.join('')}${lettersOf([0, sum[31]!, sum[30]!], 3)}`
}

function written512(sum: Buffer): string {
  const groups = Array.from({ length: 21 }, (_, at) => lettersOf(turned(sum, at, 21, at % 3), 4))
  return `${groups.join('')}${lettersOf([0, 0, sum[63]!], 2)}`
}

function turned(sum: Buffer, at: number, step: number, turn: number): readonly [number, number, number] {
  const octets = [sum[at]!, sum[at + step]!, sum[at + 2 * step]!] as const
  return [octets[turn % 3]!, octets[(turn + 1) % 3]!, octets[(turn + 2) % 3]!]
}
