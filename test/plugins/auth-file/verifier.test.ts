/** Passwords whose hash becomes another one while it is being checked. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { StoredAccount } from '../../../plugins/auth-file/accounts-file.js'
import type { Directory } from '../../../plugins/auth-file/directory.js'
import { ForeignThread } from '../../../plugins/auth-file/foreign/thread.js'
import { hashPassword } from '../../../plugins/auth-file/password.js'
import type { Rehasher } from '../../../plugins/auth-file/rehash.js'
import type { Usage } from '../../../plugins/auth-file/usage.js'
import { Verifier } from '../../../plugins/auth-file/verifier.js'
import { WorkQueue } from '../../../plugins/auth-file/work-queue.js'
import { aSession } from '../../harness/session.js'

const COST = { ln: 12, r: 8, p: 1 }
const BEFORE: StoredAccount = {
  id: 'aaaaaaaa',
  login: 'ann',
  addresses: [],
  password: `{SHA256}${createHash('sha256').update('sesame').digest('base64')}`,
}

/** `after`: what stands in the file once the password has been checked by the hash of another server. */
async function logIn(after: StoredAccount | undefined): Promise<string | undefined> {
  const foreign = new ForeignThread()
  const answers = [BEFORE, after]
  const verifier = new Verifier({
    directory: { stored: async () => answers.shift() } as unknown as Directory,
    queue: new WorkQueue(1, 10),
    ...{ cost: COST, rememberMs: 0, foreign, now: () => 0 },
    usage: { note: () => undefined } as unknown as Usage,
    rehasher: { note: () => undefined } as unknown as Rehasher,
  })
  try {
    const credentials = { kind: 'password', mechanism: 'PLAIN', login: 'ann', password: 'sesame' } as const
    return (await verifier.check(aSession(), credentials))?.kind
  } finally {
    await foreign.end()
  }
}

test('a right password that another login has had hashed anew meanwhile is right', async () => {
  assert.equal(await logIn({ ...BEFORE, password: await hashPassword('sesame', COST) }), 'authenticated')
})

test('one that was changed, disabled or removed meanwhile is wrong', async () => {
  assert.equal(await logIn({ ...BEFORE, password: await hashPassword('another', COST) }), 'reject')
  assert.equal(await logIn({ ...BEFORE, disabled: true }), 'reject')
  assert.equal(await logIn(undefined), 'reject')
})
