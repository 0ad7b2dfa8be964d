/** The index of held rows: what a claim of them reads, and how data gets it that was written without. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from 'lmdb'
import type { Environment } from '../../../plugins/store-lmdb/environment.js'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import { createLmdbStore, FORMAT } from '../../../plugins/store-lmdb/store.js'
import { acceptance, enqueue, row, rowsOf, thatAre } from '../../contracts/backend.js'
import { freshPath } from './backend.js'

const MAP_BYTES = 1024 ** 2
const NOW = Date.UTC(2030, 0, 1)
const CLAIM = { now: NOW, leaseMs: 60_000, max: 5, only: new Set(['mx/own.test']), held: 'waits' }

function opened() {
  const path = freshPath()
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES, now: () => NOW })
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  return { path, store, env }
}

/** Counts every key and value that is read of the queue; lmdb-js gives one object per database, so this sees the store's own reads. */
function countReads(env: Environment): { total: number } {
  const reads = { total: 0 }
  for (const name of ['messages', 'rows', 'ready', 'heads', 'held', 'leases', 'expiry']) {
    const db = env.database(name) as Database<unknown, never> & Record<string, unknown>
    for (const single of ['get', 'doesExist'] as const) {
      const real = db[single].bind(db) as (...args: unknown[]) => unknown
      Object.assign(db, {
        [single]: (...args: unknown[]) => {
          reads.total += 1
          return real(...args)
        },
      })
    }
    for (const many of ['getKeys', 'getRange'] as const) {
      const real = db[many].bind(db) as (...args: unknown[]) => Iterable<unknown>
      Object.assign(db, {
        [many]: (...args: unknown[]) => ({
          *[Symbol.iterator]() {
            reads.total += 1
            for (const one of real(...args)) {
              reads.total += 1
              yield one
            }
          },
        }),
      })
    }
  }
  return reads
}

/** Reads of one look and one claim of five held jobs, with so much other mail of each kind in the queue. */
async function readsBeside(others: number): Promise<{ readonly list: number; readonly claim: number }> {
  const { store, env } = opened()
  const held = { lane: 'own.test', hold: 'waits' }
  const one = (at: number) => [
    enqueue(store, `a${at}`, { due: at }),
    enqueue(store, `b${at}`, { lane: `${at}.test`, due: NOW + 1 }),
    enqueue(store, `c${at}`, { hold: 'waits', lane: 'else.test' }),
    enqueue(store, `d${at}`, { hold: 'quarantine', lane: 'own.test', due: at }),
    enqueue(store, `e${at}`, { ...held, due: NOW + 1 + at }),
    enqueue(store, `f${at}`, { lane: 'own.test', due: NOW + 1 + at }),
  ]
  await Promise.all(Array.from({ length: others }, (_, at) => one(at)).flat())
  await Promise.all(Array.from({ length: 9 }, (_, at) => enqueue(store, `g${at}`, held, held)))
  const reads = countReads(env)
  assert.equal((await store.queue.claim({ ...CLAIM, only: new Set(['mx/nobody.test']) })).length, 0)
  const list = reads.total
  reads.total = 0
  assert.equal((await store.queue.claim(CLAIM)).length, 5)
  const claim = reads.total
  await store.close()
  return { list, claim }
}

test('a claim of held rows reads the same in a short queue and in a long one', async () => {
  const [few, many] = [await readsBeside(10), await readsBeside(400)]
  assert.deepEqual(many, few)
  assert.ok(many.claim > 5 && many.claim < 150, `${many.claim} reads for 5 jobs of 2 rows`)
})

test('the first look at a lane reads no more of it than it is asked for', async () => {
  const { store, env } = opened()
  await Promise.all(
    Array.from({ length: 1000 }, (_, at) => enqueue(store, `q${at}`, { lane: 'own.test', hold: 'waits' })),
  )
  const reads = countReads(env)
  for await (const _ of store.queue.list(thatAre({ target: 'mx', lane: 'own.test', held: true }))) break
  // One step of keys, which lmdb-js reads by way of another range and so counts twice; all would be thousands.
  assert.ok(reads.total < 500, `${reads.total} reads`)
  await store.close()
})

