/** The engine when something is wrong: a directory that is down, keys that cannot be right, passwords that end meanwhile, exchanges that go on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Accounts, LoginOutcome, ScramKeys } from '../../../core/api/index.js'
import { plainClient } from '../../harness/sasl-client.js'
import { ACCOUNTS, engine, NEVER, NONE, PASSWORD, play, SALT, SCRAM, SECURE } from './authenticator-rig.js'
import { keysOf } from './keys.js'

// ── trouble ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const broken = async () => {
  throw new Error('the directory is down')
}

for (const [what, options] of [
  ['the directory has no keys to give', { accounts: { ...ACCOUNTS, scramKeys: broken } }],
  ['the account cannot be looked up', { accounts: { ...ACCOUNTS, byLogin: broken } }],
  ['the secret cannot be read', { secret: broken }],
] as const) {
  test(`when ${what}, SCRAM is 454 4.7.0 and said so once`, async () => {
    const over: LoginOutcome[] = []
    const { step } = await play(engine({ ...options, over: outcome => over.push(outcome) }), SCRAM())
    assert.ok(step.kind === 'defer')
    assert.deepEqual([step.code, step.status], [454, '4.7.0'])
    assert.deepEqual(
      over.map(({ kind }) => kind),
      ['deferred'],
    )
  })
}

test('a secret that could not be read is tried again', async () => {
  let tries = 0
  const secret = async () => {
    tries += 1
    if (tries === 1) throw new Error('disk')
    return Buffer.alloc(32)
  }
  const authenticator = engine({ secret })
  assert.equal((await play(authenticator, SCRAM())).step.kind, 'defer')
  assert.equal((await play(authenticator, SCRAM())).step.kind, 'done')
})

test('a client that leaves while the directory thinks is not waited for', async () => {
  const leaving = new AbortController()
  const accounts = { ...ACCOUNTS, scramKeys: () => new Promise<never>(() => undefined) }
  const wish = { peer: SECURE, mechanism: 'SCRAM-SHA-256', binding: NONE, clear: true, signal: leaving.signal }
  const step = engine({ accounts }).start(wish)!.step(SCRAM().initial)
  setImmediate(() => leaving.abort())
  assert.equal((await step).kind, 'defer')
})

test('keys that cannot be right are taken for none', async () => {
  const good = keysOf(PASSWORD, 'SCRAM-SHA-256', 4096, SALT)
  const [candidate] = good.candidates
  for (const keys of [
    { ...good, iterations: 0 },
    { ...good, salt: '' },
    { ...good, candidates: [candidate!, { ...candidate!, storedKey: 'AAAA' }] },
    keysOf(PASSWORD, 'SCRAM-SHA-1', 4096, SALT),
  ]) {
    const { step } = await play(engine({ accounts: { ...ACCOUNTS, scramKeys: async () => keys } }), SCRAM())
    assert.equal(step.kind, 'reject')
  }
})

// ── several passwords ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Of the account's own password, and of others with names. */
function named(...others: readonly string[]): ScramKeys {
  const { candidates, ...keys } = keysOf([PASSWORD, ...others], 'SCRAM-SHA-256', 1, SALT)
  return { ...keys, candidates: candidates.map((one, at) => (at === 0 ? one : { ...one, name: others[at - 1]! })) }
}

for (const [password, told] of [
  [PASSWORD, []],
  ['chalk', [['id-ann', 'chalk', 'p1']]],
  ['crayon', []],
] as const) {
  test(`the directory hears which password was proven, if it wants to: ${password}`, async () => {
    const proven: unknown[] = []
    const accounts: Accounts = {
      ...ACCOUNTS,
      scramKeys: async () => named('pen', 'chalk'),
      scramProven: (account, name, peer) => proven.push([account.id, name, peer.id]),
    }
    const { step } = await play(engine({ accounts }), SCRAM({ password }))
    assert.equal(step.kind, password === 'crayon' ? 'reject' : 'done')
    assert.deepEqual(proven, told)
  })
}

test('a password that ends between challenge and proof lets nobody in', async () => {
  let keys = named('pen', 'chalk')
  const exchange = engine({ accounts: { ...ACCOUNTS, scramKeys: async () => keys } }).start({
    peer: SECURE,
    mechanism: 'SCRAM-SHA-256',
    binding: NONE,
    clear: true,
    signal: NEVER,
  })!
  const client = SCRAM({ password: 'chalk' })
  const challenged = await exchange.step(client.initial)
  assert.ok(challenged.kind === 'challenge')
  keys = named('pen')
  assert.equal((await exchange.step(client.respond(challenged.data))).kind, 'reject')
})

test('an exchange is over when it has ended, and takes nothing huge', async () => {
  const wish = { peer: SECURE, mechanism: 'PLAIN', binding: NONE, clear: true, signal: NEVER }
  const exchange = engine().start(wish)!
  assert.equal((await exchange.step(plainClient('ann', PASSWORD).initial)).kind, 'done')
  assert.equal((await exchange.step(plainClient('ann', PASSWORD).initial)).kind, 'malformed')
  assert.equal((await engine().start(wish)!.step(Buffer.alloc(9217, 'a'))).kind, 'malformed')
  const long = plainClient('ann', 'x'.repeat(1025))
  assert.equal((await play(engine(), long)).step.kind, 'reject')
})
