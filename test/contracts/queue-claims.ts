/** The contract of who goes first, and of who is not forgotten for it: never tried and tried, lane beside lane. A part of `queue.ts`. */
import assert from 'node:assert/strict'
import type { NewRow } from '../../core/api/index.js'
import { type Bench, claim, contract, enqueue, rowsOf, type StoreBackend } from './backend.js'

const AGAIN = { kind: 'again', status: '4.0.0', text: 'later' } as const

/** A message of one row that has been tried, in a lane named after it, and is due again at `due`. */
async function tried(
  bench: Bench,
  id: string,
  due: number,
  more: Pick<Partial<NewRow>, 'priority'> = {},
): Promise<void> {
  await enqueue(bench.store, id, { ...more, due: 0, lane: `first.${id}` })
  const [job] = await claim(bench, { only: new Set([`mx/first.${id}`]) })
  await bench.store.queue.settle(job!.token, [{ ...AGAIN, row: 0, due }])
}

export function queueClaimsContract(backend: StoreBackend): void {
  contract(
    backend,
    'what was never tried goes before what was, at one priority and whatever their due times',
    async bench => {
      await tried(bench, 'old', 10)
      await tried(bench, 'older', 5)
      await tried(bench, 'urgent', 20, { priority: 1 })
      await enqueue(bench.store, 'new', { due: 900, lane: 'first.new' })
      await enqueue(bench.store, 'newer', { due: 950, lane: 'first.old' })
      await enqueue(bench.store, 'slow', { due: 1, priority: -1, lane: 'first.slow' })
      assert.deepEqual(rowsOf(await claim(bench)), ['urgent:0', 'new:0', 'newer:0', 'older:0', 'old:0', 'slow:0'])
    },
  )

  contract(backend, 'new mail of a lane goes before the old of the same lane', async bench => {
    for (const id of ['a', 'b', 'c']) await enqueue(bench.store, id, { due: 1 })
    for (const { token } of await claim(bench)) await bench.store.queue.settle(token, [{ ...AGAIN, row: 0, due: 2 }])
    await enqueue(bench.store, 'new', { due: 900 })
    assert.deepEqual(rowsOf(await claim(bench, { max: 1 })), ['new:0'])
    assert.deepEqual(rowsOf(await claim(bench)).sort(), ['a:0', 'b:0', 'c:0'])
  })

  contract(
    backend,
    'rows of one message go together whether they were tried or not, the untried first',
    async bench => {
      const { store } = bench
      await enqueue(store, 'q1', { due: 1 }, { due: 900 })
      const [job] = await claim(bench, { now: 500 })
      await store.queue.settle(job!.token, [{ ...AGAIN, row: 0, due: 2 }])
      assert.deepEqual(rowsOf(await claim(bench)), ['q1:1,0'])
    },
  )

  contract(backend, 'a row that was redirected is as if never tried', async bench => {
    await tried(bench, 'old', 10)
    await tried(bench, 'moved', 20)
    const to = { local: 'x', domain: 'example.com' }
    await bench.store.queue.change('moved', { kind: 'redirect', to, target: 'mx', lane: 'example.com', detail: {} })
    assert.deepEqual(rowsOf(await claim(bench, { mostTried: 0 })), ['moved:0'])
    assert.deepEqual(rowsOf(await claim(bench)), ['old:0'])
  })

  for (const [most, least, expected] of [
    [0, 0, ['n1', 'n2', 'n3']],
    [1, 0, ['n1', 'n2', 'n3', 't1']],
    [5, 0, ['n1', 'n2', 'n3', 't1']],
    [5, 1, ['n1', 'n2', 'n3', 't1']],
    [5, 3, ['n1', 't1', 't2', 't3']],
    [5, 9, ['t1', 't2', 't3', 'n1']],
    [2, 9, ['n1', 'n2', 't1', 't2']],
  ] as const) {
    contract(
      backend,
      `of four jobs at most ${most} that were tried, and places kept for ${least}: ${expected.join(' ')}`,
      async bench => {
        for (const [at, id] of ['t1', 't2', 't3'].entries()) await tried(bench, id, at)
        for (const [at, id] of ['n1', 'n2', 'n3'].entries())
          await enqueue(bench.store, id, { due: 100 + at, lane: `${id}.test` })
        const jobs = await claim(bench, { max: 4, mostTried: most, leastTried: least })
        assert.deepEqual(
          jobs.map(({ message }) => message.id),
          expected,
        )
      },
    )
  }

  contract(backend, 'shares hold over lanes named in `only` too', async bench => {
    await tried(bench, 't1', 1)
    await tried(bench, 't2', 2)
    await enqueue(bench.store, 'n1', { lane: 'n1.test' })
    const only = new Set(['mx/first.t1', 'mx/first.t2', 'mx/n1.test'])
    assert.deepEqual(rowsOf(await claim(bench, { only, mostTried: 1, leastTried: 1 })), ['n1:0', 't1:0'])
  })

  contract(backend, 'a claim takes no more jobs of one lane than it is told, and others in their turn', async bench => {
    const { store } = bench
    for (let at = 0; at < 50; at++) await enqueue(store, `full${at}`, { due: 1, lane: 'full.test' })
    for (let at = 0; at < 5; at++) await enqueue(store, `some${at}`, { due: 2 + at, lane: `${at % 2}.test` })
    await enqueue(store, 'far', { due: 9, lane: 'full.test', target: 'lmtp' })
    const lanes = (await claim(bench, { perLane: 2 })).map(({ rows }) => `${rows[0]!.target}/${rows[0]!.lane}`)
    assert.deepEqual(lanes, [
      'mx/full.test',
      'mx/full.test',
      'mx/0.test',
      'mx/1.test',
      'mx/0.test',
      'mx/1.test',
      'lmtp/full.test',
    ])
    assert.equal((await claim(bench, { perLane: 3, only: new Set(['mx/full.test']) })).length, 3)
    assert.equal((await claim(bench)).length, 46)
  })

  contract(
    backend,
    'with one job to take, lanes that are due for longer come first and none is left out',
    async bench => {
      const { store } = bench
      for (let at = 0; at < 12; at++) await enqueue(store, `q${at}`, { due: at, lane: `${at % 3}.test` })
      const busy = new Set<string>()
      const seen: string[] = []
      for (let turn = 0; turn < 3; turn++) {
        const [job] = await claim(bench, { max: 1, perLane: 1, except: busy })
        seen.push(job!.message.id)
        busy.add(`mx/${job!.rows[0]!.lane}`)
      }
      assert.deepEqual(seen, ['q0', 'q1', 'q2'])
    },
  )

  contract(backend, 'rows with a verdict and rows without never share a job', async bench => {
    const { store } = bench
    await enqueue(store, 'q1', {}, {}, {})
    const verdict = { status: '5.7.1', text: 'not wanted', expired: false }
    assert.equal(await store.queue.change('q1', { kind: 'fail', verdict }, [1]), 1)
    const jobs = await claim(bench)
    assert.deepEqual(rowsOf(jobs).sort(), ['q1:0,2', 'q1:1'])
    for (const { rows } of jobs)
      assert.ok(rows.every(({ row, verdict: found }) => (row === 1) === (found !== undefined)))
  })

  contract(backend, 'a failed row is free, due at once and keeps its verdict until it is settled', async bench => {
    const { store, clock } = bench
    await enqueue(store, 'q1', { hold: 'quarantine', due: clock.time + 1e6 })
    const verdict = { status: '5.4.7', text: 'given up by hand', expired: true }
    assert.equal(await store.queue.change('q1', { kind: 'fail', verdict }), 1)
    const [job] = await claim(bench)
    const { hold, verdict: found } = job!.rows[0]!
    assert.deepEqual([hold, found], [undefined, verdict])
    await store.queue.settle(job!.token, [{ ...AGAIN, row: 0, due: clock.time + 5 }])
    assert.deepEqual(await claim(bench), [])
    clock.time += 5
    const [later] = await claim(bench)
    assert.deepEqual([later!.rows[0]!.verdict, later!.rows[0]!.tries], [verdict, 1])
    await store.queue.release(later!.token)
    await store.queue.change('q1', { kind: 'hold', reason: 'wait' })
    assert.deepEqual(await claim(bench), [])
    assert.deepEqual((await store.queue.get('q1'))!.rows[0]!.verdict, verdict)
  })
}