/** What a version without the index leaves behind. */
async function asBefore(env: Environment, change: () => void = () => undefined): Promise<void> {
  const totals = env.database<Record<string, unknown>, string>('totals')
  const held = env.database<number, never>('held')
  await env.write(() => {
    const { indexes: _, ...known } = totals.get('queue')!
    totals.put('queue', known)
    for (const key of held.getKeys()) held.remove(key)
    change()
  })
}

test('data of a version without the index gets it when it is opened', async () => {
  const { path, store, env } = opened()
  await enqueue(store, 'q1', { lane: 'own.test', hold: 'waits' }, { hold: 'waits' })
  await enqueue(store, 'q2', { lane: 'own.test', hold: 'waits' })
  await store.queue.claim({ ...CLAIM, max: 1 })
  await asBefore(env)
  await store.close()
  const after = createLmdbStore({ path, mapBytes: MAP_BYTES, now: () => NOW })
  assert.equal([...env.database('held').getKeys()].length, 3)
  assert.deepEqual(rowsOf(await after.queue.claim(CLAIM)), ['q2:0'])
  assert.deepEqual(rowsOf(await after.queue.claim({ ...CLAIM, now: NOW + 60_000 })).sort(), ['q1:0', 'q2:0'])
  await after.close()
})

test('data of version 1 gets its indexes anew, and those who wrote it refuse it from then on', async () => {
  const { path, store, env } = opened()
  await enqueue(store, 'q1', { due: 5 }, { due: 6, priority: 2 }, { hold: 'x' })
  await enqueue(store, 'q2', { due: 4 })
  const [job] = await store.queue.claim({ now: NOW, leaseMs: 1000, max: 1, only: new Set(['mx/example.net']) })
  await store.queue.settle(job!.token, [{ kind: 'again', row: 1, due: 7, status: '4.0.0', text: 'later' }])
  await asBefore(env, () => {
    for (const name of ['ready', 'heads']) {
      const index = env.database<number, never>(name)
      for (const key of index.getKeys()) index.remove(key)
    }
    env.database<number, [string, number, number, string, number]>('ready').put(['mx/example.net', 9, 5, 'q1', 0], 1)
    env.database<number, [number, number, string]>('heads').put([9, 5, 'mx/example.net'], 1)
    env.database('format').put('format', { kind: 'mail', version: 1 })
  })
  await store.close()
  const after = createLmdbStore({ path, mapBytes: MAP_BYTES, now: () => NOW })
  assert.deepEqual(await after.queue.audit(NOW), { rows: 4, adrift: 0, oldestDue: 4, broken: 0 })
  assert.deepEqual(rowsOf(await after.queue.claim({ now: NOW, leaseMs: 1000, max: 10 })), ['q1:1,0', 'q2:0'])
  assert.deepEqual(env.database('format').get('format'), { kind: 'mail', version: FORMAT })
  await after.close()
})

test('when an older version has written meanwhile, nothing that is held is overlooked', async () => {
  const { store, env } = opened()
  await store.accept(
    acceptance('q1', { rows: [row(0, { lane: 'own.test' }), row(1, { lane: 'own.test', hold: 'waits' })] }),
  )
  const rows = env.database<object, [string, number]>('rows')
  const held = { ...rows.get(['q1', 1])!, due: 5 }
  await asBefore(env, () => rows.put(['q1', 1], held))
  const listed: string[] = []
  for await (const { id } of store.queue.list(thatAre({ target: 'mx', lane: 'own.test', held: true }))) listed.push(id)
  assert.deepEqual(listed, ['q1'])
  await asBefore(env)
  // A change of ours must not pretend that the index is whole.
  await store.queue.change('q1', { kind: 'drop' }, [0])
  assert.deepEqual(rowsOf(await store.queue.claim(CLAIM)), ['q1:1'])
  await store.close()
})
