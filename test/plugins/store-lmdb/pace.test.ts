/** When commits begin: company is waited for where there is company, and not for long. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import { Pace, Start } from '../../../plugins/store-lmdb/pace.js'
import { createLmdbStore, FORMAT } from '../../../plugins/store-lmdb/store.js'
import { acceptance, row } from '../../contracts/backend.js'
import { freshPath } from './backend.js'

const MAP_BYTES = 1024 ** 2

for (const [changes, tookMs, waitMs] of [
  [1, 4, 0],
  [2, 4, 0],
  [3, 0.7, 0.7],
  [20, 0.5, 0.5],
  [20, 400, 1],
] as const) {
  test(`after a commit of ${changes} changes that took ${tookMs} ms, the next waits ${waitMs} ms for company`, () => {
    const pace = new Pace()
    pace.took(changes, tookMs)
    assert.equal(pace.waitMs('now'), waitMs)
  })
}

test('the first commit waits for nobody, and what nobody waits for has an end too', () => {
  const pace = new Pace()
  assert.equal(pace.waitMs('now'), 0)
  assert.equal(pace.waitMs('later'), 20)
})

test('what waits begins once, with the first who is in a hurry', async () => {
  let begun = 0
  const start = new Start(async () => void begun++)
  start.within(3_600_000)
  assert.equal(begun, 0)
  start.within(0)
  assert.equal(begun, 1)
  start.within(0)
  await start.ended
  assert.equal(begun, 1)
})

test('what begins later fails as it would at once', async () => {
  const start = new Start(() => Promise.reject(new Error('full')))
  start.within(1)
  await assert.rejects(start.ended, /full/)
})

test('that mail is delivered is written down with what comes next, in one commit', async t => {
  const { store, commits } = rig()
  t.after(() => store.close())
  const [job] = await store.accept(acceptance('q1', { rows: [row(0)] }), { now: Date.now(), leaseMs: 60_000, max: 1 })
  const before = commits()
  const settled = store.queue.settle(job!.token, [{ kind: 'done', row: 0 }])
  await Promise.all([settled, store.accept(acceptance('q2', { rows: [row(0)] }))])
  assert.equal(commits() - before, 1)
  assert.equal(await store.queue.get('q1'), undefined)
  assert.equal((await store.queue.totals()).messages, 1)
})

test('a session that is alone waits for nobody, to however many places its mail was delivered before', async t => {
  const { store } = rig()
  t.after(() => store.close())
  const rows = [row(0), row(1, { lane: 'b.test' }), row(2, { lane: 'c.test' })]
  const jobs = await store.accept(acceptance('q1', { rows }), { now: Date.now(), leaseMs: 60_000, max: 3 })
  assert.equal(jobs.length, 3)
  const took = t.mock.method(Pace.prototype, 'took')
  const settled = jobs.map(({ token, rows }) => store.queue.settle(token, [{ kind: 'done', row: rows[0]!.row }]))
  await Promise.all([...settled, store.accept(acceptance('q2', { rows: [row(0)] }))])
  assert.deepEqual(
    took.mock.calls.map(({ arguments: [urgent] }) => urgent),
    [1],
  )
})

test('what waits when the store is closed to writes is written all the same', async () => {
  const env = openEnvironment({ path: freshPath(), mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  const db = env.database<number, string>('some')
  const written = env.write(() => void db.putSync('a', 1), 'later')
  const frozen = env.freeze()
  await assert.rejects(
    env.write(() => void db.putSync('b', 1)),
    /is being compacted/,
  )
  await Promise.all([written, frozen])
  assert.equal(db.get('a'), 1)
})

test('where nothing comes next it is written down all the same, and closing waits for it', async () => {
  const { path, store } = rig()
  const [job] = await store.accept(acceptance('q1', { rows: [row(0)] }), { now: Date.now(), leaseMs: 60_000, max: 1 })
  const settled = store.queue.settle(job!.token, [{ kind: 'done', row: 0 }])
  await store.close()
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  env.refresh()
  assert.equal(env.database('messages').doesExist('q1'), false)
  await settled
})

function rig() {
  const path = freshPath()
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  const commits = () => openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT }).transactionId()
  return { path, store, commits }
}
