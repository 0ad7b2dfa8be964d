/** The contract of the trail: entries of one message in the order they were added, and records that are found. */
import assert from 'node:assert/strict'
import type { TrailEntry, TrailQuery } from '../../core/api/index.js'
import { contract, message, row, type StoreBackend } from './backend.js'

export function entry(id: string, event: string, at = 1): TrailEntry {
  return { id, at, event, says: `it was ${event}`, facts: { to: 'a@example.net', tries: 2, local: true } }
}

const MINUTE = 60_000

const RECORDS: readonly TrailEntry[] = [
  {
    ...entry('r1', 'accepted', 10 * MINUTE),
    by: {
      messageId: '<one@example.net>',
      senders: ['Alice@example.net', 'bounce+1@lists.example'],
      recipients: ['bob@example.org', 'carol@example.com'],
      clients: ['192.0.2.1'],
    },
  },
  {
    ...entry('r2', 'refused', 20 * MINUTE),
    by: { messageId: '<two@example.net>', senders: [''], recipients: ['bob@example.org'], clients: ['2001:db8::1'] },
  },
  { ...entry('r3', 'accepted', 30 * MINUTE), by: { senders: ['bob@example.org'], recipients: ['alice@example.net'] } },
]

const FOUND: readonly (readonly [TrailQuery, readonly string[]])[] = [
  [{ messageId: '<one@example.net>' }, ['r1']],
  [{ messageId: 'one@example.net' }, ['r1']],
  [{ messageId: 'none@example.net' }, []],
  [{ sender: 'alice@EXAMPLE.net' }, ['r1']],
  [{ sender: 'bounce+1@lists.example' }, ['r1']],
  [{ sender: '' }, []],
  [{ recipient: 'bob@example.org' }, ['r2', 'r1']],
  [{ recipient: '@example.com' }, ['r1']],
  [{ recipient: '@xample.com' }, []],
  [{ sender: 'bob@example.org' }, ['r3']],
  [{ address: 'bob@example.org' }, ['r3', 'r2', 'r1']],
  [{ address: '@example.net' }, ['r3', 'r1']],
  [{ client: '2001:DB8::1' }, ['r2']],
  [{ recipient: 'bob@example.org', client: '192.0.2.1' }, ['r1']],
  [{ recipient: 'bob@example.org', client: '192.0.2.2' }, []],
  [{ recipient: 'bob@example.org', limit: 1 }, ['r2']],
  [{ since: 20 * MINUTE }, ['r3', 'r2']],
  [{ until: 20 * MINUTE }, ['r2', 'r1']],
  [{ since: 20 * MINUTE, until: 20 * MINUTE }, ['r2']],
  [{ since: 20 * MINUTE + 1, until: 30 * MINUTE - 1 }, []],
]

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

  for (const [query, ids] of FOUND) {
    contract(backend, `records are found by ${JSON.stringify(query)}`, async ({ store }) => {
      await store.trail.add(RECORDS)
      const found = await store.trail.find(query)
      assert.deepEqual(
        found.map(({ id }) => id),
        ids,
      )
    })
  }

  contract(backend, 'a record that is found tells when it began, and its entries hold no keys', async ({ store }) => {
    await store.trail.add([RECORDS[0]!, { ...entry('r1', 'moved', 99 * MINUTE), by: { clients: ['192.0.2.1'] } }])
    assert.deepEqual(await store.trail.find({ client: '192.0.2.1' }), [{ id: 'r1', at: 10 * MINUTE }])
    assert.deepEqual(
      (await store.trail.of('r1')).map(one => Object.keys(one).sort()),
      [1, 2].map(() => ['at', 'event', 'facts', 'id', 'says']),
    )
  })

  contract(backend, 'the newest of many are found, also across commits and within one minute', async ({ store }) => {
    const at = (n: number) => ({
      ...entry(`m${String(n).padStart(4, '0')}`, 'accepted', n * 100),
      by: { clients: ['::1'] },
    })
    await Promise.all(Array.from({ length: 1500 }, (_, n) => store.trail.add([at(n)])))
    const newest = await store.trail.find({ limit: 3 })
    assert.deepEqual(
      newest,
      [1499, 1498, 1497].map(n => ({ id: at(n).id, at: n * 100 })),
    )
    assert.equal((await store.trail.find({ client: '::1', limit: 5000 })).length, 1500)
  })

  contract(
    backend,
    'what is accepted with a message is found, and what is refused by the store is not',
    async ({ store }) => {
      const trail = [{ ...entry('q1', 'accepted'), by: { senders: ['a@example.org'] } }]
      await store.accept({ message: message('q1'), rows: [row(0)], filings: [], trail })
      await assert.rejects(
        store.accept({
          message: message('q1'),
          rows: [row(0)],
          filings: [],
          trail: [{ ...entry('q2', 'accepted'), by: { senders: ['b@example.org'] } }],
        }),
      )
      assert.deepEqual(await store.trail.find({ sender: 'a@example.org' }), [{ id: 'q1', at: 1 }])
      assert.deepEqual(await store.trail.find({ sender: 'b@example.org' }), [])
    },
  )

  contract(backend, 'the trail says how far back it goes', async ({ store }) => {
    assert.equal((await store.trail.reach()).oldest, undefined)
    await store.trail.add([entry('q1', 'accepted', 7), entry('q2', 'accepted', 9)])
    assert.equal((await store.trail.reach()).oldest, 7)
  })
}
