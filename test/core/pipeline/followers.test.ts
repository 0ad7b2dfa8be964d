/** What `AbortSignal.any` leaves behind on a signal that lives as long as the process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { followersOf, isFollowed, sweep } from '../../../core/pipeline/followers.js'
import { heldMemory } from '../../harness/memory.js'

test('a signal is known to be followed', () => {
  const { signal } = new AbortController()
  assert.equal(isFollowed(signal), false)
  AbortSignal.any([signal])
  assert.equal(isFollowed(signal), true)
})

test('followers that are gone are taken out, and those that are there fire', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const kept = AbortSignal.any([signal])
  // Of a follower too: it follows the same.
  for (let made = 0; made < 500; made++) AbortSignal.any([AbortSignal.any([signal]), new AbortController().signal])
  await heldMemory()
  sweep(signal)
  assert.ok(followersOf(signal) >= 1 && followersOf(signal) < 50, `${followersOf(signal)} are left`)
  controller.abort()
  assert.equal(kept.aborted, true)
})
