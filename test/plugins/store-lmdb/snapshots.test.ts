/** Rolls that are kept in the store are worth nothing more than what they save: whatever is wrong with them, the snapshot is right. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MOST_TOMBSTONES, type Store } from '../../../core/api/index.js'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import { createLmdbStore, FORMAT } from '../../../plugins/store-lmdb/store.js'
import { mail, openByName, until } from '../../contracts/backend.js'
import { agree, snapshotsContract, span } from '../../contracts/snapshots.js'
import { freshPath, lmdbStore } from './backend.js'

snapshotsContract(lmdbStore)

const MAP_BYTES = 64 * 1024 ** 2
const open = (path: string) => createLmdbStore({ path, mapBytes: MAP_BYTES })
const mails = (count: number) => Array.from({ length: count }, (_, at) => mail(String(at)))

/** Of what the store keeps, as it lies in the file. */
function rollsOf(path: string) {
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  const db = env.octets<[string, number]>('rolls')
  return {
    keys: () => {
      env.refresh()
      return [...db.getKeys()]
    },
    change: (change: (page: Buffer) => Buffer) =>
      env.write(() => {
        for (const { key, value } of [...db.getRange()]) if (key[1] > 0) db.put(key, change(Buffer.from(value)))
      }),
  }
}

async function keptInbox(path: string, count: number): Promise<Store> {
  const store = open(path)
  const inbox = await openByName(store, 'ann')
  await inbox.append(mails(count))
  await agree(inbox)
  const rolls = rollsOf(path)
  await until(() => rolls.keys().length > 0)
  return store
}

test('a store that is opened anew goes on from the roll that was kept', async t => {
  const path = freshPath()
  await (await keptInbox(path, 3000)).close()
  const kept = rollsOf(path).keys()
  assert.deepEqual(kept.map(([, page]) => page), [0, 1, 2, 3]) // biome-ignore format: short
  const store = open(path)
  t.after(() => store.close())
  const inbox = await openByName(store, 'ann')
  await inbox.flag(span(100, 200), { kind: 'add', flags: ['x'] })
  await inbox.expunge(span(2000, 3000))
  await inbox.append(mails(10))
  await agree(inbox)
})

for (const [what, damage] of [
  ['cut off', page => page.subarray(0, 50)],
  ['full of nonsense', page => page.fill(0x5a)],
  ['nonsense in its flags', page => page.fill(0x5a, page.length - page.readUInt32LE(4))],
] as readonly [string, (page: Buffer) => Buffer][]) {
  test(`a roll that is ${what} is made anew, and kept anew`, async t => {
    const path = freshPath()
    await (await keptInbox(path, 2500)).close()
    await rollsOf(path).change(damage)
    const store = open(path)
    t.after(() => store.close())
    const inbox = await openByName(store, 'ann')
    await agree(inbox)
    const other = open(path)
    t.after(() => other.close())
    await until(async () => {
      await agree(await openByName(other, 'ann'))
      return rollsOf(path).keys().length === 4
    })
  })
}

test('a roll in which messages are missing does not add up, and is made anew', async t => {
  const path = freshPath()
  await (await keptInbox(path, 2500)).close()
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  const db = env.octets<[string, number]>('rolls')
  await env.write(() => {
    for (const key of [...db.getKeys()]) if (key[1] === 2) db.remove(key)
  })
  const store = open(path)
  t.after(() => store.close())
  await agree(await openByName(store, 'ann'))
})

test('a roll so old that the store has forgotten what was removed since is made anew', async t => {
  const path = freshPath()
  await (await keptInbox(path, 1500)).close()
  const store = open(path)
  t.after(() => store.close())
  const inbox = await openByName(store, 'ann')
  await inbox.expunge(span(100, 200))
  for (let at = 0; at < MOST_TOMBSTONES * 1.2; at += 4000) await inbox.expunge(await inbox.append(mails(4000)))
  await agree(inbox)
})

test('two that keep the roll of one mailbox do not mix theirs up', async t => {
  const path = freshPath()
  const stores = [await keptInbox(path, 2000), open(path), open(path)]
  t.after(() => Promise.all(stores.map(store => store.close())))
  const boxes = await Promise.all(stores.map(store => openByName(store, 'ann')))
  for (let round = 0; round < 12; round++) {
    const box = boxes[round % 3]!
    await box.append(mails(600))
    await box.expunge(span(1 + round * 150, 40 + round * 160))
    await box.flag(span(round * 200, round * 200 + 700), { kind: 'add', flags: [`k${round}`] })
    await Promise.all(boxes.map(agree))
  }
  const fresh = open(path)
  t.after(() => fresh.close())
  await agree(await openByName(fresh, 'ann'))
})

test('nothing is left of the roll of a mailbox that is deleted', async t => {
  const path = freshPath()
  const store = open(path)
  t.after(() => store.close())
  await store.mail.create('ann', 'Work')
  const work = await openByName(store, 'ann', 'Work')
  await work.append(mails(3000))
  await agree(work)
  const rolls = rollsOf(path)
  await until(() => rolls.keys().length > 0)
  await store.mail.delete('ann', 'Work')
  await until(() => rolls.keys().length === 0)
})

test('who reads what happened in steps misses no new message that is changed meanwhile', async t => {
  const store = open(freshPath())
  t.after(() => store.close())
  const inbox = await openByName(store, 'ann')
  await inbox.append(mails(1000))
  const { roll } = await inbox.snapshot()
  for (let at = 0; at < 12; at++) await inbox.append(mails(1000))
  let changing = true
  const flagging = (async () => {
    // From the end: those reading comes to last.
    for (let at = 12_900; changing; at = at > 2000 ? at - 1 : 12_900)
      await inbox.flag([at], { kind: 'replace', flags: [`k${at}`] })
  })()
  try {
    for (let round = 0; round < 20; round++) {
      const { changed } = await inbox.changes(roll.modseq)
      const uids = new Set(changed.map(({ uid }) => uid))
      assert.deepEqual(span(1001, 13_000).filter(uid => !uids.has(uid)), []) // biome-ignore format: short
    }
  } finally {
    changing = false
    await flagging
  }
})
