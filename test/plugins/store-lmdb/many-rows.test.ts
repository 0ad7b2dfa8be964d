/** One message for very many recipients: each is claimed once, in jobs of a hundred, and others have their turn in between. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Claimed } from '../../../core/api/index.js'
import { createLmdbStore } from '../../../plugins/store-lmdb/store.js'
import { acceptance, enqueue, row } from '../../contracts/backend.js'
import { freshPath } from './backend.js'

const ROWS = 3000

test('every recipient of a message for thousands is claimed once, by lane, and none that is held or not due', async t => {
  const store = createLmdbStore({ path: freshPath(), mapBytes: 1024 ** 2 })
  t.after(() => store.close())
  const rows = Array.from({ length: ROWS }, (_, number) =>
    row(number, {
      lane: number % 3 === 0 ? 'a.test' : 'b.test',
      ...(number % 10 === 1 ? { hold: 'wait' } : {}),
      ...(number % 10 === 2 ? { due: 5000 } : {}),
      ...(number % 10 === 3 ? { priority: 4 } : {}),
    }),
  )
  await store.accept(acceptance('q1', { rows }))
  await enqueue(store, 'q2', { lane: 'b.test', due: 1 })
  const seen = new Map<number, number>()
  const jobs: Claimed[] = []
  for (;;) {
    const claimed = await store.queue.claim({ now: 1000, leaseMs: 60_000, max: 7 })
    if (claimed.length === 0) break
    jobs.push(...claimed)
  }
  for (const { message, rows: taken } of jobs) {
    assert.ok(taken.length <= 100)
    assert.equal(new Set(taken.map(({ lane }) => lane)).size, 1)
    if (message.id === 'q1') for (const { row: number } of taken) seen.set(number, (seen.get(number) ?? 0) + 1)
  }
  const wished = rows.filter(({ hold, due }) => hold === undefined && due === 0).map(one => one.row)
  assert.deepEqual(
    [...seen.keys()].sort((a, b) => a - b),
    wished,
  )
  assert.ok([...seen.values()].every(times => times === 1))
  assert.ok(jobs.some(({ message }) => message.id === 'q2'))
  assert.ok(jobs.length < ROWS / 50, `${jobs.length} jobs`)
})
