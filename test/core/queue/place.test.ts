/** Mail that goes out straight from its acceptance: under a lease from the first moment, and never before mail that waits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Claimed, ClaimOptions, NewRow, Outcome, Store, Target } from '../../../core/api/index.js'
import type { Place } from '../../../core/pipeline/parts.js'
import { QueueRunner } from '../../../core/queue/runner.js'
import { quietLog } from '../../../core/testing/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { acceptance, row, until } from '../../contracts/backend.js'

const NOW = Date.UTC(2026, 0, 1)

interface Rig {
  readonly store: Store
  readonly runner: QueueRunner
  /** What every claim gave. */
  readonly claims: (readonly Claimed[])[]
  /** Ids of messages under way, and how to end them. */
  readonly underWay: Map<string, () => void>
  accept(id: string, place: Place | undefined, ...rows: readonly NewRow[]): Promise<readonly Claimed[]>
}

function rig({ concurrency = 8, perLane = 8 } = {}): Rig {
  const store = createMemoryStore({ now: () => NOW })
  const claims: (readonly Claimed[])[] = []
  const claim = store.queue.claim.bind(store.queue)
  store.queue.claim = async (options: ClaimOptions) => {
    const claimed = await claim(options)
    claims.push(claimed)
    return claimed
  }
  const underWay = new Map<string, () => void>()
  const target: Target = {
    scope: 'remote',
    lane: to => to.domain,
    deliver: async job => {
      await new Promise<void>(done => underWay.set(job.id, done))
      underWay.delete(job.id)
      return job.recipients.map((one): Outcome => ({ kind: 'delivered', row: one.row, remote: 'r', reply: '250 ok' }))
    },
  }
  const runner = new QueueRunner({
    store,
    targets: new Map([['mx', target]]),
    plan: async () => undefined,
    pipeline: { gather: async () => [], tell: () => undefined },
    server: { name: 'us.test' },
    schedule: { retryMs: [1000], warnAfterMs: [], concurrency, perLane, leaseMs: 60_000 },
    clock: { now: () => NOW },
    log: quietLog,
    metrics: { count: () => undefined, observe: () => undefined },
  })
  return {
    store,
    runner,
    claims,
    underWay,
    async accept(id, place, ...rows) {
      const jobs = await store.accept(acceptance(id, { rows }), place?.lend)
      place?.begin(jobs)
      return jobs
    },
  }
}

/** Started, and it has found the queue empty. */
async function idle(options: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const made = rig(options)
  made.runner.start()
  await until(() => made.claims.length > 0)
  await new Promise(setImmediate)
  return made
}

async function endAll({ underWay, store }: Rig): Promise<void> {
  await until(async () => {
    for (const end of underWay.values()) end()
    return (await store.queue.totals()).messages === 0
  })
}

const to = (lane: string, more: Partial<NewRow> = {}) => row(0, { lane, due: NOW, ...more })

test('mail with a place goes out without a claim, and is settled', async () => {
  const here = await idle()
  const rows = [to('a.example')]
  assert.equal((await here.accept('q1', await here.runner.place(rows), ...rows)).length, 1)
  await until(() => here.underWay.has('q1'))
  await endAll(here)
  assert.ok(here.claims.every(claimed => claimed.length === 0))
  await here.runner.stop()
})

test('no place before mail that waits, until the queue was found empty', async () => {
  const here = rig()
  await here.accept('old', undefined, to('b.example'))
  assert.equal(await here.runner.place([to('a.example')]), undefined)
  here.runner.start()
  assert.equal(await here.runner.place([to('a.example')]), undefined)
  await until(() => here.claims.at(-1)?.length === 0)
  await new Promise(setImmediate)
  const place = await here.runner.place([to('a.example')])
  assert.ok(place)
  place.begin([])
  await endAll(here)
  await here.runner.stop()
})

test('no place in a lane that is full, nor in those kept for mail that was tried', async () => {
  const here = await idle({ concurrency: 4, perLane: 2 })
  const places = await Promise.all(Array.from({ length: 5 }, (_, n) => here.runner.place([to(`${n}.example`)])))
  assert.deepEqual(
    places.map(place => place !== undefined),
    [true, true, true, true, false],
    'as many are promised as there are',
  )
  for (const place of places) place?.begin([])
  for (const id of ['q1', 'q2']) await here.accept(id, await here.runner.place([to('a.example')]), to('a.example'))
  await until(() => here.underWay.size === 2)
  assert.equal(await here.runner.place([to('a.example')]), undefined)
  await here.accept('q3', await here.runner.place([to('b.example')]), to('b.example'))
  await until(() => here.underWay.size === 3)
  assert.equal(await here.runner.place([to('c.example')]), undefined, 'a quarter is kept')
  await endAll(here)
  await here.runner.stop()
})

test('no place for what is held, not due, or goes to several lanes; nor when the server drains', async () => {
  const here = await idle()
  for (const rows of [
    [],
    [to('a.example', { hold: 'why' })],
    [to('a.example', { due: NOW + 1 })],
    [to('a.example'), to('b.example')],
  ])
    assert.equal(await here.runner.place(rows), undefined)
  const place = await here.runner.place([to('a.example')])
  const stopped = here.runner.stop()
  await here.accept('q1', place, to('a.example'))
  await stopped
  assert.equal((await here.store.queue.get('q1'))!.rows[0]!.leased, false, 'given back')
  assert.equal(await here.runner.place([to('a.example')]), undefined)
})

test('mail that found no place is claimed when one is free', async () => {
  const here = await idle({ concurrency: 1, perLane: 1 })
  await here.accept('q1', await here.runner.place([to('a.example')]), to('a.example'))
  assert.equal(await here.runner.place([to('b.example')]), undefined)
  await here.accept('q2', undefined, to('b.example'))
  await until(() => here.underWay.has('q1'))
  here.underWay.get('q1')!()
  await until(() => here.underWay.has('q2'))
  await endAll(here)
  await here.runner.stop()
})

test('mail waits a moment for a place that is about to come free', async () => {
  const here = await idle({ concurrency: 1, perLane: 1 })
  await here.accept('q1', await here.runner.place([to('a.example')]), to('a.example'))
  await until(() => here.underWay.has('q1'))
  const waiting = here.runner.place([to('a.example')])
  assert.ok(waiting instanceof Promise)
  here.underWay.get('q1')!()
  const place = await waiting
  assert.ok(place)
  const claims = here.claims.length
  await here.accept('q2', place, to('a.example'))
  await until(() => here.underWay.has('q2'))
  assert.ok(here.claims.slice(claims).every(claimed => claimed.length === 0))
  await endAll(here)
  await here.runner.stop()
})

test('a place is free as soon as all is delivered, while that is written down', async () => {
  const here = await idle({ concurrency: 1, perLane: 1 })
  const settle = here.store.queue.settle.bind(here.store.queue)
  let written: () => void = () => undefined
  here.store.queue.settle = async (...said) => {
    await new Promise<void>(done => {
      written = done
    })
    await settle(...said)
  }
  await here.accept('q1', await here.runner.place([to('a.example')]), to('a.example'))
  await here.accept('q2', undefined, to('a.example'))
  await until(() => here.underWay.has('q1'))
  here.underWay.get('q1')!()
  await until(() => here.underWay.has('q2'))
  assert.ok(await here.store.queue.get('q1'), 'not settled yet')
  here.underWay.get('q2')!()
  await until(async () => {
    written()
    return (await here.store.queue.totals()).messages === 0
  })
  await here.runner.stop()
})
