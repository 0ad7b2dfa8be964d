import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Account, Answered, Notice } from '../../../core/api/index.js'
import { keyIn } from '../../../core/storage/key-file.js'
import { aCall, aMessage, anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import { Digests } from '../../../plugins/outgoing-brake/digests.js'
import outgoingBrake from '../../../plugins/outgoing-brake/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { address, runCommand } from '../../harness/context.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const ALICE: Account = { id: 'aalice', login: 'alice@example.test', addresses: ['alice@example.test'] }
const BOB: Account = { id: 'abob', login: 'bob@example.test', addresses: ['bob@example.test'] }

const folder = mkdtempSync(join(tmpdir(), 'brake-'))
after(() => rmSync(folder, { recursive: true, force: true }))

async function aBrake(config: object = {}) {
  // The middle of a window, so that no count slides out of it by chance.
  const clock = { now: 20_000 * DAY }
  const notices: Notice[] = []
  const state = createMemoryState()
  const store = createMemoryStore()
  const notifier = { tell: async (notice: Notice) => notices.push(notice) > 0 }
  const accounts = {
    byLogin: async () => undefined,
    byAddress: async () => undefined,
    byId: async () => undefined,
    list: async () => [],
  }
  const { hooks, contribution } = await setUp(outgoingBrake, {
    config,
    state,
    server: { dataDir: folder },
    services: { store, notifier, accounts },
    now: () => clock.now,
  })
  let messages = 0
  return {
    clock,
    notices,
    state,
    store,
    commands: contribution.commands!,
    /** The rule that held it, or `sent`. */
    async send(to: readonly string[], account: Account | null = ALICE, observed = false): Promise<string> {
      const recipients = to.map(text => ({ address: address(text), dsn: { notify: [] } }))
      const envelope = anEnvelope({ id: `s.${++messages}`, recipients })
      const session = aSession(account === null ? {} : { account })
      const asked = { session, envelope, message: aMessage('Subject: x\n\nx'), verdict: { findings: [], sum: 0 } }
      const answers: Answered['message'][] = []
      for (const recipient of recipients)
        answers.push(await hooks.message!({ ...asked, recipient }, aCall({ observed })))
      const rules = new Set(answers.map(answer => (answer?.kind === 'hold' ? answer.because!.rule : 'sent')))
      assert.equal(rules.size, 1, 'one fate for all recipients')
      return [...rules][0]!
    },
  }
}

function people(count: number, from = 0): readonly string[] {
  return Array.from({ length: count }, (_, i) => `p${from + i}@far.test`)
}

test('so many messages an hour go out; the next is held, and all after it, until released', async () => {
  const { send, clock, notices, commands } = await aBrake({ messages_per_hour: 3 })
  for (let i = 0; i < 3; i++) assert.equal(await send(['x@far.test']), 'sent')
  assert.equal(await send(['x@far.test']), 'limit-reached')
  assert.equal(await send(['x@far.test']), 'braked')
  clock.now += 30 * DAY
  assert.equal(await send(['x@far.test']), 'braked')
  assert.equal(await send(['x@far.test'], BOB), 'sent')
  assert.deepEqual(new Set(notices.map(({ about }) => about)).size, 1, 'the notifier sends one about the same')
  assert.match(notices[0]!.text, /4 messages an hour, 3 allowed[\s\S]*posthouse brake release alice@example\.test/)
  const { out } = await runCommand(commands, 'brake ls')
  assert.match(out.join('\n'), /^alice@example\.test {2}since .* {2}4 messages an hour, 3 allowed {2}0 messages held$/)
  await runCommand(commands, 'brake release', ['ALICE@example.test'])
  assert.deepEqual((await runCommand(commands, 'brake ls')).out, ['no account is braked'])
  for (let i = 0; i < 3; i++) assert.equal(await send(['x@far.test']), 'sent')
  assert.equal(await send(['x@far.test']), 'limit-reached')
  assert.equal(new Set(notices.map(({ about }) => about)).size, 2, 'a brake that closes again is news')
})

test('new recipients are counted, known ones are free for ninety days after their last mail', async () => {
  const { send, clock, commands } = await aBrake({ new_recipients_per_hour: 10, new_recipients_per_day: 0 })
  assert.equal(await send(people(10)), 'sent')
  assert.equal(await send(people(10)), 'sent')
  clock.now += 80 * DAY
  assert.equal(await send(people(10)), 'sent')
  clock.now += 80 * DAY
  assert.equal(await send(people(10)), 'sent', 'renewed by use')
  assert.equal(await send(people(10, 100)), 'sent')
  assert.equal(await send(['one.more@far.test']), 'limit-reached')
  await runCommand(commands, 'brake release', [ALICE.login])
  assert.equal(await send(['one.more@far.test']), 'sent')
  clock.now += 91 * DAY
  assert.equal(await send(people(10)), 'sent')
  assert.equal(await send(['one.more@far.test']), 'limit-reached', 'forgotten, and so new again')
})

for (const [what, to, rule] of [
  ['more new people than a whole limit', people(11), 'limit-reached'],
  [
    'the same person over and over',
    Array.from({ length: 50 }, (_, i) => (i % 2 ? 'X@far.test' : 'x@FAR.test')),
    'sent',
  ],
  ['our own people', Array.from({ length: 50 }, (_, i) => `u${i}@example.test`), 'sent'],
  ['a domain of ours in another spelling', ['u@EXAMPLE.test', 'postmaster@'], 'sent'],
] as const) {
  test(`one message to ${what}: ${rule}`, async () => {
    const { send } = await aBrake({ new_recipients_per_hour: 10, messages_per_hour: 2 })
    assert.equal(await send(to.map(text => text.replace(/@.*/, domain => domain.toLowerCase()))), rule)
  })
}

test('each account knows its own people', async () => {
  const { send } = await aBrake({ new_recipients_per_hour: 1 })
  assert.equal(await send(['x@far.test'], ALICE), 'sent')
  assert.equal(await send(['x@far.test'], BOB), 'sent')
  assert.equal(await send(['y@far.test'], BOB), 'limit-reached')
})

test('a login may have limits of its own, and none', async () => {
  const { send } = await aBrake({
    messages_per_hour: 1,
    new_recipients_per_hour: 1,
    accounts: { 'ALICE@example.test': { messages_per_hour: 0, new_recipients_per_hour: 0, new_recipients_per_day: 0 } },
  })
  for (let i = 0; i < 5; i++) assert.equal(await send(people(100, i * 100)), 'sent')
  assert.equal(await send(people(1), BOB), 'sent')
  assert.equal(await send(people(1), BOB), 'limit-reached')
})

test('strangers and trusted networks are not counted', async () => {
  const { send } = await aBrake({ messages_per_hour: 1 })
  for (let i = 0; i < 3; i++) assert.equal(await send(['x@far.test'], null), 'sent')
})

test('an entry that observes tells nobody and brakes nothing', async () => {
  const { send, notices, commands } = await aBrake({ messages_per_hour: 1 })
  await send(['x@far.test'], ALICE, true)
  assert.equal(await send(['x@far.test'], ALICE, true), 'limit-reached')
  assert.deepEqual(notices, [])
  assert.deepEqual((await runCommand(commands, 'brake ls')).out, ['no account is braked'])
})

test('releasing whoever is not braked is refused in words', async () => {
  const { commands } = await aBrake()
  await assert.rejects(runCommand(commands, 'brake release', ['nobody']), /nobody is not braked/)
})

test('what is remembered of recipients does not tell who they are', async () => {
  const { send, state, clock } = await aBrake()
  await send(['secret.friend@far.test'])
  const kept = await state.list('', clock.now)
  assert.ok(kept.some(({ key }) => key.startsWith('known/')))
  assert.ok(kept.every(({ key, value }) => !`${key}${value}`.includes('friend')))
})

test('workers that start together make one key, readable by its owner alone', async () => {
  const dir = mkdtempSync(join(folder, 'keys-'))
  const path = join(dir, 'key')
  const digests = await Promise.all([1, 2, 3, 4].map(() => new Digests(() => keyIn(path)).of('a', 'b')))
  assert.equal(new Set(digests).size, 1)
  assert.equal(await new Digests(() => keyIn(path)).of('a', 'b'), digests[0])
  assert.notEqual(await new Digests(() => keyIn(path)).of('ab'), digests[0])
  assert.deepEqual(readdirSync(dir), ['key'])
  assert.equal(statSync(path).mode & 0o777, 0o600)
})
