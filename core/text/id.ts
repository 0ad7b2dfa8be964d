/**
 * Ids of sessions, accounts and messages: 16 characters of lower-case Crockford base32, sortable by time.
 * 45 bits are milliseconds, 22 tell processes of one host (and mostly hosts) apart, 13 count within the process,
 * so two workers cannot make the same id as long as one makes fewer than 8,192 in a millisecond.
 */
import { createHash, randomInt } from 'node:crypto'
import { hostname } from 'node:os'
import { threadId } from 'node:worker_threads'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const TAIL = 2 ** 35
const COUNTER = 2 ** 13

// Process ids stay below 2^22 on Linux; the same mask for all processes of a host keeps them apart.
const mask = createHash('sha256').update(hostname()).digest().readUInt32BE() >>> 10
const processTag = ((process.pid ^ mask ^ Math.imul(threadId, 0x2545f)) >>> 0) % 2 ** 22
let counter = randomInt(COUNTER)

/** `random` replaces the process tag and counter: a number in [0, 1) or at least 5 bytes; for tests that want the same id again. */
export function newId(now: number, random?: () => number | Buffer): string {
  const tail = random === undefined ? nextTail() : tailOf(random())
  return base32(Math.max(0, Math.floor(now)), 9) + base32(tail, 7)
}

/** When an id was made; `undefined` for what is none. What stands behind it (`.1`) does not matter. */
export function idTime(id: string): number | undefined {
  if (!/^[0-9a-hjkmnp-tv-z]{16}(?![^.])/.test(id)) return undefined
  let time = 0
  for (const digit of id.slice(0, 9)) time = time * 32 + ALPHABET.indexOf(digit)
  return time
}

function nextTail(): number {
  counter = (counter + 1) % COUNTER
  return processTag * COUNTER + counter
}

function tailOf(value: number | Buffer): number {
  return typeof value === 'number' ? Math.floor(value * TAIL) : value.readUIntBE(0, 5) % TAIL
}

function base32(value: number, length: number): string {
  let text = ''
  let left = value
  for (let i = 0; i < length; i++) {
    text = ALPHABET[left % 32] + text
    left = Math.floor(left / 32)
  }
  return text
}
