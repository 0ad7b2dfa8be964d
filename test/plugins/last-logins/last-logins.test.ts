/** Last logins: noted by protocol, seldom, for those who were let in, and told by command. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Account, CommandError, type LoginOutcome, type State } from '../../../core/api/index.js'
import { aCall, rememberingLog, setUp } from '../../../core/testing/index.js'
import lastLogins from '../../../plugins/last-logins/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { runCommand } from '../../harness/context.js'
import { aSession } from '../../harness/session.js'

const DAY = 86_400_000
const MINUTE = 60_000
const ALICE: Account = { id: 'aalice', login: 'alice', addresses: ['alice@example.test'] }
const BOB: Account = { id: 'abob', login: 'bob', addresses: ['bob@example.test'] }

async function house(state: State = createMemoryState()) {
  const clock = { now: Date.UTC(2026, 10, 22) }
  const find = async (test: (account: Account) => boolean) => [ALICE, BOB].find(test)
  const accounts = {
    byLogin: (login: string) => find(account => account.login === login),
    byAddress: (address: string) => find(account => account.addresses.includes(address)),
    byId: (id: string) => find(account => account.id === id),
    list: async () => [ALICE, BOB],
  }
  let writes = 0
  const counting: State = {
    ...state,
    put: (...given) => {
      writes += 1
      return state.put(...given)
    },
  }
  const log = rememberingLog()
  const made = await setUp(lastLogins, {
    config: {},
    services: { accounts },
    state: counting,
    log,
    now: () => clock.now,
  })
  const over = (
    account: Account | undefined,
    protocol: 'imap' | 'pop3' | 'smtp',
    kind: LoginOutcome['kind'] = 'accepted',
  ) =>
    made.hooks.loginOver!(
      { peer: { ...aSession(), protocol }, mechanism: 'PLAIN', login: 'x', kind, ...(account && { account }) },
      aCall(),
    )
  const run = (args: readonly string[] = [], options = {}, json = false) =>
    runCommand(made.contribution.commands!, 'user logins', args, { options, json })
  return { clock, over, run, log, writes: () => writes }
}

test('each protocol has a line, the latest first; who was never here is told too', async () => {
  const { over, run, clock } = await house()
  await over(ALICE, 'imap')
  clock.now += MINUTE
  await over(ALICE, 'smtp')
  assert.deepEqual((await run()).out, [
    'alice  2026-11-22T00:01:00.000Z  smtp  from 192.0.2.1  by PLAIN',
    'alice  2026-11-22T00:00:00.000Z  imap  from 192.0.2.1  by PLAIN',
    'bob  no login noted',
  ])
  const [one] = JSON.parse(String((await run(['alice@example.test'], {}, true)).out[0])) as { logins: object[] }[]
  assert.deepEqual(one!.logins[0], {
    protocol: 'smtp',
    remote: '192.0.2.1',
    mechanism: 'PLAIN',
    at: '2026-11-22T00:01:00.000Z',
  })
})

test('a program that logs in every minute for a day costs a write in ten minutes', async () => {
  const { over, clock, writes } = await house()
  for (let minute = 0; minute < 24 * 60; minute++) {
    await over(ALICE, 'imap')
    clock.now += MINUTE
  }
  assert.equal(writes(), 144)
})

test('who was not let in was not here', async () => {
  const { over, run, writes } = await house()
  for (const kind of ['refused', 'deferred', 'objected'] as const) await over(ALICE, 'imap', kind)
  await over(undefined, 'imap')
  assert.equal(writes(), 0)
  assert.match(String((await run(['alice'])).out[0]), /no login noted/)
})

test('those whom nobody has used for long are found', async () => {
  const { over, run, clock } = await house()
  await over(BOB, 'pop3')
  clock.now += 89 * DAY
  await over(ALICE, 'imap')
  clock.now += DAY
  const unused = async (time: string) => (await run([], { unused: time })).out.map(line => line.split(' ')[0])
  assert.deepEqual(await unused('90d'), ['bob'])
  assert.deepEqual(await unused('91d'), [])
  assert.deepEqual(await unused('1d'), ['alice', 'bob'])
})

test('a state that has trouble is said, and tried again at the next login', async () => {
  const state = createMemoryState()
  let works = false
  const { over, run, log } = await house({
    ...state,
    put: (...given) => (works ? state.put(...given) : Promise.reject(new Error('disk'))),
  })
  await over(ALICE, 'imap')
  await new Promise(setImmediate)
  assert.deepEqual(
    log.lines.map(({ sentence }) => sentence),
    ['a login could not be noted'],
  )
  works = true
  await over(ALICE, 'imap')
  assert.match(String((await run(['alice'])).out[0]), /imap/)
})

for (const [what, args, options, wish] of [
  ['somebody who is not there', ['alicia'], {}, /no account "alicia"; did you mean alice\?/],
  ['a time that is none', [], { unused: 'long' }, /--unused: expected a time like 90d/],
] as const) {
  test(`${what} is refused in clear words`, async () => {
    const { run } = await house()
    await assert.rejects(
      () => run(args, options),
      (error: unknown) => error instanceof CommandError && wish.test(error.message),
    )
  })
}
