/** The contract of counting: the shape of the queue, and the audit that nobody is forgotten. A part of `queue.ts`. */
import assert from 'node:assert/strict'
import type { QueueShape } from '../../core/api/index.js'
import { acceptance, type Bench, claim, contract, enqueue, message, row, type StoreBackend } from './backend.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const EDGES = [HOUR, 24 * HOUR]

function shape({ store, clock }: Bench, most = 100): Promise<QueueShape> {
  return store.queue.shape({ now: clock.time, edges: EDGES, most })
}

/** `target/lane rows held [ages]`, the fullest first, and all of them. */
async function told(bench: Bench): Promise<string[]> {
  const { lanes, count, ages } = await shape(bench)
  assert.equal(count, lanes.length)
  const lines = lanes.map(one => `${one.target}/${one.lane} ${one.rows} ${one.held} ${one.ages.join('-')}`)
  return [...lines, ages.join('-')]
}

async function put(
  bench: Bench,
  id: string,
  age: number,
  ...rows: readonly Parameters<typeof row>[1][]
): Promise<void> {
  const one = message(id, { received: bench.clock.time - age })
  await bench.store.accept(acceptance(id, { message: one, rows: rows.map((more, at) => row(at, more)) }))
}

export function queueShapeContract(backend: StoreBackend): void {
  contract(backend, 'an empty queue has no lanes', async bench => {
    assert.deepEqual(await shape(bench), { lanes: [], count: 0, ages: [0, 0, 0] })
    assert.deepEqual(await bench.store.queue.audit(bench.clock.time), { rows: 0, adrift: 0, broken: 0 })
    assert.deepEqual(await bench.store.queue.broken(), [])
  })

  contract(backend, 'rows are counted by lane, hold and age, the fullest lane first', async bench => {
    await put(bench, 'q1', 10 * MINUTE, { lane: 'a.test' }, { lane: 'b.test' })
    await put(
      bench,
      'q2',
      5 * HOUR,
      { lane: 'b.test', hold: 'x' },
      { lane: 'b.test' },
      { lane: 'b.test', target: 'lmtp' },
    )
    await put(bench, 'q3', 50 * HOUR, { lane: 'b.test' }, { lane: 'c.test' }, { lane: 'c.test', hold: 'x' })
    assert.deepEqual(await told(bench), [
      'mx/b.test 4 1 1-2-1',
      'mx/c.test 2 1 0-0-2',
      ...['lmtp/b.test 1 0 0-1-0', 'mx/a.test 1 0 1-0-0'],
      '2-3-3',
    ])
    const { lanes, count } = await shape(bench, 1)
    assert.deepEqual([lanes.length, count], [1, 4])
    const off = bench.clock.time - 50 * HOUR - lanes[0]!.oldest
    assert.ok(off >= 0 && off < MINUTE, `the oldest is off by ${off} ms`)
  })

  contract(backend, 'an age counts in the first group whose edge it does not reach', async bench => {
    bench.clock.time = Math.ceil(bench.clock.time / MINUTE) * MINUTE
    await put(bench, 'q1', HOUR, {})
    await put(bench, 'q2', HOUR - 2 * MINUTE, {})
    assert.deepEqual((await shape(bench)).ages, [1, 1, 0])
    assert.deepEqual((await bench.store.queue.shape({ now: bench.clock.time, edges: [], most: 9 })).ages, [2])
    bench.clock.time += 2 * MINUTE
    assert.deepEqual((await shape(bench)).ages, [0, 2, 0])
  })

  contract(backend, 'the shape follows every change of a row, and forgets lanes that are empty', async bench => {
    const { store, clock } = bench
    await put(bench, 'q1', 0, { lane: 'a.test' }, { lane: 'a.test', hold: 'x' }, { lane: 'b.test' })
    const only = new Set(['mx/a.test'])
    const [job] = await claim(bench, { only, held: 'x' })
    assert.equal(job!.rows.length, 2)
    assert.deepEqual(await told(bench), ['mx/a.test 2 1 2-0-0', 'mx/b.test 1 0 1-0-0', '3-0-0'])
    await store.queue.release(job!.token)
    assert.deepEqual(await told(bench), ['mx/a.test 2 1 2-0-0', 'mx/b.test 1 0 1-0-0', '3-0-0'])
    const steps: readonly (readonly [() => Promise<unknown>, readonly string[]])[] = [
      [() => store.queue.change('q1', { kind: 'hold', reason: 'y' }), ['mx/a.test 2 2 2-0-0', 'mx/b.test 1 1 1-0-0']],
      [() => store.queue.change('q1', { kind: 'hold', reason: 'z' }), ['mx/a.test 2 2 2-0-0', 'mx/b.test 1 1 1-0-0']],
      [() => store.queue.change('q1', { kind: 'release' }, [1, 2]), ['mx/a.test 2 1 2-0-0', 'mx/b.test 1 0 1-0-0']],
      [() => store.queue.change('q1', { kind: 'retry', due: 1 }), ['mx/a.test 2 1 2-0-0', 'mx/b.test 1 0 1-0-0']],
      [() => redirect(bench, 0, 'b.test'), ['mx/b.test 2 0 2-0-0', 'mx/a.test 1 0 1-0-0']],
      [() => fail(bench, 1), ['mx/b.test 2 0 2-0-0', 'mx/a.test 1 0 1-0-0']],
      [() => settleOne(bench, 'a.test'), ['mx/b.test 2 0 2-0-0']],
      [() => store.queue.change('q1', { kind: 'drop' }, [2]), ['mx/b.test 1 0 1-0-0']],
      [() => settleOne(bench, 'b.test'), []],
    ]
    for (const [step, lanes] of steps) {
      await step()
      assert.deepEqual((await told(bench)).slice(0, -1), lanes)
      assert.equal((await store.queue.audit(clock.time)).adrift, 0)
    }
    assert.deepEqual((await shape(bench)).ages, [0, 0, 0])
  })

  contract(backend, 'settling with a hold counts as held, and a later try keeps its age', async bench => {
    await put(bench, 'q1', 2 * HOUR, {}, {})
    const [job] = await claim(bench)
    const again = { kind: 'again', row: 1, due: bench.clock.time, status: '4.0.0', text: 'later' } as const
    await bench.store.queue.settle(job!.token, [{ kind: 'hold', row: 0, reason: 'x' }, again])
    assert.deepEqual(await told(bench), ['mx/example.net 2 1 0-2-0', '0-2-0'])
  })

  contract(backend, 'a lane of any name is told by its name', async bench => {
    const lanes = ['x'.repeat(1500), 'a/b', 'nul\0', '']
    for (const [at, lane] of lanes.entries()) await enqueue(bench.store, `q${at}`, { lane })
    assert.deepEqual((await shape(bench)).lanes.map(({ lane }) => lane).sort(), [...lanes].sort())
  })

  contract(backend, 'the audit counts rows, and tells since when the one is due that waits longest', async bench => {
    const { store, clock } = bench
    await enqueue(store, 'q1', { due: clock.time + 1 }, { due: 5, hold: 'x' })
    assert.deepEqual(await store.queue.audit(clock.time), { rows: 2, adrift: 0, broken: 0 })
    await enqueue(store, 'q2', { due: 300 }, { due: 200, lane: 'b.test' })
    const expected = { rows: 4, adrift: 0, broken: 0 }
    assert.deepEqual(await store.queue.audit(clock.time), { ...expected, oldestDue: 200 })
    const [job] = await claim(bench, { only: new Set(['mx/b.test']) })
    assert.deepEqual(await store.queue.audit(clock.time), { ...expected, oldestDue: 300 })
    await store.queue.release(job!.token)
    assert.deepEqual(await store.queue.audit(200), expected)
    assert.deepEqual(await store.queue.audit(201), { ...expected, oldestDue: 200 })
  })
}

function redirect({ store }: Bench, number: number, lane: string): Promise<number> {
  const change = { kind: 'redirect', to: { local: 'x', domain: lane }, target: 'mx', lane, detail: {} } as const
  return store.queue.change('q1', change, [number])
}

function fail({ store }: Bench, number: number): Promise<number> {
  const verdict = { status: '5.0.0', text: 'no', expired: false }
  return store.queue.change('q1', { kind: 'fail', verdict }, [number])
}

async function settleOne(bench: Bench, lane: string): Promise<void> {
  const [job] = await claim(bench, { only: new Set([`mx/${lane}`]), max: 1 })
  await bench.store.queue.settle(job!.token, [{ kind: 'done', row: job!.rows[0]!.row }])
}
