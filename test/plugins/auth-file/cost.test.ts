/** A cost that was raised: who is there is not told by it, and passwords come to it as their owners log in. */
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCommand } from '../../harness/context.js'
import { rememberingLog } from '../../harness/log.js'
import { add, FAILED, install, logIn } from './install.js'

const ALICE = 'alice@example.test'
const PASSWORD = 'correct horse'

/** The greatest N that something takes. */
async function dearest(t: TestContext, work: () => Promise<unknown>): Promise<number> {
  const { mock } = t.mock.method(crypto, 'scrypt')
  syncBuiltinESMExports()
  try {
    await work()
    return Math.max(...mock.calls.map(call => ((call.arguments as readonly unknown[])[3] as { N: number }).N))
  } finally {
    mock.restore()
    syncBuiltinESMExports()
  }
}

async function raised() {
  const before = await install({ cost: 12 })
  await add(before, [ALICE])
  await before.dispose()
  const log = rememberingLog()
  const now = await install({ cost: 13 }, { log }, before.dataDir)
  const stored = () => readFileSync(join(before.dataDir, 'accounts.json'), 'utf8')
  return { before, now, log, stored }
}

test('a wrong password costs as much where the hash is an old one as where nobody is', async t => {
  const { now } = await raised()
  assert.equal(await dearest(t, () => logIn(now, 'nobody@example.test', 'wrong')), 2 ** 13)
  assert.equal(await dearest(t, () => logIn(now, ALICE, 'wrong')), 2 ** 13)
  await now.dispose()
})

test('a password is hashed at the cost of now when its owner logs in, once, and stays the same', async () => {
  const { before, now, log, stored } = await raised()
  await logIn(now, ALICE, 'wrong')
  assert.equal((await logIn(now, ALICE, PASSWORD))?.kind, 'authenticated')
  await now.dispose()
  assert.match(stored(), /\$scrypt\$ln=13,/)
  assert.doesNotMatch(stored(), /\$scrypt\$ln=12,/)
  assert.deepEqual(
    log.lines.filter(({ sentence }) => /hashed/.test(sentence)).map(({ sentence, facts }) => [sentence, facts]),
    [['passwords are hashed at the cost of now', { accounts: 1 }]],
  )
  const text = stored()
  const later = await install({ cost: 13 }, {}, before.dataDir)
  assert.equal((await logIn(later, ALICE, PASSWORD))?.kind, 'authenticated')
  assert.deepEqual(await logIn(later, ALICE, 'wrong'), FAILED)
  await later.dispose()
  assert.equal(stored(), text)
})

test('an app password that was right changes nothing of the account’s own, which nobody has shown', async () => {
  const { before, now, stored } = await raised()
  await now.dispose()
  const old = await install({ cost: 12 }, {}, before.dataDir)
  const { out } = await runCommand(old.commands, 'user app-password add', [ALICE, 'phone'])
  const phone = /[a-z2-9]{5}(?:-[a-z2-9]{5}){4}/.exec(out.join('\n'))![0]
  const text = stored()
  const later = await install({ cost: 13 }, {}, before.dataDir)
  assert.equal((await logIn(later, ALICE, phone))?.kind, 'authenticated')
  await later.dispose()
  assert.equal(stored(), text)
})
