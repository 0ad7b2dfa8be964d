/** The intake on the in-memory store: what is kept, where, and what the client hears. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Address,
  type Claim,
  type DsnWish,
  defer,
  discard,
  type Hooks,
  hold,
  type Job,
  type Message,
  type Outcome,
  type QueuedMessage,
  quarantine,
  type Recipient,
  reject,
  type Session,
  type Store,
  type Target,
  via,
  type Wishes,
} from '../../../core/api/index.js'
import { createIntake } from '../../../core/pipeline/intake.js'
import type { Receipt } from '../../../core/pipeline/intake-types.js'
import { Pipeline } from '../../../core/pipeline/pipeline.js'
import { aText } from '../../../core/testing/index.js'
import { scanHeader } from '../../../core/text/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { quietLog } from '../../harness/log.js'
import { anEnvelope, aServer, aSession } from '../../harness/session.js'

const scope = { signal: new AbortController().signal, log: quietLog }
const NOW = Date.UTC(2026, 0, 1)
const TEXT = 'Subject: hello\r\nX-Spam-Status: No, they said\r\nFrom: a@b.test\r\n\r\nbody\r\n'

function address(local: string, domain = 'example.test'): Address {
  return { local, domain }
}

const mda: Target = {
  scope: 'local',
  lane: () => 'local',
  deliver: async (job: Job): Promise<Outcome[]> =>
    job.recipients.map(({ row, to, quarantine: why }) => {
      if (to.local === 'full') return { kind: 'deferred', row, status: '4.2.2', text: 'Mailbox is full' }
      if (to.local === 'gone') return { kind: 'failed', row, status: '5.1.1', text: 'No such user' }
      const mailbox = why === undefined ? 'INBOX' : 'Junk'
      return {
        kind: 'filed',
        row,
        filings: [{ accountId: to.local, mailbox, flags: [], prefix: job.prefix, date: NOW }],
      }
    }),
}
const mx: Target = { scope: 'remote', lane: to => to.domain, deliver: async () => [] }

interface Run {
  readonly store: Store
  readonly receipt: Receipt
}

async function receive(
  hooks: Hooks,
  recipients: readonly Address[],
  more: Partial<Session> = {},
  wishes: Wishes = {},
  { dsn = { notify: [] }, claims }: { dsn?: DsnWish; claims?: (to: Address) => readonly Claim[] } = {},
): Promise<Run> {
  const store = createMemoryStore()
  const entry = { plugin: 'tried', hooks, unless: [], on: [], timeoutMs: 100, onError: 'defer' } as const
  const pipeline = new Pipeline([entry], { count: () => undefined, observe: () => undefined })
  const intake = createIntake({
    pipeline,
    targets: new Map([
      ['mda', mda],
      ['mx', mx],
    ]),
    store,
    server: aServer(),
    clock: { now: () => NOW },
    lifeMs: () => 5 * 86_400_000,
    firstRetryMs: 300_000,
  })
  const asked: Recipient[] = recipients.map(one => ({ address: one, dsn }))
  const session = aSession(more)
  const routed = asked.map(recipient => ({
    recipient,
    claims: claims?.(recipient.address) ?? [
      via(recipient.address.domain === 'example.test' ? 'mda' : 'mx', recipient.address),
    ],
  }))
  const envelope = anEnvelope({ recipients: asked, ...wishes })
  const bytes = Buffer.from(TEXT)
  const message = plainMessage(bytes)
  const receipt = await intake.receive(
    { session, envelope, routed, message, body: { kind: 'memory', bytes }, received: NOW },
    scope,
  )
  return { store, receipt }
}

function plainMessage(bytes: Buffer): Message {
  return {
    size: bytes.length,
    header: scanHeader(bytes).fields,
    field: () => undefined,
    fields: () => [],
    read: async (from = 0, to = bytes.length) => bytes.subarray(from, to),
    text: async () => aText(),
  }
}

async function contents(store: Store, account: string, name: string): Promise<string[]> {
  const info = await store.mail.find(account, name)
  if (info === undefined) return []
  const box = await store.mail.open(account, info.id)
  const entries = await box.list()
  return Promise.all(entries.map(async entry => (await box.read(entry)).toString()))
}

async function firstQueued(store: Store): Promise<QueuedMessage | undefined> {
  for await (const message of store.queue.list()) return message
  return undefined
}

test('local mail is filed in the commit that accepts it, and no queue row is left', async () => {
  const { store, receipt } = await receive({}, [address('alice'), address('bob')])
  assert.deepEqual(
    receipt.answers.map(one => one.kind),
    ['accepted', 'accepted'],
  )
  assert.equal((await store.queue.totals()).rows, 0)
  assert.equal((await contents(store, 'alice', 'INBOX')).length, 1)
  assert.equal((await contents(store, 'bob', 'INBOX')).length, 1)
})

test('our fields stand in front, other filters verdicts are cut, and the rest is as it came', async () => {
  const headers: Hooks = { headers: () => ({ name: 'X-Spam-Score', value: '1.5' }) }
  const { store } = await receive(headers, [address('alice')])
  const [text] = await contents(store, 'alice', 'INBOX')
  assert.match(text!, /^X-Spam-Score: 1\.5\r\nReceived: from client\.elsewhere\.test /)
  assert.ok(text!.endsWith('Subject: hello\r\nFrom: a@b.test\r\n\r\nbody\r\n'))
})

test('mail for elsewhere waits in the queue with its lane', async () => {
  const { store } = await receive({}, [address('x', 'world.test'), address('alice')])
  const message = await firstQueued(store)
  assert.deepEqual(
    message?.rows.map(row => [row.target, row.lane, row.hold]),
    [['mx', 'world.test', undefined]],
  )
})

test('quarantine is Junk for local mail and a hold for mail going out', async () => {
  const { store } = await receive({ message: () => quarantine('looks like spam') }, [
    address('alice'),
    address('x', 'world.test'),
  ])
  assert.equal((await contents(store, 'alice', 'Junk')).length, 1)
  const message = await firstQueued(store)
  assert.equal(message?.rows[0]?.hold, 'quarantine: looks like spam')
})

test('a hold keeps back what goes out and files what is local', async () => {
  const { store } = await receive({ message: () => hold('too much today') }, [
    address('alice'),
    address('x', 'world.test'),
  ])
  assert.equal((await contents(store, 'alice', 'INBOX')).length, 1)
  const message = await firstQueued(store)
  assert.equal(message?.rows[0]?.hold, 'too much today')
})

test('fields that hooks want removed are seen by nobody', async () => {
  const hooks: Hooks = { headers: () => [{ kind: 'remove', name: 'SUBJECT' }] }
  const { store } = await receive(hooks, [address('alice')])
  const [text] = await contents(store, 'alice', 'INBOX')
  assert.doesNotMatch(text!, /Subject/)
  assert.ok(text!.endsWith('\r\nFrom: a@b.test\r\n\r\nbody\r\n'))
})

test('when all recipients refuse, the whole is refused and nothing is kept but the trail', async () => {
  const { store, receipt } = await receive({ message: () => reject('spam') }, [address('alice'), address('bob')])
  const spam = { ...reject('spam [session1.1]'), plugin: 'tried' }
  assert.deepEqual(receipt.answers, [spam, spam])
  assert.equal((await contents(store, 'alice', 'INBOX')).length, 0)
  assert.deepEqual(
    (await store.trail.of('session1.1')).map(entry => entry.event),
    ['refused'],
  )
})

const one: Hooks = { message: ({ recipient }) => (recipient.address.local === 'alice' ? reject('spam') : undefined) }

test('over SMTP one who would refuse gets it quarantined when another wants it', async () => {
  const { store, receipt } = await receive(one, [address('alice'), address('bob')])
  assert.deepEqual(
    receipt.answers.map(answer => answer.kind),
    ['accepted', 'accepted'],
  )
  assert.equal((await contents(store, 'alice', 'Junk')).length, 1)
  assert.equal((await contents(store, 'bob', 'INBOX')).length, 1)
  const says = (await store.trail.of('session1.1')).map(entry => entry.says)
  assert.ok(says.some(one => /it was to be refused \(spam.*\), while other recipients take it\.$/.test(one)))
})

test('over LMTP each recipient has an answer of its own', async () => {
  const { store, receipt } = await receive(one, [address('alice'), address('bob')], { protocol: 'lmtp' })
  assert.deepEqual(
    receipt.answers.map(answer => answer.kind),
    ['reject', 'accepted'],
  )
  assert.equal((await contents(store, 'alice', 'Junk')).length, 0)
})

test('a hook that fails for one recipient refuses the whole for now, whoever wants it', async () => {
  const failing: Hooks = {
    message: ({ recipient }) => {
      if (recipient.address.local === 'alice') throw new Error('bug')
    },
  }
  const { store, receipt } = await receive(failing, [address('alice'), address('bob')])
  assert.deepEqual(
    receipt.answers.map(answer => (answer.kind === 'accepted' ? 250 : `${answer.code} ${answer.status}`)),
    ['451 4.3.0', '451 4.3.0'],
  )
  assert.equal((await contents(store, 'bob', 'INBOX')).length, 0)
})

test('refusals that disagree come back later for everyone', async () => {
  const mixed: Hooks = {
    message: ({ recipient }) => (recipient.address.local === 'alice' ? reject('spam') : defer('busy')),
  }
  const { receipt } = await receive(mixed, [address('alice'), address('bob')])
  assert.deepEqual(
    receipt.answers.map(answer => answer.kind),
    ['defer', 'defer'],
  )
})

test('discard answers 250 after its trail entry and keeps nothing', async () => {
  const { store, receipt } = await receive({ message: () => discard('unwanted') }, [address('alice')])
  assert.equal(receipt.answers[0]?.kind, 'accepted')
  assert.equal((await contents(store, 'alice', 'INBOX')).length, 0)
  assert.ok((await store.trail.of('session1.1')).some(entry => entry.event === 'discarded'))
})

test('a full mailbox waits in the queue over SMTP and is told at once over LMTP', async () => {
  const smtp = await receive({}, [address('full'), address('alice')])
  assert.deepEqual(
    smtp.receipt.answers.map(answer => answer.kind),
    ['accepted', 'accepted'],
  )
  assert.equal((await smtp.store.queue.totals()).rows, 1)
  const lmtp = await receive({}, [address('full'), address('alice'), address('gone')], { protocol: 'lmtp' })
  const codes = lmtp.receipt.answers.map(answer => (answer.kind === 'accepted' ? 250 : answer.code))
  assert.deepEqual(codes, [452, 250, 550])
  assert.equal((await lmtp.store.queue.totals()).rows, 0)
})

for (const trusted of [true, false]) {
  test(`the trail says whether mail came from a network we trust: ${trusted}`, async () => {
    const { store } = await receive({}, [address('alice')], { trusted })
    const accepted = (await store.trail.of('session1.1')).find(entry => entry.event === 'accepted')
    assert.equal(accepted?.facts.trusted, trusted ? true : undefined)
  })
}

test('a score hook that fails is a finding of no points, and the mail goes on', async () => {
  const score: Hooks = {
    score: async () => {
      throw new Error('bug')
    },
  }
  const { store, receipt } = await receive(score, [address('alice')])
  assert.equal(receipt.answers[0]?.kind, 'accepted')
  const accepted = (await store.trail.of('session1.1')).find(entry => entry.event === 'accepted')
  assert.match(String(accepted?.facts.findings), /tried-failed/)
})

test('local mail that is to wait for its time waits in the queue, and gets its whole time there', async () => {
  const holdUntil = NOW + 3_600_000
  const { store } = await receive({}, [address('alice')], {}, { holdUntil, priority: -3 })
  assert.deepEqual(await contents(store, 'alice', 'INBOX'), [])
  const queued = await firstQueued(store)
  assert.equal(queued?.holdUntil, holdUntil)
  const [row] = queued.rows
  assert.deepEqual([row?.due, row?.expires, row?.priority], [holdUntil, holdUntil + 5 * 86_400_000, -3])
})

test('what shall come back after its time is given up then', async () => {
  const at = NOW + 60_000
  const { store } = await receive(
    {},
    [address('bob', 'elsewhere.test')],
    {},
    {
      requireTls: true,
      deliverBy: { at, mode: 'return', trace: true },
    },
  )
  const queued = await firstQueued(store)
  assert.equal(queued?.requireTls, true)
  assert.deepEqual(queued.deliverBy, { at, mode: 'return', trace: true })
  assert.equal(queued.rows[0]?.expires, at)
})

test('what came in after its time is not delivered, though the mailbox is here', async () => {
  const { store } = await receive({}, [address('alice')], {}, { deliverBy: { at: NOW, mode: 'return', trace: false } })
  assert.deepEqual(await contents(store, 'alice', 'INBOX'), [])
  assert.equal((await firstQueued(store))?.rows.length, 1)
})

const both = (to: Address) => [via('mx', { ...to, local: 'b' }), via('mx', { ...to, local: 'c' })]

for (const [notify, first, second] of [
  [[], { notify: [] }, { notify: [] }],
  [['delay'], { notify: ['delay'] }, { notify: ['delay'] }],
  [['success', 'failure'], { notify: ['failure'], expanded: true }, { notify: ['failure'] }],
  [['success'], { notify: ['never'], expanded: true }, { notify: ['never'] }],
] as const) {
  test(`NOTIFY=${notify.join() || '(none)'} for an alias of two goes on as ${JSON.stringify([first, second])} (RFC 3461 §5.2.7.3)`, async () => {
    const { store } = await receive({}, [address('list', 'elsewhere.test')], {}, {}, { dsn: { notify }, claims: both })
    assert.deepEqual(
      (await firstQueued(store))?.rows.map(row => row.dsn),
      [first, second],
    )
  })
}

test('a list takes nothing along of what a sender wants to be told (RFC 3461 §5.2.7.1)', async () => {
  const owner = address('owner')
  const { store } = await receive(
    {},
    [address('list', 'elsewhere.test')],
    {},
    {},
    {
      dsn: { notify: ['never'], orcpt: 'rfc822;list@elsewhere.test' },
      claims: to => [via('mx', to, { sender: owner })],
    },
  )
  assert.deepEqual((await firstQueued(store))?.rows[0]?.dsn, { notify: [] })
})

const TOLD: readonly (readonly [made: string, message: Hooks['message'], kinds: readonly string[]])[] = [
  ['is kept', () => undefined, ['accepted', 'accepted']],
  ['nobody wants', () => reject('spam'), ['refused', 'refused']],
  ['shall come again', () => defer('later'), ['deferred', 'deferred']],
  [
    'is Junk for one',
    ({ recipient }) => (to(recipient, 'bob') ? quarantine('junk') : undefined),
    ['accepted', 'quarantined'],
  ],
  [
    'is refused for one of two over SMTP',
    ({ recipient }) => (to(recipient, 'bob') ? reject('no') : undefined),
    ['accepted', 'quarantined'],
  ],
  ['is thrown away', () => discard('virus'), ['discarded', 'discarded']],
  [
    'shall come again for one of two over SMTP, and is taken now',
    ({ recipient }) => (to(recipient, 'bob') ? { ...defer('later'), otherwise: 'keep' } : undefined),
    ['accepted', 'accepted'],
  ],
  [
    'shall come again for one of two over SMTP, and is Junk now',
    ({ recipient }) => (to(recipient, 'bob') ? { ...defer('later'), otherwise: quarantine('spam') } : undefined),
    ['accepted', 'quarantined'],
  ],
  ['shall come again for both', () => ({ ...defer('later'), otherwise: 'keep' }), ['deferred', 'deferred']],
]

function to({ address }: Recipient, local: string): boolean {
  return address.local === local
}

for (const [made, message, kinds] of TOLD) {
  test(`of mail that ${made} the decided hooks hear what became of it, with its findings`, async () => {
    const heard: [sum: number, kinds: readonly string[]][] = []
    await receive(
      {
        score: () => ({ name: 'tried', points: 2, says: 'It was tried.' }),
        message,
        decided: ({ verdict, results }) => void heard.push([verdict.sum, results.map(one => one.kind)]),
      },
      [address('alice'), address('bob')],
    )
    assert.deepEqual(heard, [[2, kinds]])
  })
}

test('what no mailbox can take is told as such: it says nothing of the message', async () => {
  const heard: (readonly string[])[] = []
  await receive({ decided: ({ results }) => void heard.push(results.map(one => one.kind)) }, [address('gone')])
  assert.deepEqual(heard, [['undeliverable']])
})
