/** How long and how much of the trail is kept, and records that a version without an index has left. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrailEntry } from '../../../core/api/index.js'
import { newId } from '../../../core/text/index.js'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import { createLmdbStore, FORMAT } from '../../../plugins/store-lmdb/store.js'
import { freshPath } from './backend.js'

const MAP_BYTES = 1024 ** 2
const MINUTE = 60_000

function entry(at: number, more: Partial<TrailEntry> = {}): TrailEntry {
  return { id: `${newId(at, () => 0)}.1`, at, event: 'accepted', says: 'it was', facts: {}, ...more }
}

test('what is forgotten for its age is not found any more', async t => {
  const store = createLmdbStore({ path: freshPath(), mapBytes: MAP_BYTES })
  t.after(() => store.close())
  const many = Array.from({ length: 700 }, (_, n) => entry(n * MINUTE, { by: { clients: ['192.0.2.1'] } }))
  for (const one of many) await store.trail.add([one])
  await store.sweep(0, 690 * MINUTE)
  const found = await store.trail.find({ client: '192.0.2.1', limit: 1000 })
  assert.deepEqual(
    found.map(({ at }) => at / MINUTE),
    [699, 698, 697, 696, 695, 694, 693, 692, 691, 690],
  )
})

test('beyond its size the trail forgets the oldest records, whole ones, and no more than it must', async t => {
  const maxBytes = 2 * MAP_BYTES
  const store = createLmdbStore({ path: freshPath(), mapBytes: MAP_BYTES, trail: { maxBytes } })
  t.after(() => store.close())
  const says = 'x'.repeat(1000)
  const by = { clients: ['192.0.2.1'] }
  for (let step = 0; step < 30; step++) {
    const ats = Array.from({ length: 100 }, (_, n) => (step * 100 + n) * MINUTE)
    await store.trail.add(ats.flatMap(at => [entry(at, { says, by }), entry(at, { says, event: 'filed' })]))
  }
  const bytes = () => {
    const { databases, pageBytes } = store.stats()
    return databases.reduce((sum, { name, pages }) => sum + (name.startsWith('trail') ? pages * pageBytes : 0), 0)
  }
  assert.ok(bytes() > maxBytes)
  await store.sweep(0, 0)
  assert.ok(bytes() <= maxBytes && bytes() > maxBytes / 2, `${bytes()} octets are left`)
  assert.equal((await store.trail.of(entry(0).id)).length, 0)
  assert.equal((await store.trail.of(entry(2999 * MINUTE).id)).length, 2)
  const { oldest } = await store.trail.reach()
  assert.equal((await store.trail.of(entry(oldest!).id)).length, 2)
  const oldestFound = (await store.trail.find({ client: '192.0.2.1', limit: 5000 })).at(-1)!
  assert.ok(oldest! - oldestFound.at <= MINUTE)
})

test('records of a version without an index are found by address, client and time, with those that are in it', async t => {
  const path = freshPath()
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  t.after(() => store.close())
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  const db = env.database<object, [string, number]>('trail')
  const says = 'Accepted from alice@example.net at 192.0.2.7 (mail.example.net) for 1 recipient; nothing spoke.'
  const old = newId(5 * MINUTE, () => 0)
  await env.write(() => {
    db.put([old, 1], { at: 5 * MINUTE, event: 'accepted', says, facts: { sender: 'alice@example.net' } })
    db.put([old, 2], { at: 6 * MINUTE, event: 'filed', says: 'Filed for bob@example.org into INBOX.', facts: {} })
  })
  const find = async (query: object) => (await store.trail.find(query)).map(({ id }) => id)
  for (const query of [
    { sender: 'Alice@example.net' },
    { recipient: '@example.org' },
    { address: 'bob@example.org' },
    { client: '192.0.2.7' },
    { until: 5 * MINUTE },
  ])
    assert.deepEqual(await find(query), [old], JSON.stringify(query))
  for (const query of [{ sender: 'bob@example.org' }, { client: '192.0.2.70' }, { since: 6 * MINUTE }])
    assert.deepEqual(await find(query), [], JSON.stringify(query))
  const young = entry(60 * MINUTE, { by: { senders: ['alice@example.net'] } })
  await store.trail.add([young])
  assert.deepEqual(await find({ sender: 'alice@example.net' }), [young.id, old])
})
