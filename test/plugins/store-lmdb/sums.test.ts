/** Numbers that the changes of a commit add to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import { createLmdbStore, FORMAT } from '../../../plugins/store-lmdb/store.js'
import { Sums } from '../../../plugins/store-lmdb/sums.js'
import { freshPath } from './backend.js'

const MAP_BYTES = 1024 ** 2

function rig() {
  const path = freshPath()
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  const db = env.database<number, string>('test')
  const stored = () => db.get('n') ?? 0
  const sums = env.sum(
    new Sums<number>(
      (a, b) => a + b,
      (key, sum) => db.put(key, stored() + sum),
    ),
  )
  const seen: number[] = []
  const add = (value: number, trouble?: Error) =>
    env.write(() => {
      sums.add('n', value)
      seen.push(stored() + (sums.pending('n') ?? 0))
      if (trouble !== undefined) throw trouble
    })
  return { store, add, stored, seen }
}

test('what an undone change has added is forgotten, and its neighbours count once', async t => {
  const { store, add, stored } = rig()
  t.after(() => store.close())
  const results = await Promise.allSettled([add(1), add(10, new Error('trouble')), add(100), add(1000)])
  assert.equal(results.filter(({ status }) => status === 'rejected').length, 1)
  assert.equal(stored(), 1101)
  await Promise.all([add(1), add(1)])
  assert.equal(stored(), 1103, 'nothing of it comes back with the next commit')
})

test('a change sees what those before it have added', async t => {
  const { store, add, seen } = rig()
  t.after(() => store.close())
  await Promise.all([add(1), add(1), add(1)])
  assert.deepEqual(seen, [1, 2, 3])
})

test('what could not be written is forgotten by all, and does not come back with the next commit', async t => {
  const path = freshPath()
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  t.after(() => store.close())
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  const db = env.database<number, string>('test')
  let full = true
  const [first, second] = ['a', 'b'].map(name =>
    env.sum(
      new Sums<number>(
        (a, b) => a + b,
        (_, sum) => {
          if (full) throw new Error('full')
          return db.put(name, sum)
        },
      ),
    ),
  ) as [Sums<number>, Sums<number>]
  const add = (value: number) =>
    env.write(() => {
      first.add('n', value)
      second.add('n', value)
    })
  await assert.rejects(add(1), /full/)
  assert.deepEqual([first.pending('n'), second.pending('n')], [undefined, undefined])
  full = false
  await add(10)
  assert.deepEqual([db.get('a'), db.get('b')], [10, 10])
})
