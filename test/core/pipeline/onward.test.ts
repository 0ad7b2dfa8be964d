/** What a filing leads to by the wish of whose mailbox it is: mail that goes on, answers, nothing kept; in the commit that accepts it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Answer,
  type DsnWish,
  type Forward,
  type Hooks,
  hold,
  type Outcome,
  type QueueRow,
  quarantine,
  reject,
  type Store,
  type Target,
  via,
} from '../../../core/api/index.js'
import { createIntake } from '../../../core/pipeline/intake.js'
import { Pipeline } from '../../../core/pipeline/pipeline.js'
import { dueNotices } from '../../../core/queue/notices.js'
import { scanHeader } from '../../../core/text/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { quietLog } from '../../harness/log.js'
import { anEnvelope, aServer, aSession } from '../../harness/session.js'

const scope = { signal: new AbortController().signal, log: quietLog }
const NOW = Date.UTC(2026, 0, 1)
const DAY = 86_400_000
const BYTES = Buffer.from('Subject: hello\r\nX-Spam-Status: No, they said\r\n\r\nbody\r\n')
const ALICE = { local: 'alice', domain: 'example.test' }
const FAR = { local: 'far', domain: 'far.test' }
const SRS = { local: 'SRS0=x=y=far.test=a', domain: 'example.test' }
const FIELDS = [{ name: 'Delivered-To', value: 'alice@example.test' }]
const FORWARD: Forward = {
  to: FAR,
  claims: [via('mx', FAR, { fields: FIELDS, sender: SRS, onBehalf: true })],
  because: 'rule "away"',
}
const ANSWER: Answer = {
  id: 'answer.1',
  sender: null,
  to: { local: 'sender', domain: 'far.test' },
  bytes: Buffer.from('Subject: Auto: hello\r\n\r\naway\r\n'),
  reason: 'vacation answer',
}

type Wish = Omit<Extract<Outcome, { kind: 'filed' }>, 'kind' | 'row'>

const COPY = { accountId: 'alice', mailbox: 'INBOX', flags: [], prefix: '', date: NOW }
const mx: Target = { scope: 'remote', lane: to => to.domain, deliver: async () => [] }

async function receive(
  wish: Wish,
  hooks: Hooks = {},
  dsn: DsnWish = { notify: [] },
  store = createMemoryStore(),
): Promise<Store> {
  const mda: Target = {
    scope: 'local',
    lane: () => 'local',
    deliver: async job => job.recipients.map(({ row }) => ({ kind: 'filed', row, ...wish })),
  }
  const route: Hooks = {
    route: ({ recipient: { address } }) => {
      if (address.local === 'nobody') return reject('nobody')
      return via('mx', address)
    },
  }
  const entries = [route, hooks].map(
    one => ({ plugin: 'tried', hooks: one, unless: [], on: [], timeoutMs: 100, onError: 'defer' }) as const,
  )
  const intake = createIntake({
    pipeline: new Pipeline(entries, { count: () => undefined, observe: () => undefined }),
    targets: new Map([
      ['mda', mda],
      ['mx', mx],
    ]),
    store,
    server: aServer(),
    clock: { now: () => NOW },
    lifeMs: () => 5 * DAY,
    firstRetryMs: 300_000,
  })
  const recipient = { address: ALICE, dsn }
  const message = {
    size: BYTES.length,
    header: scanHeader(BYTES).fields,
    field: () => undefined,
    fields: () => [],
    read: async (from = 0, to = BYTES.length) => BYTES.subarray(from, to),
    text: () => Promise.reject(new Error('not asked for')),
  }
  const envelope = anEnvelope({ recipients: [recipient] })
  const receipt = await intake.receive(
    {
      session: aSession(),
      envelope,
      routed: [{ recipient, claims: [via('mda', ALICE)] }],
      message,
      body: { kind: 'memory', bytes: BYTES },
      received: NOW,
    },
    scope,
  )
  assert.deepEqual(
    receipt.answers.map(({ kind }) => kind),
    ['accepted'],
  )
  return store
}

async function rowsIn(store: Store): Promise<QueueRow[]> {
  const rows: QueueRow[] = []
  for await (const message of store.queue.list()) rows.push(...message.rows)
  return rows
}

async function saysIn(store: Store): Promise<string[]> {
  const [found] = await store.trail.find({ recipient: 'alice@example.test' })
  return (await store.trail.of(found!.id)).slice(1).map(({ event, says }) => `${event}: ${says}`)
}

describe('mail that its recipient sends on', () => {
  test('is filed and goes on as a new recipient of the same message', async () => {
    const store = await receive({ filings: [COPY], forwards: [FORWARD] })
    assert.equal((await store.mail.usage('alice')).messages, 1)
    const [row, ...others] = await rowsIn(store)
    assert.equal(others.length, 0)
    const { prefix, ...rest } = row!
    assert.match(prefix, /^Delivered-To: alice@example\.test\r\nReceived: /)
    assert.deepEqual(rest, {
      row: 1,
      to: FAR,
      original: ALICE,
      dsn: { notify: ['never'], onBehalf: true },
      target: 'mx',
      lane: 'far.test',
      sender: SRS,
      detail: {},
      due: NOW,
      expires: NOW + 5 * DAY,
      priority: 0,
      tries: 0,
      leased: false,
    })
    assert.deepEqual(await saysIn(store), [
      'filed: Filed for alice@example.test into INBOX.',
      'forwarded: Sent on for alice@example.test to far@far.test under the sender SRS0=x=y=far.test=a@example.test because rule "away".',
    ])
    assert.equal((await store.trail.find({ recipient: 'far@far.test' })).length, 1)
  })

  test('without a copy: what the sender asked to hear goes on with it', async () => {
    const dsn = { notify: ['failure', 'delay'], orcpt: 'rfc822;alice@example.test' } as const
    const store = await receive({ filings: [], forwards: [FORWARD] }, {}, dsn)
    const [row] = await rowsIn(store)
    assert.deepEqual(row!.dsn, { ...dsn, onBehalf: true })
    assert.deepEqual(await store.mail.usage('alice'), { bytes: 0, messages: 0 })
  })

  test('carries none of the fields that are for mailboxes of ours', async () => {
    const fields: Hooks = {
      headers: () => [
        { name: 'X-Spam-Score', value: '3', within: 'local' },
        { name: 'X-Both', value: '1' },
      ],
    }
    const [row] = await rowsIn(await receive({ filings: [], forwards: [FORWARD] }, fields))
    assert.match(row!.prefix, /^Delivered-To: .*\r\nX-Both: 1\r\nReceived: /)
    assert.equal(row!.onward, undefined)
  })

  test('waits for an admin where a hook holds what goes out, and its copy is filed', async () => {
    const hooks: Hooks = { message: () => hold('looks like a password') }
    const store = await receive({ filings: [COPY], forwards: [FORWARD] }, hooks)
    assert.equal((await store.mail.usage('alice')).messages, 1)
    const [row, ...others] = await rowsIn(store)
    assert.deepEqual([row!.target, row!.hold, others.length], ['mx', 'looks like a password', 0])
    assert.deepEqual(
      (await saysIn(store)).filter(says => says.startsWith('held')),
      ['held: Held for alice@example.test: looks like a password'],
    )
  })

  test('goes to another mailbox of ours meanwhile, and is held where it would leave that', async () => {
    const inside = { ...FORWARD, claims: [via('mda', ALICE)] }
    const store = await receive({ filings: [], forwards: [inside] }, { message: () => hold('looked at') })
    const [row] = await rowsIn(store)
    assert.deepEqual([row!.target, row!.hold, row!.onwardHold], ['mda', undefined, 'looked at'])
  })

  test('carries them to another mailbox of ours, and none of them from there', async () => {
    const fields: Hooks = { headers: () => [{ name: 'X-Spam-Score', value: '3', within: 'local' }] }
    const inside = { ...FORWARD, claims: [via('mda', ALICE, { fields: FIELDS })] }
    const [row] = await rowsIn(await receive({ filings: [], forwards: [inside] }, fields))
    assert.match(row!.prefix, /^Delivered-To: .*\r\nX-Spam-Score: 3\r\nReceived: /)
    assert.match(row!.onward!, /^Delivered-To: .*\r\nReceived: /)
  })

  test('is held where the admin holds what goes there', async () => {
    const rule = {
      id: 'r',
      where: [{ field: 'domain', is: '=', value: 'far.test' }],
      reason: 'asked',
      created: 1,
    } as const
    const store = createMemoryStore()
    await store.queue.addHoldRule(rule)
    const [row] = await rowsIn(await receive({ filings: [COPY], forwards: [FORWARD] }, {}, { notify: [] }, store))
    assert.equal(row!.hold, 'asked')
  })

  test('waits whole where it cannot go on now, and is not filed', async () => {
    const nowhere = { ...FORWARD, claims: [via('missing', FAR)] }
    const store = await receive({ filings: [COPY], forwards: [nowhere] })
    assert.deepEqual(await store.mail.usage('alice'), { bytes: 0, messages: 0 })
    assert.deepEqual(
      (await rowsIn(store)).map(({ target, to }) => [target, to]),
      [['mda', ALICE]],
    )
  })

  test('was it taken for spam and would only go on, it waits in the queue', async () => {
    const spam: Hooks = { message: () => quarantine('too many points') }
    const rows = await rowsIn(await receive({ filings: [], forwards: [FORWARD] }, spam))
    assert.deepEqual(
      rows.map(({ target }) => target),
      ['mda'],
    )
  })

  test('was it taken for spam, it is filed and neither sent on nor answered', async () => {
    const spam: Hooks = { message: () => quarantine('too many points') }
    const store = await receive({ filings: [COPY], forwards: [FORWARD], answers: [ANSWER] }, spam)
    assert.deepEqual(await rowsIn(store), [])
    assert.deepEqual(await saysIn(store), ['filed: Filed for alice@example.test into INBOX because too many points.'])
  })
})

describe('an answer', () => {
  test('is accepted with the mail it answers', async () => {
    const store = await receive({ filings: [COPY], answers: [ANSWER] })
    const message = await store.queue.get('answer.1')
    assert.deepEqual([message!.sender, message!.origin.reason], [null, 'vacation answer'])
    assert.deepEqual(
      message!.rows.map(({ to, dsn }) => [to.local, dsn.notify]),
      [['sender', ['never']]],
    )
    assert.deepEqual(await saysIn(store), [
      'filed: Filed for alice@example.test into INBOX.',
      'answered: Answered to sender@far.test for alice@example.test in message answer.1 (vacation answer).',
    ])
  })

  test('to mail that a hook holds waits for an admin too: nobody hears of us before', async () => {
    const hooks: Hooks = { message: () => hold('looks like a password') }
    const store = await receive({ filings: [COPY], answers: [ANSWER] }, hooks)
    assert.equal((await store.mail.usage('alice')).messages, 1)
    const { rows } = (await store.queue.get('answer.1'))!
    assert.deepEqual(
      rows.map(({ target, hold }) => [target, hold]),
      [['mx', 'looks like a password']],
    )
    assert.deepEqual(
      (await store.trail.of('answer.1')).map(({ says }) => says),
      ['Written here: vacation answer.', 'Held for sender@far.test: looks like a password'],
    )
  })

  test('that nobody takes is left out, and the mail is filed', async () => {
    const nobody = { ...ANSWER, to: { local: 'nobody', domain: 'far.test' } }
    const store = await receive({ filings: [COPY], answers: [nobody] })
    assert.equal((await store.mail.usage('alice')).messages, 1)
    assert.match((await saysIn(store))[1]!, /^answered: Nobody takes the answer to nobody@far\.test/)
  })
})

describe('a wish to keep nothing', () => {
  test('leaves the trail alone, which says whose wish it was', async () => {
    const store = await receive({
      filings: [],
      because: 'rule "ads"',
      notes: ['not sent on to a@b.test: enough for today'],
    })
    assert.deepEqual(await rowsIn(store), [])
    assert.equal((await store.mail.usage('alice')).messages, 0)
    assert.deepEqual(await saysIn(store), [
      'discarded: Discarded for alice@example.test because rule "ads": nothing is kept of it.',
      'noted: not sent on to a@b.test: enough for today.',
    ])
  })
})

describe('a sender who asked to hear of success', () => {
  const row = {
    ...({ row: 0, to: ALICE, original: ALICE, target: 'mda', lane: 'l', detail: {}, prefix: '' } as const),
    ...({ due: 0, expires: 1, priority: 0, tries: 0, leased: true, dsn: { notify: ['success'] } } as const),
  }
  const two = { ...FORWARD, claims: [...FORWARD.claims, via('mx', FAR)] }
  for (const [what, wish, told] of [
    ['a copy is kept: delivered', { filings: [COPY], forwards: [FORWARD] }, ['delivered']],
    ['it is discarded: delivered', { filings: [] }, ['delivered']],
    ['it goes on to one address: told from there', { filings: [], forwards: [FORWARD] }, []],
    ['it goes on to several: expanded', { filings: [], forwards: [two] }, ['expanded']],
  ] as const) {
    test(what, () => {
      const fate = { kind: 'filed', row, outcome: { kind: 'filed', row: 0, ...wish } } as const
      assert.deepEqual([...dueNotices({ sender: FAR }, [fate], NOW).keys()], told)
    })
  }
})
