/** The suppression list by itself: what fills it, what it refuses, how it ages, and its commands. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type JobView, MailError, type Outcome, type QueueEvent } from '../../../core/api/index.js'
import { aCall, anEnvelope, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import suppression from '../../../plugins/suppression/index.js'
import { address, runCommand } from '../../harness/context.js'

const DAY = 86_400_000
const ALICE = { id: 'aalice', login: 'alice@example.test', addresses: ['alice@example.test'] }
const BOB = { id: 'abob', login: 'bob@other.test', addresses: ['bob@other.test'] }

async function aList(config: object = {}) {
  const clock = { now: 20_000 * DAY }
  const { hooks, contribution } = await setUp(suppression, { config, now: () => clock.now })
  const job = (to: string, from: string): JobView => ({
    id: 'q1.1',
    target: 'mx',
    lane: 'far.test',
    sender: address(from),
    login: from,
    submitter: 'authenticated',
    recipients: [{ row: 0, to: address(to), original: address(to), dsn: { notify: [] }, tries: 0, detail: {} }],
    received: clock.now,
    utf8: false,
    body: '7BIT',
    prefix: '',
    size: 10,
  })
  const settle = (to: string, outcome: Outcome, from: string, change = (one: JobView) => one) =>
    hooks.settled!({ job: change(job(to, from)), outcomes: [outcome] }, aCall())
  return {
    clock,
    commands: contribution.commands!,
    fail: (
      to: string,
      more: Partial<Extract<Outcome, { kind: 'failed' }>> = {},
      from = ALICE.login,
      change?: (one: JobView) => JobView,
    ) =>
      settle(
        to,
        {
          kind: 'failed',
          row: 0,
          status: '5.1.1',
          text: 'x',
          reply: '550 5.1.1 no such user',
          class: 'no-such-user',
          ...more,
        },
        from,
        change,
      ),
    deliver: (to: string, from = ALICE.login) =>
      settle(to, { kind: 'delivered', row: 0, remote: 'mx.far.test', reply: '250 ok' }, from),
    hear: (event: Partial<QueueEvent>, about?: 'a stranger') =>
      hooks.event!(
        {
          event: {
            kind: 'returned',
            at: clock.now,
            message: 'q1.1',
            sender: ALICE.login,
            login: ALICE.login,
            ...(about === 'a stranger' ? {} : { submitter: 'authenticated' }),
            size: 1,
            ageMs: 1,
            recipient: 'bob@far.test',
            class: 'no-such-user',
            text: '550 5.1.1 gone',
            ...event,
          },
        },
        aCall(),
      ),
    /** The reply to RCPT, or `ok`. */
    async rcpt(to: string, account: typeof ALICE | null = ALICE): Promise<string> {
      const session = aSession(account === null ? {} : { account })
      const sender = account === null ? address('x@y.test') : address(account.login)
      const recipient = { address: address(to), dsn: { notify: [] } }
      const answer = await hooks.rcpt!({ session, envelope: anEnvelope({ sender }), recipient }, aCall())
      return answer?.kind === 'reject' ? `${answer.code} ${answer.status} ${answer.text}` : 'ok'
    },
  }
}

