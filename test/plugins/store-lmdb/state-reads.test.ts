/** Reads of the state see what this process has changed, and do not wait for each other's turn once that is done. */
import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { environmentAt } from '../../../plugins/store-lmdb/environments.js'
import { createLmdbState } from '../../../plugins/store-lmdb/state.js'

test('readers one behind the other, begun while a change was under way, read at once again', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'posthouse-state-')), 'state.lmdb')
  const state = createLmdbState({ path, mapBytes: 1024 ** 2 })
  const env = environmentAt(path)
  const change = state.put('key', 'value', 1e15)
  assert.equal(await state.get('key', 1), 'value', 'what is not yet committed is seen')
  await change
  for (let at = 0; at < 200; at++) await state.get('key', 1)
  assert.equal(env.busy, false, 'the last of them read at once')
  await state.close()
})
