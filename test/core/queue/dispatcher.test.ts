/** Draining lanes through a target that is there only now, over the store in memory: what is held stays held, and nothing goes out twice. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { Call, Drained, Job, NewRow, Outcome, Store, Target } from '../../../core/api/index.js'
import { QueueRunner } from '../../../core/queue/runner.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { acceptance, message, row } from '../../contracts/backend.js'
import { quietLog } from '../../harness/log.js'

const HOLD = 'waits for its client'
const LANES = new Set(['away/them.test'])
const taken = ({ recipients }: Job): Outcome[] =>
  recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
const later = ({ recipients }: Job): Outcome[] =>
  recipients.map(({ row }) => ({ kind: 'deferred', row, status: '4.2.0', text: 'said: 450 4.2.0 come again' }))

interface Gate {
  readonly reached: Promise<void>
  readonly opened: Promise<void>
  reach(): void
  open(): void
}

function gate(): Gate {
  let reach = (): void => undefined
  let open = (): void => undefined
  const reached = new Promise<void>(resolve => {
    reach = resolve
  })
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { reached, opened, reach, open }
}

describe('a drain', () => {
  let now = Date.UTC(2026, 10, 21)
  let store: Store
  let runner: QueueRunner

  /** Another process over the same store is another runner. */
  function aRunner(): QueueRunner {
    return new QueueRunner({
      store,
      targets: new Map<string, Target>(),
      plan: () => Promise.reject(new Error('no bounce is to be written')),
      pipeline: { gather: async () => [], tell: () => undefined },
      server: { name: 'us.test' },
      schedule: { retryMs: [1000], warnAfterMs: [1], concurrency: 5, perLane: 5, leaseMs: 120_000 },
      clock: { now: () => now },
      log: quietLog,
      metrics: { count: () => undefined, observe: () => undefined },
    })
  }

  async function begin(messages: number, ...rows: readonly Partial<NewRow>[]): Promise<void> {
    store = createMemoryStore({ now: () => now })
    runner = aRunner()
    const ready = { target: 'away', lane: 'them.test', hold: HOLD, due: now, expires: now + 1000 }
    for (let at = 0; at < messages; at += 1) {
      const made = (rows.length === 0 ? [{}] : rows).map((more, number) => row(number, { ...ready, ...more }))
      await store.accept(acceptance(`m${at}`, { message: message(`m${at}`, { received: now }), rows: made }))
    }
  }
  afterEach(() => runner.stop(0))

  function drain(
    deliver: (job: Job, call: Call) => readonly Outcome[] | Promise<readonly Outcome[]>,
    more: { by?: QueueRunner; signal?: AbortSignal; graceMs?: number } = {},
  ): Promise<Drained> {
    const { by = runner, signal = new AbortController().signal, graceMs } = more
    const target: Target = { scope: 'remote', lane: to => to.domain, deliver: async (job, call) => deliver(job, call) }
    return by.dispatcher(graceMs).drain({ lanes: LANES, held: HOLD, target, signal })
  }

  async function left(): Promise<(readonly [id: string, row: number, hold: string | undefined, tries: number])[]> {
    const all: (readonly [string, number, string | undefined, number])[] = []
    for await (const { id, rows } of store.queue.list()) {
      for (const { row: number, hold, tries, leased } of rows) {
        assert.equal(leased, false, `${id}:${number} is still under lease`)
        all.push([id, number, hold, tries])
      }
    }
    return all
  }

  test('tries once what is put off, keeps it held past its time, says so in the trail, and goes on', async () => {
    await begin(30, {}, {})
    now += 5000
    const offered: string[] = []
    const half = (job: Job) => {
      offered.push(job.id)
      return [taken(job)[0]!, later(job)[1]!]
    }
    assert.deepEqual(await drain(half), { delivered: 30, failed: 0, left: 30 })
    assert.deepEqual([offered.length, new Set(offered).size], [30, 30])
    const rest = await left()
    assert.ok(
      rest.length === 30 && rest.every(([, number, hold, tries]) => number === 1 && hold === HOLD && tries === 1),
    )
    const told = (await store.trail.of('m7')).filter(({ event }) => event === 'deferred')
    assert.equal(told.length, 1)
    assert.match(
      told[0]!.says,
      /^Not delivered for user1@example\.net yet, still held \(waits for its client\): said: 450/,
    )
    assert.deepEqual(told[0]!.facts, { to: 'user1@example.net', status: '4.2.0', tries: 1, hold: HOLD })
    now += 1
    assert.deepEqual(await drain(taken), { delivered: 30, failed: 0, left: 0 })
    assert.deepEqual(await left(), [])
  })

  test('leaves what is held for another reason and what is not due', async () => {
    await begin(1, { hold: 'by hand' }, { due: now + 1 }, { lane: 'else.test' })
    assert.deepEqual(await drain(taken), { delivered: 0, failed: 0, left: 0 })
    assert.equal((await left()).length, 3)
  })

  test('two at once, of two processes, share what waits, and each mail goes out once', async () => {
    await begin(90)
    const other = aRunner()
    const seen: string[] = []
    const both = gate()
    const take = async (job: Job) => {
      seen.push(job.id)
      // Each has begun before either goes on.
      if (seen.length === 2) both.open()
      await both.opened
      return taken(job)
    }
    const [one, two] = await Promise.all([drain(take), drain(take, { by: other })])
    assert.equal(one.delivered + two.delivered, 90)
    assert.ok(one.delivered >= 20 && two.delivered >= 20, JSON.stringify([one, two]))
    assert.equal(new Set(seen).size, 90)
    assert.deepEqual(await left(), [])
    await other.stop(0)
  })

  test('told to end, finishes the mail under way and gives the others back untouched', async () => {
    await begin(25)
    const stop = new AbortController()
    const inside = gate()
    const ended = drain(
      async job => {
        inside.reach()
        await inside.opened
        return taken(job)
      },
      { signal: stop.signal },
    )
    await inside.reached
    stop.abort()
    inside.open()
    assert.deepEqual(await ended, { delivered: 1, failed: 0, left: 0 })
    const rest = await left()
    assert.ok(rest.length === 24 && rest.every(([, , hold, tries]) => hold === HOLD && tries === 0))
  })

  test('told to end, does not wait longer than its grace time for a client that hangs', async () => {
    await begin(2)
    const stop = new AbortController()
    const inside = gate()
    const ended = drain(
      (job, { signal }) =>
        new Promise(resolve => {
          signal.addEventListener('abort', () => resolve(later(job)))
          inside.reach()
        }),
      { signal: stop.signal, graceMs: 1 },
    )
    await inside.reached
    stop.abort()
    await ended
    // Cut short by our own end: that was no attempt of theirs.
    assert.deepEqual(
      (await left()).map(([id, , hold, tries]) => [id, hold, tries]),
      [
        ['m0', HOLD, 0],
        ['m1', HOLD, 0],
      ],
    )
  })

  test('a target that throws leaves everything held', async () => {
    await begin(2)
    await drain(() => Promise.reject(new Error('trouble')))
    assert.equal((await left()).filter(([, , hold]) => hold === HOLD).length, 2)
  })
})