describe('an address', () => {
  test('that failed for good twice is refused, with the reason and until when', async () => {
    const { fail, rcpt } = await aList()
    await fail('bob@far.test')
    assert.equal(await rcpt('bob@far.test'), 'ok')
    await fail('Bob@far.test')
    const heard = await rcpt('bob@far.test')
    assert.match(
      heard,
      /^550 5\.1\.1 This address has failed for good before .*\(until .* 2024 .*\): no-such-user: 550 5\.1\.1 no such user$/,
    )
    assert.equal(await rcpt('carol@far.test'), 'ok')
  })

  test('is refused to senders of the same domain only', async () => {
    const { fail, rcpt } = await aList({ after: 1 })
    await fail('bob@far.test')
    assert.match(await rcpt('bob@far.test', { ...ALICE, login: 'carol@example.test' }), /^550/)
    assert.equal(await rcpt('bob@far.test', BOB), 'ok')
  })

  test('is refused to that login only, or to all, where the admin says so', async () => {
    const login = await aList({ after: 1, scope: 'login' })
    await login.fail('bob@far.test')
    assert.match(await login.rcpt('bob@far.test'), /^550/)
    assert.equal(await login.rcpt('bob@far.test', { ...ALICE, login: 'carol@example.test' }), 'ok')
    const all = await aList({ after: 1, scope: 'all' })
    await all.fail('bob@far.test')
    assert.match(await all.rcpt('bob@far.test', BOB), /^550/)
  })

  test('is not refused to strangers, whose mail goes on by an alias at most', async () => {
    const { fail, rcpt } = await aList({ after: 1, scope: 'all' })
    await fail('bob@far.test')
    assert.equal(await rcpt('bob@far.test', null), 'ok')
  })

  test('gets another chance after its time', async () => {
    const { fail, rcpt, clock } = await aList({ after: 1, for: '10d' })
    await fail('bob@far.test')
    clock.now += 9 * DAY
    assert.match(await rcpt('bob@far.test'), /^550/)
    clock.now += 2 * DAY
    assert.equal(await rcpt('bob@far.test'), 'ok')
  })

  test('that takes mail between two failures is not suppressed', async () => {
    const { fail, deliver, rcpt } = await aList()
    await fail('bob@far.test')
    await deliver('bob@far.test')
    await fail('bob@far.test')
    assert.equal(await rcpt('bob@far.test'), 'ok')
  })

  test('whose failures lie too far apart is not suppressed', async () => {
    const { fail, rcpt, clock } = await aList({ within: '5d' })
    await fail('bob@far.test')
    clock.now += 6 * DAY
    await fail('bob@far.test')
    assert.equal(await rcpt('bob@far.test'), 'ok')
  })

  for (const [name, more] of [
    ['a full mailbox', { class: 'mailbox-full' }],
    ['a block of ours', { class: 'blocked' }],
    ['what ran out of time', { expired: true }],
    ['what nobody could class', { class: 'unclassed' }],
  ] as const) {
    test(`is not suppressed for ${name}`, async () => {
      const { fail, rcpt } = await aList({ after: 1 })
      await fail('bob@far.test', more)
      assert.equal(await rcpt('bob@far.test'), 'ok')
    })
  }

  for (const [name, change] of [
    ['of a stranger, which only goes on from here', ({ submitter, ...others }: JobView) => others],
    ['from nobody', (job: JobView) => ({ ...job, sender: null })],
  ] as const) {
    test(`is not suppressed for mail ${name}`, async () => {
      const { fail, rcpt } = await aList({ after: 1, scope: 'all' })
      await fail('bob@far.test', {}, ALICE.login, change)
      assert.equal(await rcpt('bob@far.test'), 'ok')
    })
  }

  test('of our own is never suppressed', async () => {
    const { fail, rcpt } = await aList({ after: 1, scope: 'all' })
    await fail('gone@example.test')
    assert.equal(await rcpt('gone@example.test'), 'ok')
  })
})

test('nobody is refused while the state has trouble', async () => {
  const trouble = async (): Promise<never> => {
    throw new MailError('store-full', 'the state is full')
  }
  const state = { get: trouble, put: trouble, add: trouble, remove: trouble, list: trouble } as never
  const log = rememberingLog()
  const { hooks } = await setUp(suppression, { state })
  const recipient = { address: address('bob@far.test'), dsn: { notify: [] } }
  const asked = { session: aSession({ account: ALICE }), envelope: anEnvelope(), recipient }
  assert.equal(await hooks.rcpt!(asked, aCall({ log })), undefined)
  assert.deepEqual(
    log.lines.map(({ sentence }) => sentence),
    ['policy could not know'],
  )
})

