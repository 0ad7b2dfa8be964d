/**
 * After an outage everything that was put off is due at once. New mail must not wait behind it, and it must not wait for ever behind new mail.
 * Over the store in memory, with a target whose deliveries last until the test ends them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job, Log, Outcome, Target } from '../../../core/api/index.js'
import { QueueRunner } from '../../../core/queue/runner.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { acceptance, row, until } from '../../contracts/backend.js'

const NOW = Date.UTC(2026, 10, 21)
const CONCURRENCY = 8
const KEPT = 2

const nothing = (): void => undefined
const log: Log = { error: nothing, warn: nothing, info: nothing, debug: nothing, child: () => log }

class Slow {
  readonly store = createMemoryStore({ now: () => NOW })
  /** Under way, with what ends them. */
  readonly running = new Map<string, () => void>()
  readonly started: string[] = []
  readonly runner: QueueRunner

  constructor(concurrency = CONCURRENCY) {
    const deliver = (job: Job) =>
      new Promise<readonly Outcome[]>(resolve => {
        this.started.push(job.id)
        this.running.set(job.id, () => {
          this.running.delete(job.id)
          resolve(job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' })))
        })
      })
    const target: Target = { scope: 'remote', lane: to => to.domain, deliver }
    this.runner = new QueueRunner({
      store: this.store,
      targets: new Map([['mx', target]]),
      plan: async () => undefined,
      pipeline: { gather: async () => [] as never, tell: () => undefined },
      server: { name: 'us.test' },
      schedule: { retryMs: [1000], warnAfterMs: [], concurrency, perLane: 2, leaseMs: 120_000 },
      clock: { now: () => NOW },
      log,
      metrics: { count: () => undefined, observe: () => undefined },
      deliveryMs: 600_000,
    })
  }

  async accept(id: string, lane: string): Promise<void> {
    await this.store.accept(acceptance(id, { rows: [row(0, { lane, due: NOW })] }))
  }

  /** So many that have been tried, and were due long before now. */
  async putOff(count: number, laneOf: (at: number) => string): Promise<void> {
    for (let at = 0; at < count; at++) await this.accept(`old${at}`, laneOf(at))
    const jobs = await this.store.queue.claim({ now: NOW, leaseMs: 1000, max: count })
    for (const [at, { token }] of jobs.entries()) {
      const due = NOW - 100_000 + at
      await this.store.queue.settle(token, [{ kind: 'again', row: 0, due, status: '4.4.1', text: 'down' }])
    }
  }

  count(prefix: string): number {
    return [...this.running.keys()].filter(id => id.startsWith(prefix)).length
  }

  async end(): Promise<void> {
    const stopped = this.runner.stop(0)
    for (const finish of this.running.values()) finish()
    await stopped
  }
}

test('old mail that is due at once leaves places for new mail, which goes out although none of the old ends', async t => {
  const slow = new Slow()
  t.after(() => slow.end())
  await slow.putOff(600, at => `${at % 200}.test`)
  slow.runner.start()
  await until(() => slow.count('old') === CONCURRENCY - KEPT)
  await slow.accept('new', 'new.test')
  await until(() => slow.running.has('new'))
  assert.equal(slow.count('old'), CONCURRENCY - KEPT)
})

test('new mail goes before old mail of its own lane', async t => {
  const slow = new Slow()
  t.after(() => slow.end())
  await slow.putOff(50, () => 'one.test')
  slow.runner.start()
  await until(() => slow.count('old') === 2)
  await slow.accept('new', 'one.test')
  slow.running.values().next().value!()
  await until(() => slow.running.has('new'))
  assert.equal(slow.started.indexOf('new'), 2)
})

test('a stream of new mail leaves places for what was put off', async t => {
  const slow = new Slow()
  t.after(() => slow.end())
  for (let at = 0; at < 100; at++) await slow.accept(`new${at}`, `${at}.test`)
  slow.runner.start()
  await until(() => slow.count('new') === CONCURRENCY)
  const later = new Slow()
  t.after(() => later.end())
  await later.putOff(20, at => `old${at}.test`)
  for (let at = 0; at < 100; at++) await later.accept(`new${at}`, `${at}.test`)
  later.runner.start()
  await until(() => later.running.size === CONCURRENCY)
  assert.deepEqual([later.count('old'), later.count('new')], [KEPT, CONCURRENCY - KEPT])
  // Whichever ends, the next of its kind takes the place, for as long as there is one.
  for (let turn = 0; turn < 30; turn++) {
    const [id, finish] = [...later.running][turn % CONCURRENCY]!
    const [started, kind] = [later.started.length, id.slice(0, 3)]
    finish()
    await until(() => later.started.length > started && later.running.size === CONCURRENCY)
    if (turn < 10) assert.ok(later.count(kind) > 0)
    assert.ok(later.count('old') >= Math.min(KEPT, 20 - later.started.filter(one => one.startsWith('old')).length))
  }
})

test('one crowded destination takes no more places than its own, however much of it is due', async t => {
  const slow = new Slow()
  t.after(() => slow.end())
  for (let at = 0; at < 100; at++) await slow.accept(`full${at}`, 'full.test')
  for (let at = 0; at < 6; at++) await slow.accept(`other${at}`, `${at}.test`)
  slow.runner.start()
  await until(() => slow.running.size === CONCURRENCY)
  assert.deepEqual([slow.count('full'), slow.count('other')], [2, 6])
  const { rows } = (await slow.store.queue.get('full50'))!
  assert.equal(rows[0]!.leased, false)
})

test('a runner with a single place serves new mail first, and then the old', async t => {
  const slow = new Slow(1)
  t.after(() => slow.end())
  await slow.putOff(2, at => `${at}.test`)
  await slow.accept('new', 'new.test')
  slow.runner.start()
  for (const id of ['new', 'old0', 'old1']) {
    await until(() => slow.running.has(id))
    slow.running.get(id)!()
  }
})
