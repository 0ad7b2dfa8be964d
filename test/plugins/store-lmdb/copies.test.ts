/** A copy of many messages that a process could not finish is taken out again, and nothing else is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HalfDone } from '../../../plugins/store-lmdb/copies.js'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import { SELF } from '../../../plugins/store-lmdb/owner.js'
import { createLmdbStore, FORMAT } from '../../../plugins/store-lmdb/store.js'
import { mail, openByName } from '../../contracts/backend.js'
import { span } from '../../contracts/snapshots.js'
import { freshPath } from './backend.js'

const MAP_BYTES = 64 * 1024 ** 2
const DEAD = '999999999.1.00000000'
/** The process that runs the tests. */
const OTHER = `${process.ppid}..${SELF.split('.')[2]}`

async function stage(t: { after(what: () => Promise<void>): void }, count: number) {
  const path = freshPath()
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  t.after(() => store.close())
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  const db = env.database<HalfDone, string>('copies')
  const keys = () => {
    env.refresh()
    return [...db.getKeys()]
  }
  const inbox = await openByName(store, 'ann')
  await inbox.append(Array.from({ length: count }, (_, at) => mail(String(at))))
  return { store, inbox, env, db, keys, about: { accountId: 'ann', boxId: inbox.id } }
}

test('what a process that died had put in is taken out, what one that lives puts in stays', async t => {
  const { store, inbox, env, db, keys, about } = await stage(t, 10)
  await env.write(() => {
    db.put('a', { owner: DEAD, ...about, added: [[2, 4], [7, 7]] }) // biome-ignore format: short
    db.put('b', { owner: OTHER, ...about, added: [[9, 10]] })
    db.put('c', { owner: DEAD, ...about, boxId: 'gone', added: [[1, 10]] })
    db.put('d', { owner: DEAD, ...about, accountId: 'bob', added: [[1, 10]] })
  })
  await store.sweep(Date.now(), 0)
  assert.deepEqual((await inbox.list()).map(({ uid }) => uid), [1, 5, 6, 8, 9, 10]) // biome-ignore format: short
  assert.deepEqual(keys(), ['b'])
})

test('while many messages are copied they stand beside them, and no longer', async t => {
  const { store, inbox, db, keys, env } = await stage(t, 3500)
  const sent = await openByName(store, 'ann', 'Sent')
  const seen: number[] = []
  const copying = inbox.copy(Array.from({ length: 3500 }, (_, at) => at + 1), sent.id) // biome-ignore format: short
  let over = false
  const done = copying.finally(() => {
    over = true
  })
  while (!over) {
    await new Promise(setImmediate)
    env.refresh()
    for (const { value } of db.getRange()) {
      const [first, last] = [value.added[0]!, value.added.at(-1)!]
      assert.deepEqual([value.owner, value.boxId, first[0]], [SELF, sent.id, 1])
      const { messages } = await sent.info()
      seen.push(messages)
      assert.ok(last[1] <= messages)
    }
  }
  assert.equal((await done).length, 3500)
  assert.ok(seen.length > 0)
  assert.deepEqual([keys(), (await sent.info()).messages], [[], 3500])
})

test('a copy that fails half-way is taken out again, also when that does not work at once', async t => {
  const { store, inbox, env, keys } = await stage(t, 3500)
  const sent = await openByName(store, 'ann', 'Sent')
  const write = env.write.bind(env)
  for (const failing of [1, 100]) {
    let writes = 0
    env.write = (change: () => never) => {
      writes += 1
      // The third step, and so many writes from there on.
      if (writes >= 3 && writes < 3 + failing) throw new Error('no room')
      return write(change)
    }
    await assert.rejects(inbox.copy(span(1, 3500), sent.id), /no room/)
    env.write = write
    const left = (await sent.info()).messages
    assert.deepEqual([left, keys().length], failing === 1 ? [0, 0] : [2000, 1])
    await store.sweep(Date.now(), 0)
    assert.deepEqual([(await sent.info()).messages, keys()], [0, []])
  }
  assert.equal((await inbox.info()).messages, 3500)
})
