/** The contract of the trail: entries of one message, in the order they were added. */
import assert from 'node:assert/strict'
import type { TrailEntry } from '../../core/api/index.js'
import { contract, type StoreBackend } from './backend.js'

export function entry(id: string, event: string, at = 1): TrailEntry {
  return { id, at, event, says: `it was ${event}`, facts: { to: 'a@example.net', tries: 2, local: true } }
}

export function trailContract(backend: StoreBackend): void {
  contract(
    backend,
    'entries come back whole and in the order they were added, whatever their times',
    async ({ store }) => {
      const entries = [entry('q1', 'accepted', 5), entry('q1', 'deferred', 3), entry('q1', 'delivered', 4)]
      await store.trail.add(entries.slice(0, 2))
      await store.trail.add(entries.slice(2))
      assert.deepEqual(await store.trail.of('q1'), entries)
    },
  )

  contract(backend, 'messages keep their entries apart, also where one id begins another', async ({ store }) => {
    await store.trail.add([entry('q1', 'accepted'), entry('q1.1', 'refused'), entry('q', 'held')])
    assert.deepEqual(await store.trail.of('q1'), [entry('q1', 'accepted')])
    assert.deepEqual(await store.trail.of('q1.1'), [entry('q1.1', 'refused')])
    assert.deepEqual(await store.trail.of('q'), [entry('q', 'held')])
  })

  contract(backend, 'a message nobody told of has no entries, and adding none is fine', async ({ store }) => {
    await store.trail.add([])
    assert.deepEqual(await store.trail.of('unknown'), [])
  })

  contract(backend, 'many entries added at once are all there', async ({ store }) => {
    const many = Array.from({ length: 300 }, (_, at) => entry('q1', 'deferred', at))
    await Promise.all(many.map(one => store.trail.add([one])))
    assert.deepEqual(
      (await store.trail.of('q1')).map(({ at }) => at).sort((a, b) => a - b),
      many.map(({ at }) => at),
    )
  })
}
