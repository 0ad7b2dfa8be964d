/** The contract of the queue towards people and watchers: listing, holding, releasing, dropping, and being told. A part of `queue.ts`. */
import assert from 'node:assert/strict'
import {
  acceptance,
  claim,
  coded,
  contract,
  enqueue,
  message,
  row,
  rowsOf,
  type StoreBackend,
  thatAre,
  until,
} from './backend.js'

export function queueAdminContract(backend: StoreBackend): void {
  contract(backend, 'hold, release, retry and drop change chosen rows, or all, and count them', async bench => {
    const { store, clock } = bench
    await enqueue(store, 'q1', {}, {}, {})
    assert.equal(await store.queue.change('q1', { kind: 'hold', reason: 'wait' }, [0, 1, 99]), 2)
    assert.deepEqual(rowsOf(await claim(bench, { max: 1, leaseMs: 1 })), ['q1:2'])
    clock.time += 1
    assert.equal(await store.queue.change('q1', { kind: 'release' }), 2)
    assert.equal(await store.queue.change('q1', { kind: 'retry', due: clock.time + 1000 }, [1]), 1)
    assert.deepEqual(rowsOf(await claim(bench, { leaseMs: 1 })), ['q1:0,2'])
    clock.time += 1000
    assert.equal(await store.queue.change('q1', { kind: 'drop' }, [0]), 1)
    assert.deepEqual(rowsOf(await claim(bench, { leaseMs: 1 })), ['q1:2,1'])
    clock.time += 1
    assert.equal(await store.queue.change('q1', { kind: 'drop' }), 2)
    assert.equal(await store.queue.get('q1'), undefined)
    assert.deepEqual(await store.queue.totals(), { messages: 0, rows: 0, held: 0 })
  })

  contract(backend, 'a dropped message takes its body along', async ({ store }) => {
    await enqueue(store, 'q1', {})
    const { bodyId } = (await store.queue.get('q1'))!
    await store.queue.change('q1', { kind: 'drop' })
    await assert.rejects(store.blobs.read(bodyId), coded('message-gone'))
  })

  contract(backend, 'leased rows are left alone', async bench => {
    await enqueue(bench.store, 'q1', {}, { lane: 'other.example' })
    await claim(bench, { max: 1 })
    for (const change of [{ kind: 'hold', reason: 'x' }, { kind: 'release' }, { kind: 'drop' }] as const) {
      assert.equal(await bench.store.queue.change('q1', change), 1)
    }
    assert.deepEqual(
      (await bench.store.queue.get('q1'))!.rows.map(({ row }) => row),
      [0],
    )
  })

  const filters: readonly (readonly [Parameters<typeof thatAre>[0], readonly string[]])[] = [
    [{}, ['q1', 'q2', 'q3']],
    [{ id: 'q2' }, ['q2']],
    [{ id: 'unknown' }, []],
    [{ sender: 'SENDER@example.org' }, ['q1', 'q3']],
    [{ sender: '@Example.ORG' }, ['q1', 'q3']],
    [{ sender: '<>' }, ['q2']],
    [{ recipient: 'user1@example.net' }, ['q1']],
    [{ recipient: '@example.net' }, ['q1', 'q2', 'q3']],
    [{ recipient: '@ample.net' }, []],
    [{ target: 'lmtp' }, ['q1']],
    [{ lane: 'example.net' }, ['q1', 'q2', 'q3']],
    [{ held: true }, ['q3']],
    [{ held: false }, ['q1', 'q2']],
    [{ target: 'lmtp', recipient: 'user0@example.net' }, []],
    [{ limit: 2 }, ['q1', 'q2']],
    [{ limit: 1, held: true }, ['q3']],
    [{ limit: 0 }, []],
  ]
  for (const [filter, ids] of filters) {
    contract(
      backend,
      `listing with ${JSON.stringify(filter)} gives ${ids.join(', ') || 'nothing'}`,
      async ({ store }) => {
        await enqueue(store, 'q3', { hold: 'x' })
        await enqueue(store, 'q1', {}, { target: 'lmtp' })
        await store.accept(acceptance('q2', { message: message('q2', { sender: null }), rows: [row(0)] }))
        assert.deepEqual(await listed(store.queue.list(thatAre(filter))), ids)
      },
    )
  }

  contract(backend, 'what is held in a lane is listed once for each message, also while it goes out', async bench => {
    const { store } = bench
    const own = { lane: 'own.test', hold: 'waits' }
    await enqueue(store, 'many', own, { ...own, hold: 'a' }, { ...own, due: 7 }, {}, { ...own, due: 3 })
    await enqueue(store, 'under-way', own)
    await enqueue(store, 'elsewhere', { hold: 'waits' }, { ...own, target: 'lmtp' }, { lane: 'own.test' })
    for (let at = 0; at < 450; at++) await enqueue(store, `q${at}`, { ...own, due: at % 3 })
    const wish = { target: 'mx', lane: 'own.test', held: true } as const
    const all = async () => (await listed(store.queue.list(thatAre(wish)))).sort()
    const ids = ['many', 'under-way', ...Array.from({ length: 450 }, (_, at) => `q${at}`)].sort()
    assert.deepEqual(await all(), ids)
    const claimed = await claim(bench, { only: new Set(['mx/own.test']), held: 'waits', max: 1000 })
    assert.equal(claimed.length, 453)
    assert.deepEqual(await all(), ids)
    assert.equal((await listed(store.queue.list(thatAre({ ...wish, limit: 5 })))).length, 5)
    assert.deepEqual(await listed(store.queue.list(thatAre({ ...wish, recipient: '@nowhere.test' }))), [])
    for (const { token, rows } of claimed)
      await store.queue.settle(
        token,
        rows.map(({ row }) => ({ kind: 'done', row })),
      )
    assert.deepEqual(await all(), ['many'])
  })

  contract(backend, 'a long queue is listed whole and in order', async ({ store }) => {
    const ids = Array.from({ length: 450 }, (_, at) => `q${String(at).padStart(4, '0')}`)
    await Promise.all(ids.map(id => enqueue(store, id, {})))
    assert.deepEqual(await listed(store.queue.list()), ids)
  })

  contract(backend, 'watchers hear of new mail, of rows given back and of changes, until they stop', async bench => {
    const { store } = bench
    let heard = 0
    const stop = store.queue.watch(() => heard++)
    const hears = async (what: () => Promise<unknown>) => {
      const before = heard
      await what()
      await until(() => heard > before)
    }
    await hears(() => enqueue(store, 'q1', {}))
    const [claimed] = await claim(bench)
    await hears(() =>
      store.queue.settle(claimed!.token, [{ kind: 'again', row: 0, due: 1, status: '4.0.0', text: 'x' }]),
    )
    const [again] = await claim(bench)
    await hears(() => store.queue.release(again!.token))
    await hears(() => store.queue.change('q1', { kind: 'hold', reason: 'x' }))
    stop()
    const before = heard
    await enqueue(store, 'q2', {})
    await new Promise(done => setTimeout(done, 50))
    assert.equal(heard, before)
  })

  contract(backend, 'a watcher that throws is logged and disturbs nobody', async bench => {
    let heard = 0
    bench.store.queue.watch(() => {
      throw new Error('watcher trouble')
    })
    bench.store.queue.watch(() => heard++)
    await enqueue(bench.store, 'q1', {})
    await until(() => heard > 0 && bench.warnings.length > 0)
  })
}

async function listed(messages: AsyncIterable<{ readonly id: string }>): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of messages) ids.push(id)
  return ids
}
