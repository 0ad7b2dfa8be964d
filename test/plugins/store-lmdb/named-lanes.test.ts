/** Claims from lanes that are named, and from all but some: they may not look at every lane for every job, nor write when there is nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Environment } from '../../../plugins/store-lmdb/environment.js'
import { ReadyIndex } from '../../../plugins/store-lmdb/ready.js'
import { createLmdbStore } from '../../../plugins/store-lmdb/store.js'
import { enqueue } from '../../contracts/backend.js'
import { freshPath } from './backend.js'

const LANES = 60
const EACH = 3

test('each lane that is named is looked at once for each rank, and again for what is taken from it', async t => {
  const store = createLmdbStore({ path: freshPath(), mapBytes: 16 * 1024 ** 2 })
  t.after(() => store.close())
  const names = Array.from({ length: LANES }, (_, at) => `${at}.test`)
  for (let at = 0; at < EACH; at += 1)
    for (const [n, lane] of names.entries()) await enqueue(store, `q${at}-${n}`, { lane, due: at * LANES + n })
  const looked = t.mock.method(ReadyIndex.prototype, 'first')
  const only = new Set(names.toReversed().map(name => `mx/${name}`))
  const claimed = await store.queue.claim({ now: 10_000, leaseMs: 60_000, max: 2 * LANES, only, perLane: 2 })
  assert.deepEqual(
    claimed.map(({ rows }) => rows[0]!.lane),
    [...names, ...names],
    'by the time at which they were due',
  )
  const looks = looked.mock.callCount()
  // Of a job: its lane twice, and the index around its row.
  assert.ok(looks <= LANES + 10 * claimed.length, `${looks} looks`)
})

test('a claim that may take from none of the lanes that are due writes nothing', async t => {
  const store = createLmdbStore({ path: freshPath(), mapBytes: 16 * 1024 ** 2 })
  t.after(() => store.close())
  const names = Array.from({ length: LANES }, (_, n) => `${n}.test`)
  for (const [n, lane] of names.entries()) await enqueue(store, `q${n}`, { lane })
  const except = new Set(names.map(name => `mx/${name}`))
  const writes = t.mock.method(Environment.prototype, 'write')
  assert.deepEqual(await store.queue.claim({ now: 10_000, leaseMs: 60_000, max: 9, leastTried: 2, except }), [])
  assert.equal(writes.mock.callCount(), 0)
  except.delete('mx/59.test')
  const claimed = await store.queue.claim({ now: 10_000, leaseMs: 60_000, max: 9, leastTried: 2, except })
  assert.deepEqual(
    claimed.map(({ rows }) => rows[0]!.lane),
    ['59.test'],
  )
})
