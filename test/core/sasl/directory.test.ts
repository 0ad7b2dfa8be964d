import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Accounts, MOST_SCRAM_CANDIDATES, type ScramKeys } from '../../../core/api/index.js'
import { ScramDirectory } from '../../../core/sasl/directory.js'
import { quietLog } from '../../../core/testing/index.js'
import { keysOf } from './keys.js'

const MECHANISM = 'SCRAM-SHA-256'
const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ=='
const NEVER = new AbortController().signal

function directoryOf(scramKeys: Accounts['scramKeys']): ScramDirectory {
  const none = async () => undefined
  const accounts = { byLogin: none, byAddress: none, byId: none, list: async () => [], ...(scramKeys && { scramKeys }) }
  return new ScramDirectory(accounts, async () => Buffer.alloc(32, 1), quietLog)
}

test('the directory hears by which protocol somebody logs in: a password may count for some only', async () => {
  const asked: unknown[] = []
  const directory = directoryOf(async (...about) => {
    asked.push(about)
    return undefined
  })
  const { known } = await directory.keys('alice', MECHANISM, 'imap', NEVER)
  assert.deepEqual([asked, known], [[['alice', MECHANISM, 'imap']], 0])
})

const passwords = (count: number) => Array.from({ length: count }, (_, n) => `password ${n}`)
const wrong: ScramKeys = { ...keysOf('x', MECHANISM, 1, SALT), iterations: 0 }

for (const [what, keys, known] of [
  ['a login that nobody has', undefined, 0],
  ['an account of which no password counts', { ...keysOf([], MECHANISM, 1, SALT) }, 0],
  ['one password', keysOf('x', MECHANISM, 1, SALT), 1],
  ['three passwords', keysOf(passwords(3), MECHANISM, 1, SALT), 3],
  ['more passwords than are looked at', keysOf(passwords(MOST_SCRAM_CANDIDATES + 5), MECHANISM, 1, SALT), 50],
  ['keys that cannot be used', wrong, 0],
] as const) {
  test(`with ${what} a proof is compared with as many keys as ever, of which ${known} are real`, async () => {
    const found = await directoryOf(async () => keys).keys('alice', MECHANISM, 'imap', NEVER)
    assert.deepEqual([found.keys.candidates.length, found.known], [50, known])
    if (keys !== undefined) assert.deepEqual(found.keys.candidates.slice(0, known), keys.candidates.slice(0, known))
    const made = found.keys.candidates.slice(known)
    assert.ok(made.every(({ storedKey, name }) => Buffer.from(storedKey, 'base64').length === 32 && name === undefined))
    assert.equal(found.keys.salt === SALT, keys !== undefined && keys !== wrong)
  })
}
