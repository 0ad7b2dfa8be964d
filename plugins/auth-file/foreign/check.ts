/** Whether a password is the one behind a hash of another server. Costs what that hash costs, so it runs in a thread of its own. */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { unreachable } from 'posthouse/api'
import { md5Crypt } from './md5-crypt.js'
import { type ForeignHash, readForeign } from './schemes.js'
import { shaCrypt } from './sha-crypt.js'

/** Octets that bcrypt looks at. */
const BCRYPT_TAKES = 72

export async function matches(password: string, stored: string): Promise<boolean> {
  const hash = readForeign(stored)
  return hash.kind !== 'unreadable' && fits(Buffer.from(password), hash)
}

async function fits(password: Buffer, hash: ForeignHash): Promise<boolean> {
  switch (hash.kind) {
    case 'plain':
      return same(createHash('sha256').update(password).digest(), createHash('sha256').update(hash.password).digest())
    case 'digest':
      return same(createHash(hash.hash).update(password).update(hash.salt).digest(), hash.sum)
    case 'md5-crypt':
      return sameText(md5Crypt(password, Buffer.from(hash.salt), hash.magic), hash.sum)
    case 'sha-crypt':
      return sameText(shaCrypt(password, { ...hash, salt: Buffer.from(hash.salt) }), hash.sum)
    case 'bcrypt': {
      const { bcryptVerify } = await import('hash-wasm')
      // crypt(3) ends at a zero and at 72 octets, without a word.
      return password.length > 0 && bcryptVerify({ password: cut(password), hash: hash.text })
    }
    case 'argon2': {
      const { argon2Verify } = await import('hash-wasm')
      return password.length > 0 && argon2Verify({ password, hash: hash.text })
    }
    case 'pbkdf2':
      return same(pbkdf2Sync(password, hash.salt, hash.rounds, hash.sum.length, 'sha1'), hash.sum)
    case 'scram': {
      const digest = hash.mechanism === 'SCRAM-SHA-1' ? 'sha1' : 'sha256'
      const salted = pbkdf2Sync(password, hash.salt, hash.iterations, hash.storedKey.length, digest)
      const clientKey = createHmac(digest, salted).update('Client Key').digest()
      return same(createHash(digest).update(clientKey).digest(), hash.storedKey)
    }
    default:
      return unreachable(hash)
  }
}

function cut(password: Buffer): Buffer {
  const zero = password.indexOf(0)
  return password.subarray(0, Math.min(BCRYPT_TAKES, zero < 0 ? password.length : zero))
}

function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function sameText(a: string, b: string): boolean {
  return same(Buffer.from(a), Buffer.from(b))
}
