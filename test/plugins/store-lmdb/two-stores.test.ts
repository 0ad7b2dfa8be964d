/** Two stores of one process are at work on one environment, and their changes share commits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLmdbStore } from '../../../plugins/store-lmdb/store.js'
import { acceptance, filing, mail, openByName } from '../../contracts/backend.js'
import { freshPath } from './backend.js'

const MAP_BYTES = 16 * 1024 ** 2

function rig() {
  const path = freshPath()
  const stores = [1, 2].map(() => createLmdbStore({ path, mapBytes: MAP_BYTES }))
  return { stores, close: () => Promise.all(stores.map(store => store.close())) }
}

test('what both file into a mailbox in one commit is there, each under a UID of its own', async t => {
  const { stores, close } = rig()
  t.after(close)
  const inbox = await openByName(stores[0]!, 'ann')
  await Promise.all(
    Array.from({ length: 20 }, (_, at) => stores[at % 2]!.accept(acceptance(`q${at}`, { filings: [filing('ann')] }))),
  )
  const entries = await inbox.list()
  assert.deepEqual(
    entries.map(({ uid }) => uid),
    Array.from({ length: 20 }, (_, at) => at + 1),
  )
  assert.equal((await inbox.info()).messages, 20)
  assert.equal(new Set(entries.map(({ bodyId }) => bodyId)).size, 20)
})

test('flags that one has set stay when the other expunges in the same commit', async t => {
  const { stores, close } = rig()
  t.after(close)
  const [one, other] = [await openByName(stores[0]!, 'ann'), await openByName(stores[1]!, 'ann')]
  await one.append([mail('1'), mail('2'), mail('3')])
  const before = (await one.info()).highestModseq
  await Promise.all([one.flag([1], { kind: 'add', flags: ['\\Seen'] }), other.expunge([2])])
  const { messages, unseen, highestModseq } = await one.info()
  assert.deepEqual({ messages, unseen, raised: highestModseq - before }, { messages: 2, unseen: 1, raised: 2 })
})
