import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Address, Answered, ReverseName, Session } from '../../../core/api/index.js'
import { ConfigError } from '../../../core/api/index.js'
import { aCall, anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import greylist from '../../../plugins/greylist/index.js'
import { attemptKey, poolOf, senderKey } from '../../../plugins/greylist/keys.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { address, runCommand } from '../../harness/context.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const SENDER = address('stranger@elsewhere.test')
const ALICE = address('alice@example.test')

interface Try {
  readonly from?: string
  readonly sender?: Address | null
  readonly to?: Address
  readonly reverse?: ReverseName
  readonly session?: Partial<Session>
}

/** A greylist whose clock the test moves. */
async function aGreylist(config: object = {}) {
  const clock = { now: 1_800_000_000_000 }
  const state = createMemoryState()
  const { hooks, call, contribution } = await setUp(greylist, { config, state, now: () => clock.now })
  const asked = ({ from = '192.0.2.1', sender = SENDER, to = ALICE, reverse = { kind: 'none' }, session }: Try) => ({
    session: aSession({ remote: { address: from, port: 1 }, reverse: async () => reverse, ...session }),
    envelope: anEnvelope({ sender }),
    recipient: { address: to, dsn: { notify: [] } },
  })
  return {
    clock,
    commands: contribution.commands!,
    rcpt: async (one: Try = {}): Promise<Answered['rcpt']> => hooks.rcpt!(asked(one), call),
    accepted: async (one: Try = {}, sum = 0) => {
      const { session, envelope } = asked(one)
      await hooks.headers!({ session, envelope, message: undefined as never, verdict: { findings: [], sum } }, call)
    },
  }
}

function codeOf(answer: Answered['rcpt']): number | undefined {
  return answer && 'code' in answer ? answer.code : undefined
}

test('the first try hears when to come again and how an admin makes an exception', async () => {
  const { rcpt, clock } = await aGreylist({ delay: '5m' })
  const first = await rcpt()
  assert.ok(first && first.kind === 'defer')
  assert.equal(`${first.code} ${first.status} ${first.text}`, '451 4.7.1 Greylisted, please come again in 5m')
  assert.equal(first.because?.rule, 'first-try')
  assert.equal(first.because?.exception, 'posthouse greylist allow 192.0.2.0/24')
  clock.now += 4 * MINUTE + 1
  const second = await rcpt()
  assert.ok(second && second.kind === 'defer')
  assert.equal(second.text, 'Greylisted, please come again in 1m')
  assert.equal(second.because?.rule, 'too-early')
})

for (const [what, waitMs, then, code] of [
  ['the same host too early', MINUTE - 1, {}, 451],
  ['the same host in time', MINUTE, {}, undefined],
  ['another host of the network', MINUTE, { from: '192.0.2.200' }, undefined],
  ['a host of another network', MINUTE, { from: '198.51.100.1' }, 451],
  ['the same after the window', DAY, {}, 451],
  ['another sender', MINUTE, { sender: address('other@elsewhere.test') }, 451],
  ['the null sender', MINUTE, { sender: null }, 451],
  ['another recipient', MINUTE, { to: address('bob@example.test') }, 451],
  ['the sender with another number', MINUTE, { sender: address('STRANGER+77@elsewhere.test') }, undefined],
] as const) {
  test(`a second try by ${what} ${code === undefined ? 'passes' : 'waits'}`, async () => {
    const { rcpt, clock } = await aGreylist()
    await rcpt()
    clock.now += waitMs
    assert.equal(codeOf(await rcpt(then)), code)
  })
}

describe('a pool', () => {
  const named = (name: string) => ({ kind: 'confirmed', name }) as const
  for (const [what, reverse, code] of [
    ['a confirmed name of the same domain', named('out7.mail.far.test'), undefined],
    ['a confirmed name of another domain', named('out7.mail.other.test'), 451],
    ['a name that is not confirmed', { kind: 'unconfirmed', names: ['out7.mail.far.test'] } as const, 451],
    ['a name service in trouble', { kind: 'unknown', why: 'time-out' } as const, 451],
  ] as const) {
    test(`of which the second host has ${what} ${code === undefined ? 'is one sender' : 'is none'}`, async () => {
      const { rcpt, clock } = await aGreylist()
      await rcpt({ reverse: named('out1.mail.far.test') })
      clock.now += MINUTE
      assert.equal(codeOf(await rcpt({ from: '203.0.113.5', reverse })), code)
    })
  }

  test('is not made of the customers of one host, nor of bare suffixes', () => {
    assert.equal(poolOf('mail.far.example.com'), 'pool example.com')
    assert.equal(poolOf('a.github.io'), 'pool a.github.io')
    assert.equal(poolOf('github.io'), undefined)
    assert.equal(poolOf('com'), undefined)
  })
})

describe('a network', () => {
  test('whose mail was accepted twice passes without waiting, and every use renews that', async () => {
    const { rcpt, accepted, clock } = await aGreylist()
    await accepted()
    assert.equal(codeOf(await rcpt()), 451)
    await accepted()
    assert.equal(codeOf(await rcpt({ from: '192.0.2.9', sender: null, to: address('new@example.test') })), undefined)
    for (let weeks = 0; weeks < 20; weeks += 4) {
      clock.now += 28 * DAY
      assert.equal(codeOf(await rcpt()), undefined)
      await accepted()
    }
    clock.now += 36 * DAY
    assert.equal(codeOf(await rcpt()), 451)
  })

  for (const [what, one, sum] of [
    ['spam', {}, 4],
    ['bounces', { sender: null }, 0],
    ['mail of people who logged in', { session: { account: { id: 'a', login: 'a', addresses: [] } } }, 0],
  ] as const) {
    test(`proves nothing by ${what}`, async () => {
      const { rcpt, accepted } = await aGreylist()
      for (let i = 0; i < 5; i++) await accepted(one, sum)
      assert.equal(codeOf(await rcpt()), 451)
    })
  }

  test('can be let through by a command, which shows what it knows', async () => {
    const { rcpt, accepted, commands } = await aGreylist()
    await accepted({ from: '198.51.100.7' })
    const { out } = await runCommand(commands, 'greylist allow', ['192.0.2.77'], { options: { for: '30d' } })
    assert.deepEqual(out, ['192.0.2.0/24 passes for 30d from its last mail on'])
    assert.equal(codeOf(await rcpt()), undefined)
    const listed = await runCommand(commands, 'greylist ls')
    assert.deepEqual(listed.out, [
      '192.0.2.0/24  passes  forgotten in 30d',
      '198.51.100.0/24  1 of 2 messages  forgotten in 35d',
    ])
  })

  for (const wrong of ['192.0.0.0/16', '2001:db8::/32', 'example.org', '']) {
    test(`is not ${JSON.stringify(wrong)}, says the command`, async () => {
      const { commands } = await aGreylist()
      await assert.rejects(runCommand(commands, 'greylist allow', [wrong]), /expected an address/)
    })
  }
})

for (const [what, config, one] of [
  ['people who logged in', {}, { session: { account: { id: 'a', login: 'a', addresses: [] } } }],
  ['trusted networks', {}, { session: { trusted: true } }],
  ['LMTP', {}, { session: { protocol: 'lmtp' } }],
  ['a socket without an address', {}, { from: '' }],
  ['sessions without the label', { only_labels: ['rdns-missing'] }, {}],
  ['the null sender by config', { null_sender: false }, { sender: null }],
  ['a recipient who wants none', { not_for: ['Alice@example.test'] }, {}],
  ['a domain that wants none', { not_for: ['@example.test'] }, {}],
  ['a role in every domain', { not_for: ['alice@'] }, {}],
] as const) {
  test(`never asked: ${what}`, async () => {
    const { rcpt } = await aGreylist(config)
    assert.equal(codeOf(await rcpt(one)), undefined)
  })
}

test('sessions with the label are asked', async () => {
  const { rcpt } = await aGreylist({ only_labels: ['rdns-missing'] })
  assert.equal(codeOf(await rcpt({ session: { labels: new Set(['mx', 'rdns-missing']) } })), 451)
})

test('keys are short and tell nothing, however long the addresses are', () => {
  const long = address(`${'a'.repeat(5000)}@${'b'.repeat(5000)}.test`)
  const keys = [attemptKey('192.0.2.0/24', long, long), attemptKey('192.0.2.0/24', null, ALICE)]
  for (const key of keys) assert.match(key, /^try\/[\w-]{24}$/)
  assert.notEqual(keys[0], keys[1])
})

test('of a sender only what stays the same counts', () => {
  assert.equal(senderKey(address('list-bounces+user=far.test@lists.test')), 'list-bounces@lists.test')
  assert.equal(senderKey(address('b-12345-678@news.test')), 'b-#-#@news.test')
  assert.equal(senderKey(address('+1@news.test')), '+#@news.test')
})

test('a window shorter than the delay is a fault with its place', async () => {
  await assert.rejects(setUp(greylist, { config: { delay: '2h', window: '1h' } }), ConfigError)
})

describe('only for the suspected', () => {
  async function asService(config: object) {
    const clock = { now: 1_800_000_000_000 }
    const made = await setUp(greylist, { config, state: createMemoryState(), now: () => clock.now })
    const ask = async (session: Partial<Session> = {}) => {
      const recipient = { address: ALICE, dsn: { notify: [] } }
      const answer = await made.contribution.services!.greylist!.ask(
        { session: aSession(session), envelope: anEnvelope({ sender: SENDER }), recipient },
        made.call,
      )
      return answer.kind === 'wait' ? `wait ${answer.defer.code}` : answer.why
    }
    return { clock, ask, hooks: made.hooks }
  }

  test('nobody is asked at RCPT, and a suspicious message waits once', async () => {
    const { clock, ask, hooks } = await asService({ when: 'suspected' })
    assert.equal(hooks.rcpt, undefined)
    assert.equal(await ask(), 'wait 451')
    clock.now += 2 * MINUTE
    assert.equal(await ask(), 'waited')
  })

  test('people who logged in are spared', async () => {
    const { ask } = await asService({ when: 'suspected' })
    assert.equal(await ask({ account: { id: 'a', login: 'a', addresses: [] } }), 'spared')
  })

  test('who came again after RCPT had asked is not asked once more', async () => {
    const { clock, ask, hooks } = await asService({})
    const recipient = { address: ALICE, dsn: { notify: [] } }
    const asked = { session: aSession(), envelope: anEnvelope({ sender: SENDER }), recipient }
    assert.equal(codeOf((await hooks.rcpt!(asked, aCall())) as Answered['rcpt']), 451)
    clock.now += 2 * MINUTE
    assert.equal(await ask(), 'waited')
  })
})
