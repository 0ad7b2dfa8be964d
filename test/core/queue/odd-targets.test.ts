/**
 * What a runner does with targets and stores that do not keep to the contract: every row comes to an end, nothing is delivered again and
 * again, and one recipient's trouble stays that recipient's.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Acceptance,
  type Filing,
  type Job,
  MailError,
  type NewRow,
  type Outcome,
  type Store,
  type Target,
} from '../../../core/api/index.js'
import { QueueRunner, type QueueRunnerDeps } from '../../../core/queue/runner.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { rememberingLog } from '../../harness/log.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

interface Rig {
  now: number
  readonly store: Store
  /** Jobs that came to the target, as row numbers. */
  readonly jobs: number[][]
  /** Runs until nothing is under way. */
  step(): Promise<void>
  add(rows: number): Promise<void>
  stop(): Promise<void>
}

function rig(deliver: (job: Job) => unknown, more: Partial<QueueRunnerDeps> = {}): Rig {
  const jobs: number[][] = []
  const store = createMemoryStore({ now: () => made.now })
  const target: Target = {
    scope: 'local',
    lane: () => 'all',
    deliver: async job => {
      jobs.push(job.recipients.map(({ row }) => row))
      return deliver(job) as readonly Outcome[]
    },
  }
  const runner = new QueueRunner({
    store,
    targets: new Map([['here', target]]),
    plan: async () => undefined,
    pipeline: { gather: async () => [] as never, tell: () => undefined },
    server: { name: 'us.test' },
    schedule: { retryMs: [5 * MINUTE], warnAfterMs: [], concurrency: 4, perLane: 2, leaseMs: 120_000 },
    clock: { now: () => made.now },
    log: rememberingLog(),
    metrics: { count: () => undefined, observe: () => undefined },
    random: () => 0.5,
    ...more,
  })
  const made: Rig = {
    now: Date.UTC(2026, 0, 1),
    store,
    jobs,
    async step() {
      runner.start()
      runner.wake()
      for (let turn = 0; turn < 8; turn += 1) await new Promise(resolve => setTimeout(resolve, 2))
    },
    async add(rows) {
      await store.accept(acceptanceFor(rows, made.now))
    },
    stop: () => runner.stop(0),
  }
  return made
}

function acceptanceFor(rows: number, now: number): Acceptance {
  return {
    message: {
      id: 'q1',
      body: { kind: 'memory', bytes: Buffer.from('Subject: hi\r\n\r\nbody\r\n') },
      cuts: [],
      sender: { local: 'a', domain: 'us.test' },
      utf8: false,
      bodyType: '7BIT',
      received: now,
      origin: {},
    },
    rows: Array.from({ length: rows }, (_, number) => aRow(number, now)),
    filings: [],
    trail: [],
  }
}

function aRow(row: number, now: number): NewRow {
  const to = { local: `user${row}`, domain: 'us.test' }
  const facts = { row, to, original: to, dsn: { notify: [] }, target: 'here', lane: 'all', detail: {}, prefix: '' }
  return { ...facts, due: now, expires: now + 5 * DAY, priority: 0 }
}

describe('a target that breaks the contract', () => {
  for (const [what, answer] of [
    ['nothing', undefined],
    ['something else than a list', { kind: 'delivered' }],
    ['a list with a hole', [null]],
    ['an outcome of no known kind', [{ kind: 'bounced', row: 0 }]],
    ['a deferral without status and text', [{ kind: 'deferred', row: 0 }]],
    ['a filing without filings', [{ kind: 'filed', row: 0 }]],
  ] as const) {
    test(`answers ${what}: the row is tried again later, not at once and for ever`, async () => {
      const here = rig(() => answer)
      await here.add(1)
      await here.step()
      const row = (await here.store.queue.get('q1'))?.rows[0]
      assert.equal(row?.tries, 1)
      assert.equal(row?.due, here.now + 5 * MINUTE)
      assert.equal(row?.leased, false)
      await here.stop()
    })
  }

  test('answers "delivered" without a reply: that was a delivery, and is not repeated', async () => {
    const here = rig(() => [{ kind: 'delivered', row: 0 }])
    await here.add(1)
    await here.step()
    assert.equal(await here.store.queue.get('q1'), undefined)
    assert.equal(here.jobs.length, 1)
    await here.stop()
  })

  test('files one recipient where no mailbox can be: the others get their mail', async () => {
    const here = rig(job =>
      job.recipients.map(({ row }) => ({ kind: 'filed', row, filings: [filing(row, row === 1 ? 'a//b' : 'INBOX')] })),
    )
    await here.add(4)
    for (let turn = 0; turn < 4; turn += 1) await here.step()
    assert.equal(await here.store.queue.get('q1'), undefined)
    for (const row of [0, 2, 3]) assert.equal((await here.store.mail.find(`account${row}`, 'INBOX'))?.messages, 1)
    const failed = (await here.store.trail.of('q1')).filter(({ event }) => event === 'failed')
    assert.deepEqual(
      failed.map(({ says }) => /user\d/.exec(says)?.[0]),
      ['user1'],
    )
    await here.stop()
  })
})

test('a bounce that can never be written is given up a day after the mail has expired', async () => {
  const here = rig(() => [{ kind: 'failed', row: 0, status: '5.1.1', text: 'no such user' }], {
    plan: async () => {
      throw new MailError('directory-unavailable', 'down')
    },
  })
  await here.add(1)
  await here.step()
  assert.equal((await here.store.queue.get('q1'))?.rows[0]?.tries, 1)
  here.now += 5 * DAY + HOUR
  await here.step()
  assert.notEqual(await here.store.queue.get('q1'), undefined)
  here.now += DAY
  await here.step()
  assert.equal(await here.store.queue.get('q1'), undefined)
  assert.ok((await here.store.trail.of('q1')).some(({ event }) => event === 'failed'))
  await here.stop()
})

function filing(row: number, mailbox: string): Filing {
  return { accountId: `account${row}`, mailbox, flags: [], prefix: '', date: 0 }
}
