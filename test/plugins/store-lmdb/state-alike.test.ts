/**
 * The LMDB state and the one in memory live through the same random histories and must answer alike; and whatever happened, the sums and
 * the index of the LMDB state are those of what is in it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { State } from '../../../core/api/index.js'
import { costOf } from '../../../core/text/index.js'
import { createLmdbState, type LmdbState } from '../../../plugins/store-lmdb/state.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { freshPath } from './backend.js'

const BUDGET = { limit: 5, windowMs: 100 }

const key = fc.oneof(
  fc.constantFrom('p/k/a', 'p/k/b', 'p/l/a', 'q', 'q/a', '', `p/k/${'x'.repeat(500)}`, 'p/\ud800'),
  fc.string({ maxLength: 12, unit: 'binary' }),
)
const step = fc.oneof(
  fc.record({
    verb: fc.constant('put' as const),
    key,
    value: fc.string({ maxLength: 80 }),
    lasts: fc.integer({ min: -5, max: 300 }),
  }),
  fc.record({
    verb: fc.constant('add' as const),
    key,
    by: fc.integer({ min: -3, max: 3 }),
    lasts: fc.integer({ min: 1, max: 300 }),
  }),
  fc.record({ verb: fc.constant('spend' as const), key, amount: fc.integer({ min: -2, max: 6 }) }),
  fc.record({ verb: fc.constantFrom('get' as const, 'remove' as const, 'list' as const), key }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never
const history = fc.array(fc.record({ pause: fc.nat(40), step }), { minLength: 1, maxLength: 60 })

function done(state: State, step: Step, now: number): Promise<unknown> {
  switch (step.verb) {
    case 'put':
      return state.put(step.key, step.value, now + step.lasts)
    case 'add':
      return state.add(step.key, step.by, now, now + step.lasts)
    case 'spend':
      return state.spend(step.key, step.amount, BUDGET, now)
    case 'get':
      return state.get(step.key, now)
    case 'list':
      return state.list(step.key.slice(0, 3), now)
    case 'remove':
      // Whether what has expired is still there is the store's own matter.
      return state.remove(step.key).then(() => undefined)
  }
}

/** Prefixes of ill-formed keys are no matter of order. */
function comparable(said: unknown): unknown {
  return Array.isArray(said) ? said.map(one => JSON.stringify(one)).sort() : said
}

async function sumsAreTrue(state: LmdbState): Promise<void> {
  const entries = await state.entries('', Number.NEGATIVE_INFINITY, 1e6)
  const { entries: count, octets, families } = await state.totals()
  const cost = entries.reduce((sum, { key, value }) => sum + costOf(key, value), 0)
  assert.deepEqual([count, octets], [entries.length, cost])
  assert.deepEqual(
    [count, octets],
    [families.reduce((sum, one) => sum + one.entries, 0), families.reduce((sum, one) => sum + one.octets, 0)],
  )
}

async function sweepsToNothing(state: LmdbState): Promise<void> {
  await state.sweep(1e12)
  const { entries, octets, families } = await state.totals()
  assert.deepEqual([entries, octets, families], [0, 0, []])
  assert.deepEqual(await state.entries('', Number.NEGATIVE_INFINITY, 10), [])
}

test('the LMDB state answers as the one in memory does, whatever is asked of both', async () => {
  const lmdb = createLmdbState({ path: freshPath(), mapBytes: 16 * 1024 ** 2 })
  await fc.assert(
    fc.asyncProperty(history, async steps => {
      const memory = createMemoryState()
      let now = 1_000_000
      for (const { pause, step } of steps) {
        now += pause
        assert.deepEqual(comparable(await done(lmdb, step, now)), comparable(await done(memory, step, now)), step.verb)
      }
      await sumsAreTrue(lmdb)
      await sweepsToNothing(lmdb)
    }),
    { numRuns: 25 },
  )
})

test('sums and index stay true in a state that is full all the time', async () => {
  const lmdb = createLmdbState({ path: freshPath(), mapBytes: 16 * 1024 ** 2, most: 8 * 1024 })
  await fc.assert(
    fc.asyncProperty(history, async steps => {
      let now = 1_000_000
      // What is too large for so small a state is refused.
      for (const { pause, step } of steps) {
        now += pause
        await done(lmdb, step, now).catch(() => undefined)
      }
      await sumsAreTrue(lmdb)
      assert.ok((await lmdb.totals()).octets <= 8 * 1024)
    }),
    { numRuns: 25 },
  )
  await sweepsToNothing(lmdb)
})