test('a target may have its mail held: no attempt, no bounce, and the reason is told', async t => {
  let now = Date.UTC(2026, 10, 21)
  const store = createMemoryStore({ now: () => now })
  const asked = gate()
  const runner = new QueueRunner({
    store,
    targets: new Map<string, Target>([
      [
        'away',
        {
          scope: 'remote',
          lane: to => to.domain,
          async deliver({ recipients }) {
            return recipients.map(({ row }) => ({ kind: 'deferred', row, status: '4.4.1', text: HOLD, hold: HOLD }))
          },
        },
      ],
    ]),
    plan: () => Promise.reject(new Error('no bounce is to be written')),
    pipeline: { gather: async () => [], tell: () => asked.reach() },
    server: { name: 'us.test' },
    schedule: { retryMs: [1000], warnAfterMs: [1], concurrency: 5, perLane: 5, leaseMs: 120_000 },
    clock: { now: () => now },
    log: quietLog,
    metrics: { count: () => undefined, observe: () => undefined },
  })
  t.after(() => runner.stop(0))
  // Its last try would be long over.
  const rows = [row(0, { target: 'away', due: now, expires: now + 1 })]
  await store.accept(acceptance('m1', { message: message('m1', { received: now }), rows }))
  now += 10_000
  runner.start()
  await asked.reached
  const [only] = (await store.queue.get('m1'))!.rows
  assert.deepEqual([only!.hold, only!.tries, only!.last], [HOLD, 0, undefined])
  const [entry] = await store.trail.of('m1')
  assert.deepEqual([entry!.event, entry!.says], ['held', `Held for user0@example.net: ${HOLD}`])
})
