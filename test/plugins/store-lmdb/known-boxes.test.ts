/** Boxes that are known from before are never other than what lies in the store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Box, Boxes } from '../../../plugins/store-lmdb/boxes.js'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import { FORMAT } from '../../../plugins/store-lmdb/store.js'
import { freshPath } from './backend.js'

const BOX: Box = {
  id: 'one',
  accountId: 'ann',
  name: 'INBOX',
  uidValidity: 7,
  uidNext: 1,
  modseq: 1,
  messages: 0,
  unseen: 0,
  deleted: 0,
  bytes: 0,
  specialUse: '',
}

function freshBoxes() {
  const env = openEnvironment({ path: freshPath(), mapBytes: 1024 ** 2, kind: 'mail', version: FORMAT })
  return { env, boxes: new Boxes(env), others: env.database<Box, string>('boxes') }
}

test('what a caller does to a box changes none but its own', async t => {
  const { env, boxes } = freshBoxes()
  t.after(() => env.quiet())
  await env.write(() => boxes.put(BOX))
  boxes.find('one')!.modseq = 99
  boxes.find('one')!.tombstones = 3
  assert.deepEqual(boxes.find('one'), BOX)
})

test('what others have put in its place is found, and nothing when it is gone', async t => {
  const { env, boxes, others } = freshBoxes()
  t.after(() => env.quiet())
  await env.write(() => boxes.put(BOX))
  assert.equal(boxes.find('one')!.modseq, 1)
  for (const change of [{ modseq: 2 }, { name: 'Work' }, { tombstones: 1, forgotten: 5 }, {}]) {
    await env.write(() => void others.put('one', { ...BOX, ...change }))
    env.refresh()
    assert.deepEqual(boxes.find('one'), { ...BOX, ...change })
    assert.deepEqual(boxes.find('one'), { ...BOX, ...change })
  }
  await env.write(() => void others.remove('one'))
  env.refresh()
  assert.equal(boxes.find('one'), undefined)
})

test('within a write its own changes are seen, and after one that is undone what was before', async t => {
  const { env, boxes } = freshBoxes()
  t.after(() => env.quiet())
  await env.write(() => boxes.put(BOX))
  const undone = env.write(() => {
    const box = boxes.find('one')!
    box.modseq = 5
    boxes.put(box)
    assert.equal(boxes.find('one')!.modseq, 5)
    throw new Error('undone')
  })
  await assert.rejects(undone, /undone/)
  env.refresh()
  assert.deepEqual(boxes.find('one'), BOX)
})