describe('what comes back later', () => {
  test('counts as what fails at once', async () => {
    const { fail, hear, rcpt } = await aList()
    await fail('bob@far.test')
    await hear({})
    assert.match(await rcpt('bob@far.test'), /^550 5\.1\.1/)
  })

  test('counts although each time the mail had been taken first', async () => {
    const { deliver, hear, rcpt } = await aList()
    for (let i = 0; i < 2; i++) {
      assert.equal(await rcpt('bob@far.test'), 'ok')
      await deliver('bob@far.test')
      await hear({})
    }
    assert.match(await rcpt('bob@far.test'), /^550 5\.1\.1/)
  })

  test('of mail that a stranger sent on through us counts for nobody', async () => {
    const { hear, rcpt } = await aList({ after: 1, complaints: '1d' })
    await hear({}, 'a stranger')
    await hear({ kind: 'complained', class: 'abuse' }, 'a stranger')
    assert.equal(await rcpt('bob@far.test'), 'ok')
  })

  test('as a complaint counts at once, where the admin wants that', async () => {
    const off = await aList()
    await off.hear({ kind: 'complained', class: 'abuse' })
    assert.equal(await off.rcpt('bob@far.test'), 'ok')
    const on = await aList({ complaints: '365d' })
    await on.hear({ kind: 'complained', class: 'abuse' })
    assert.match(await on.rcpt('bob@far.test'), /^550 5\.7\.1 .*abuse: a complaint/)
  })

  test('without an address counts for nobody', async () => {
    const { hear, commands } = await aList({ after: 1, complaints: '1d' })
    await hear({ kind: 'complained', recipient: '' })
    await hear({ recipient: 'no address' })
    assert.deepEqual((await runCommand(commands, 'suppression ls')).out, ['no address is suppressed'])
  })
})

describe('the commands', () => {
  test('list, add, explain and remove', async () => {
    const { commands, rcpt } = await aList()
    const add = await runCommand(commands, 'suppression add', ['bob@far.test'], {
      options: { for: '5d', why: 'he asked' },
    })
    assert.match(add.out[0]!, /^bob@far\.test {2}for all {2}until .* {2}he asked$/)
    const [entry] = JSON.parse(
      (await runCommand(commands, 'suppression ls', [], { json: true })).out.join(''),
    ) as object[]
    assert.deepEqual(
      { ...entry, since: 0, until: 0 },
      { address: 'bob@far.test', scope: 'all', kind: 'admin', why: 'he asked', since: 0, until: 0 },
    )
    const explained = await runCommand(commands, 'suppression explain', ['BOB@far.test'])
    assert.match(
      explained.out.join('\n'),
      /he asked\n {2}2 failures within 30d suppress an address for 30d, counted by domain/,
    )
    // counted by domain, added for all: it holds for every sender all the same
    assert.match(await rcpt('bob@far.test'), /^550 5\.1\.1/)
    assert.match(
      (await runCommand(commands, 'suppression remove', ['bob@far.test'])).out[0]!,
      /tried again \(for all\)/,
    )
    assert.equal(await rcpt('bob@far.test'), 'ok')
  })

  test('forget the failures with the entry, and tell of those counted', async () => {
    const { commands, fail, rcpt } = await aList()
    await fail('bob@far.test')
    const args = [['bob@far.test'], { options: { scope: 'example.test' } }] as const
    assert.match(
      (await runCommand(commands, 'suppression explain', ...args)).out.join('\n'),
      /failures counted for domain example\.test: 1/,
    )
    await fail('bob@far.test')
    await runCommand(commands, 'suppression remove', ...args)
    await fail('bob@far.test')
    assert.equal(await rcpt('bob@far.test'), 'ok')
  })

  for (const [name, args, options, refusal] of [
    ['suppression add', ['nobody'], {}, /is no address/],
    ['suppression add', ['a@b.test'], { for: 'long' }, /expected a time/],
    ['suppression remove', ['a@b.test'], {}, /is not suppressed/],
  ] as const) {
    test(`${name} ${args[0]} ${JSON.stringify(options)} is refused`, async () => {
      const { commands } = await aList()
      await assert.rejects(runCommand(commands, name, args, { options }), refusal)
    })
  }

  test('add nobody to a full list', async () => {
    const { commands, fail, rcpt } = await aList({ after: 1, most: 1 })
    await fail('a@far.test')
    await fail('b@far.test')
    assert.equal(await rcpt('b@far.test'), 'ok')
    await assert.rejects(runCommand(commands, 'suppression add', ['c@far.test']), /the list is full/)
  })
})
