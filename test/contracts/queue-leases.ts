/** The contract of leases: they run out, are renewed and given back, and only who has one changes its rows. */
import assert from 'node:assert/strict'
import type { RowChange } from '../../core/api/index.js'
import { claim, coded, contract, enqueue, row, rowsOf, type StoreBackend } from './backend.js'

export function queueLeasesContract(backend: StoreBackend): void {
  contract(
    backend,
    'a lease that has run out gives its rows back, unchanged, and its token is worth nothing',
    async bench => {
      const { store, clock } = bench
      await enqueue(store, 'q1', {}, {})
      const [first] = await claim(bench, { leaseMs: 1000 })
      clock.time += 999
      assert.deepEqual(await claim(bench), [])
      clock.time += 1
      assert.equal((await store.queue.get('q1'))!.rows[0]!.leased, false)
      const [second] = await claim(bench)
      assert.deepEqual(second!.rows, first!.rows)
      assert.notEqual(second!.token, first!.token)
      assert.equal(await store.queue.renew(first!.token, clock.time + 5000), false)
      await assert.rejects(store.queue.settle(first!.token, [{ kind: 'done', row: 0 }]), coded('lease-lost'))
      assert.equal((await store.queue.get('q1'))!.rows.length, 2)
      await store.queue.settle(second!.token, [{ kind: 'done', row: 0 }])
      assert.deepEqual(
        (await store.queue.get('q1'))!.rows.map(({ row }) => row),
        [1],
      )
    },
  )

  contract(backend, 'a renewed lease lasts until its new end', async bench => {
    const { store, clock } = bench
    await enqueue(store, 'q1', {})
    const [claimed] = await claim(bench, { leaseMs: 1000 })
    assert.equal(await store.queue.renew(claimed!.token, clock.time + 3000), true)
    clock.time += 2999
    assert.deepEqual(await claim(bench), [])
    clock.time += 1
    assert.equal((await claim(bench)).length, 1)
  })

  contract(backend, 'release gives rows back at once and unchanged; an unknown token is nothing', async bench => {
    const { store } = bench
    await enqueue(store, 'q1', {})
    const [claimed] = await claim(bench)
    await store.queue.release('unknown')
    await store.queue.release(claimed!.token)
    assert.deepEqual((await store.queue.get('q1'))!.rows[0], { ...row(0), tries: 0, leased: false })
    assert.equal(await store.queue.renew(claimed!.token, 1), false)
    await assert.rejects(store.queue.settle(claimed!.token, []), coded('lease-lost'))
    assert.equal((await claim(bench)).length, 1)
  })

  contract(
    backend,
    'settling counts tries, notes what was said, and gives back what it does not mention',
    async bench => {
      const { store, clock } = bench
      await enqueue(store, 'q1', {}, {}, {}, {})
      const [claimed] = await claim(bench)
      await store.queue.settle(claimed!.token, [
        { kind: 'done', row: 0 },
        {
          kind: 'again',
          row: 1,
          due: clock.time + 50,
          status: '4.4.1',
          text: 'no answer',
          remote: 'mx.example',
          warned: true,
        },
        { kind: 'hold', row: 2, reason: 'by hand' },
      ])
      const { rows } = (await store.queue.get('q1'))!
      const last = { at: clock.time, status: '4.4.1', text: 'no answer', remote: 'mx.example' }
      assert.deepEqual(rows, [
        { ...row(1, { due: clock.time + 50 }), tries: 1, last, warned: true, leased: false },
        { ...row(2, { hold: 'by hand' }), tries: 0, leased: false },
        { ...row(3), tries: 0, leased: false },
      ])
      assert.deepEqual(rowsOf(await claim(bench)), ['q1:3'])
      assert.equal((await store.queue.totals()).held, 1)
    },
  )

  contract(
    backend,
    'what was put off without an attempt keeps its count and last words, and says why it waits',
    async bench => {
      const { store, clock } = bench
      await enqueue(store, 'q1', {})
      const settle = async (change: Omit<Extract<RowChange, { kind: 'again' }>, 'kind' | 'row' | 'due'>) => {
        const [claimed] = await claim(bench)
        await store.queue.settle(claimed!.token, [{ kind: 'again', row: 0, due: clock.time, ...change }])
        return (await store.queue.get('q1'))!.rows[0]!
      }
      const fresh = await settle({ status: '4.4.5', text: 'a limit', untried: true })
      const since = clock.time
      const wait = { since, at: since, status: '4.4.5', text: 'a limit' }
      assert.deepEqual(fresh, { ...row(0, { due: clock.time }), tries: 0, wait, leased: false })
      const [still] = await claim(bench, { mostTried: 0 })
      assert.equal(still?.message.id, 'q1', 'it is as new as before')
      await store.queue.release(still!.token)
      const tried = await settle({ status: '4.2.0', text: 'not now' })
      assert.deepEqual([tried.tries, tried.last?.text, tried.wait], [1, 'not now', undefined])
      const first = clock.time
      for (const text of ['a limit', 'another']) {
        clock.time += 1000
        await settle({ status: '4.4.5', text, untried: true, class: 'rate-limited', warned: true })
      }
      const [only] = (await store.queue.get('q1'))!.rows
      assert.deepEqual([only!.tries, only!.last, only!.warned], [1, tried.last, true])
      const said = { status: '4.4.5', text: 'another', class: 'rate-limited' }
      assert.deepEqual(only!.wait, { since: first + 1000, at: clock.time, ...said })
    },
  )

  contract(backend, 'a warning once given is remembered over later tries', async bench => {
    const { store, clock } = bench
    await enqueue(store, 'q1', {})
    for (const warned of [true, undefined]) {
      const [claimed] = await claim(bench)
      const more = warned === undefined ? {} : { warned }
      await store.queue.settle(claimed!.token, [
        { kind: 'again', row: 0, due: clock.time, status: '4.0.0', text: 'later', ...more },
      ])
    }
    const [only] = (await store.queue.get('q1'))!.rows
    assert.deepEqual([only!.tries, only!.warned], [2, true])
  })

  contract(backend, 'a change of a row that is not under the lease is refused and nothing is changed', async bench => {
    const { store } = bench
    await enqueue(store, 'q1', {}, { lane: 'other.example' })
    const [claimed] = await claim(bench, { max: 1 })
    await assert.rejects(
      store.queue.settle(claimed!.token, [
        { kind: 'done', row: 0 },
        { kind: 'done', row: 1 },
      ]),
    )
    assert.equal((await store.queue.get('q1'))!.rows.length, 2)
    assert.equal(await store.queue.renew(claimed!.token, bench.clock.time + 1000), true)
  })
}
