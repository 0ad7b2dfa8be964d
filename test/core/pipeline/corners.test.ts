/** The intake where hooks, targets and stores do what they should not: nothing is lost, doubled, or taken amiss. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Acceptance,
  type Claim,
  defer,
  type Envelope,
  type Hooks,
  type Job,
  MailError,
  type Outcome,
  type Recipient,
  reject,
  type Session,
  type Store,
  type Target,
  via,
} from '../../../core/api/index.js'
import { createIntake } from '../../../core/pipeline/intake.js'
import type { Intake, Receipt } from '../../../core/pipeline/intake-types.js'
import { Pipeline } from '../../../core/pipeline/pipeline.js'
import { createMessage } from '../../../core/storage/message.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { quietLog } from '../../harness/log.js'
import { anEnvelope, aServer, aSession } from '../../harness/session.js'

const scope = { signal: new AbortController().signal, log: quietLog }
const BYTES = Buffer.from('Subject: hello\r\n\r\nbody\r\n')

interface Rig {
  readonly store: Store
  readonly intake: Intake
  now: number
  receive(
    claims: readonly (readonly Claim[])[],
    more?: Partial<Session>,
    envelope?: Partial<Envelope>,
  ): Promise<Receipt>
}

function outcomeFor({ row, to }: Job['recipients'][number], { prefix }: Job): Outcome {
  switch (to.local) {
    case 'full':
      return { kind: 'deferred', row, status: '4.2.2', text: 'Mailbox is full' }
    case 'gone':
      return { kind: 'failed', row, status: '5.1.1', text: 'No such user' }
    case 'piped':
      return { kind: 'delivered', row, remote: 'a program', reply: 'exit 0' }
    default: {
      const mailbox = to.local === 'odd' ? 'a//b' : 'INBOX'
      return { kind: 'filed', row, filings: [{ accountId: to.local, mailbox, flags: [], prefix, date: 0 }] }
    }
  }
}

const mda: Target = {
  scope: 'local',
  lane: () => 'local',
  deliver: async job => job.recipients.map(recipient => outcomeFor(recipient, job)),
}
const mx: Target = { scope: 'remote', lane: to => to.domain, deliver: async () => [] }

function rig(hooks: Hooks = {}, more: { readonly timeoutMs?: number; readonly store?: Store } = {}): Rig {
  const store = more.store ?? createMemoryStore()
  const entry = {
    plugin: 'tried',
    hooks,
    unless: [],
    on: [],
    timeoutMs: more.timeoutMs ?? 1000,
    onError: 'defer',
  } as const
  const made: Rig = {
    store,
    now: Date.UTC(2026, 0, 1),
    intake: createIntake({
      pipeline: new Pipeline([entry], { count: () => undefined, observe: () => undefined }),
      targets: new Map([
        ['mda', mda],
        ['mx', mx],
      ]),
      store,
      server: aServer(),
      clock: { now: () => made.now },
      lifeMs: () => 1000,
      firstRetryMs: 100,
    }),
    receive(claims, session = {}, envelope = {}) {
      const recipients: Recipient[] = claims.map((_, i) => ({
        address: { local: `r${i}`, domain: 'example.test' },
        dsn: { notify: [] },
      }))
      const message = createMessage({
        size: BYTES.length,
        header: BYTES,
        read: async (from, to) => BYTES.subarray(from, to),
      })
      return this.intake.receive(
        {
          session: aSession(session),
          envelope: anEnvelope({ recipients, ...envelope }),
          routed: recipients.map((recipient, i) => ({ recipient, claims: claims[i]! })),
          message,
          body: { kind: 'memory', bytes: BYTES },
          received: made.now,
        },
        scope,
      )
    },
  }
  return made
}

function to(local: string, more: Pick<Claim, 'sender'> = {}): Claim {
  return via('mda', { local, domain: 'example.test' }, more)
}

async function inbox(store: Store, account: string): Promise<number> {
  return (await store.mail.find(account, 'INBOX'))?.messages ?? 0
}

function codes(receipt: Receipt): number[] {
  return receipt.answers.map(answer => (answer.kind === 'accepted' ? 250 : answer.code))
}

const events = async (store: Store) => (await store.trail.of('session1.1')).map(({ event }) => event)

describe('local mail that cannot be filed', () => {
  test('for good and for nobody else: the client is told, and no bounce goes to a sender who may be forged', async () => {
    const { store, receive } = bound(rig())
    assert.deepEqual(codes(await receive([[to('gone')]])), [550])
    assert.equal((await store.queue.totals()).rows, 0)
    assert.deepEqual(await events(store), ['refused'])
  })

  test('for good, while another takes it: the queue tells the sender', async () => {
    const { store, receive } = bound(rig())
    assert.deepEqual(codes(await receive([[to('gone')], [to('bob')]])), [250, 250])
    assert.equal((await store.queue.totals()).rows, 1)
  })

  test('over LMTP an alias that was filed for one of two is not asked for again', async () => {
    const { store, receive } = bound(rig())
    assert.deepEqual(codes(await receive([[to('bob'), to('full')], [to('full')]], { protocol: 'lmtp' })), [250, 452])
    assert.equal(await inbox(store, 'bob'), 1)
    assert.deepEqual(
      (await store.queue.get('session1.1'))?.rows.map(row => row.to.local),
      ['full'],
    )
  })

  test('over LMTP with nobody served the trail says refused, not accepted', async () => {
    const { store, receive } = bound(rig())
    assert.deepEqual(codes(await receive([[to('gone')], [to('full')]], { protocol: 'lmtp' })), [550, 452])
    assert.deepEqual(await events(store), ['refused'])
  })
})

for (const protocol of ['smtp', 'lmtp'] as const) {
  test(`over ${protocol} a local target that has delivered by itself is not asked again by the queue`, async () => {
    const { store, receive } = bound(rig())
    assert.deepEqual(codes(await receive([[to('piped')], [to('bob')]], { protocol })), [250, 250])
    assert.equal((await store.queue.totals()).rows, 0)
    assert.ok((await events(store)).includes('delivered'))
  })
}

test('one mailbox that cannot be leaves the others their mail, and the message accepted', async () => {
  const { store, receive } = bound(rig())
  assert.deepEqual(codes(await receive([[to('odd')], [to('bob')]])), [250, 250])
  assert.equal((await store.queue.totals()).rows, 2)
})

test('what the store refuses for good is trouble of ours: the sender may come again', async () => {
  const plain = createMemoryStore()
  const accept = async () => Promise.reject(new MailError('message-gone', 'swept'))
  const { receive } = bound(rig({}, { store: { ...plain, accept } }))
  await assert.rejects(receive([[to('bob')]]), { errorCode: 'store-unavailable' })
})

test('who asks to hear of success is told by the queue', async () => {
  const { store, intake } = rig()
  const recipient: Recipient = { address: { local: 'bob', domain: 'example.test' }, dsn: { notify: ['success'] } }
  const message = createMessage({ size: 0, header: Buffer.alloc(0), read: async () => Buffer.alloc(0) })
  const body = { kind: 'memory', bytes: Buffer.alloc(0) } as const
  const routed = [{ recipient, claims: [to('bob')] }]
  await intake.receive({ session: aSession(), envelope: anEnvelope(), routed, message, body, received: 0 }, scope)
  assert.equal((await store.queue.totals()).rows, 1)
})

test('mail of the null sender stays that, whatever a claim would call it', async () => {
  const owner = { local: 'owner', domain: 'example.test' }
  const { store, receive } = bound(rig())
  await receive([[to('full', { sender: owner })]], {}, { sender: null })
  assert.equal((await store.queue.get('session1.1'))?.rows[0]?.sender, undefined)
})

describe('hooks in plain JavaScript', () => {
  for (const [what, hooks] of [
    ['findings with holes', { score: () => [null, undefined, { name: 1 }, { name: 'x', points: '5', says: 's' }] }],
    ['fields with holes', { headers: () => [null, { name: 'X-A' }, { name: 'X-B', value: 3 }] }],
    ['text for fields', { headers: () => 'X-A: 1' }],
  ] as const) {
    test(`${what} do not keep mail out`, async () => {
      const { store, receive } = bound(rig(hooks as never))
      assert.deepEqual(codes(await receive([[to('bob')]])), [250])
      assert.equal(await inbox(store, 'bob'), 1)
    })
  }

  for (const [what, claim] of [
    ['without an address', { kind: 'claim', target: 'mda' }],
    ['with half an address', { kind: 'claim', target: 'mda', to: { local: 'a' } }],
    ['with a line end in its address', via('mda', { local: 'a\r\nRCPT TO:<x@y>', domain: 'example.test' })],
    ['with a line end in its sender', to('a', { sender: { local: 'a>\r\nDATA', domain: 'b' } })],
    ['without a target', { kind: 'claim', to: { local: 'a', domain: 'example.test' } }],
  ] as const) {
    test(`a claim ${what} is a fault and no route`, async () => {
      const { intake } = rig({ route: () => claim as never })
      const session = aSession()
      const recipient = { address: { local: 'bob', domain: 'example.test' }, dsn: { notify: [] } }
      const answer = await intake.route(session, new Set(), anEnvelope(), recipient, scope)
      assert.ok('kind' in answer && answer.kind === 'defer' && answer.status === '4.3.0')
    })
  }
})

test('judging a message for very many recipients ends before the client does', async () => {
  const here = rig({
    message: () => {
      here.now += 20_000
      return undefined
    },
  })
  const many = Array.from({ length: 1000 }, (_, i) => [to(`u${i}`)])
  const start = here.now
  await assert.rejects(here.receive(many), { errorCode: 'internal' })
  assert.ok(here.now - start < 600_000)
  assert.equal((await here.store.queue.totals()).messages, 0)
})

describe('a message of our own', () => {
  const own = {
    id: 'own1.1',
    sender: null,
    recipient: { local: 'bob', domain: 'example.test' },
    dsn: { notify: ['never'] },
    utf8: false,
    bytes: Buffer.from('Subject: bounce\r\n\r\n'),
    now: 0,
    reason: 'bounce of q1',
  } as const
  const plan = (hooks: Hooks): Promise<Acceptance | undefined> => rig(hooks).intake.plan(own, scope)

  test('is nobody’s when nobody takes it', async () => {
    assert.equal(await plan({}), undefined)
    assert.equal(await plan({ route: () => reject('gone') }), undefined)
  })

  for (const [what, hooks] of [
    ['the directory is down', { route: () => defer('later') }],
    ['a hook fails', { route: () => Promise.reject(new Error('bug')) }],
    ['rcpt puts it off', { rcpt: () => defer('later'), route: () => to('bob') }],
  ] as const) {
    test(`is not dropped when ${what}: the caller comes again`, async () => {
      await assert.rejects(plan(hooks), { name: 'MailError' })
    })
  }

  test('has a Received field of ours in front', async () => {
    const planned = await plan({ route: () => to('bob') })
    assert.match(planned!.rows[0]!.prefix, /^Received: by mail\.example\.test id own1\.1/)
  })
})

/** `receive` without its rig at hand. */
function bound(made: Rig): Pick<Rig, 'store' | 'receive'> {
  return { store: made.store, receive: (...args) => made.receive(...args) }
}
