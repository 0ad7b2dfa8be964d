/** Drafts that take long: sweeping never takes a part of one, and never one that somebody is about to accept. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLmdbStore, type LmdbStore } from '../../../plugins/store-lmdb/store.js'
import { acceptance, coded, filing, message, only, openByName, pattern, TurnedClock } from '../../contracts/backend.js'
import { heldMemory } from '../../harness/memory.js'
import { freshPath } from './backend.js'

const HOUR = 60 * 60_000

function open(): { readonly store: LmdbStore; readonly clock: TurnedClock } {
  const clock = new TurnedClock()
  return { store: createLmdbStore({ path: freshPath(), mapBytes: 1024 ** 2, now: clock.now }), clock }
}

test('a draft that was swept while it was written is refused, not accepted with a hole', async t => {
  const { store, clock } = open()
  t.after(() => store.close())
  const draft = store.blobs.draft()
  await draft.write(pattern(300_000))
  await draft.write(pattern(300_000))
  // The second chunk is under way: what is committed after it comes after it.
  await store.trail.add([{ id: 'q0', at: 0, event: 'accepted', says: '', facts: {} }])
  clock.time += 2 * HOUR
  assert.equal((await store.sweep(clock.time, 0)).drafts, 1)
  await assert.rejects(async () => {
    await draft.write(pattern(300_000))
    await draft.finish()
  }, coded('store-unavailable'))
  await draft.abandon()
  clock.time += 2 * HOUR
  assert.equal((await store.sweep(clock.time, 0)).drafts, 0, 'nothing of it is left')
})

test('a draft that is finished while the sweep is under way stays', async t => {
  const { store, clock } = open()
  t.after(() => store.close())
  const draft = store.blobs.draft()
  await draft.write(pattern(262_144))
  await draft.write(pattern(262_144))
  clock.time += 2 * HOUR
  const finishing = draft.finish()
  for (let turn = 0; turn < 20; turn++) await undefined
  // It looks before the change above is committed, and acts after.
  const [body] = await Promise.all([finishing, store.sweep(clock.time, 0)])
  await store.accept(acceptance('q1', { message: message('q1', { body }), filings: [filing('ann')] }))
  const inbox = await openByName(store, 'ann')
  assert.equal((await inbox.read(await only(inbox))).length, 524_288)
})

test('a draft written octet by octet holds no more memory than its octets', async t => {
  const { store } = open()
  t.after(() => store.close())
  const draft = store.blobs.draft()
  const before = await heldMemory()
  for (let at = 0; at < 200_000; at++) await draft.write(Buffer.from([at & 0xff]))
  const held = (await heldMemory()) - before
  assert.ok(held < 4_000_000, `${held} octets`)
  const body = await draft.finish()
  assert.ok(body.kind === 'stored')
  assert.ok(
    (await store.blobs.read(body.id)).equals(Buffer.from(Array.from({ length: 200_000 }, (_, at) => at & 0xff))),
  )
})

test('of many drafts at a time each comes back, written in one piece or in many', async t => {
  const { store } = open()
  t.after(() => store.close())
  const octets = pattern(700_001)
  const drafts = Array.from({ length: 70 }, () => store.blobs.draft())
  await Promise.all(
    drafts.map(async (draft, at) => {
      const step = at % 2 === 0 ? octets.length : 100_000
      for (let from = 0; from < octets.length; from += step) await draft.write(octets.subarray(from, from + step))
    }),
  )
  for (const draft of drafts) {
    const body = await draft.finish()
    assert.ok(body.kind === 'stored' && body.size === octets.length)
    assert.ok((await store.blobs.read(body.id)).equals(octets))
    await draft.abandon()
  }
})
