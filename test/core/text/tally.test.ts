/** Tallies: sums that halve, that are never below 0, and that last as long as there is something of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addToTally, readTally } from '../../../core/text/index.js'

const DAY = 86_400_000
const TERMS = { halfLifeMs: 30 * DAY }
const NOW = Date.UTC(2026, 10, 21)

function sumsAt(kept: string, now: number): Record<string, number> {
  return Object.fromEntries([...readTally(kept, TERMS, now)!.sums].map(([name, sum]) => [name, Number(sum.toFixed(3))]))
}

test('sums of one tally add up by name', () => {
  const first = addToTally(undefined, { ham: 2 }, TERMS, NOW).value
  const second = addToTally(first, { ham: 1, spam: 0.5 }, TERMS, NOW).value
  assert.deepEqual(sumsAt(second, NOW), { ham: 3, spam: 0.5 })
})

test('after a half-life half is left, and what comes then is whole', () => {
  const { value } = addToTally(undefined, { ham: 8 }, TERMS, NOW)
  assert.deepEqual(sumsAt(value, NOW + 30 * DAY), { ham: 4 })
  assert.deepEqual(sumsAt(addToTally(value, { ham: 1 }, TERMS, NOW + 60 * DAY).value, NOW + 60 * DAY), { ham: 3 })
})

test('the first and the last time are remembered', () => {
  const first = addToTally(undefined, { ham: 1 }, TERMS, NOW).value
  const { since, latest } = readTally(addToTally(first, { ham: 1 }, TERMS, NOW + DAY).value, TERMS, NOW + DAY)!
  assert.deepEqual([since, latest], [NOW, NOW + DAY])
})

test('more taken away than is there leaves nothing, and no debt', () => {
  const first = addToTally(undefined, { ham: 1 }, TERMS, NOW).value
  const second = addToTally(first, { ham: -5 }, TERMS, NOW).value
  assert.deepEqual(sumsAt(second, NOW), {})
  assert.deepEqual(sumsAt(addToTally(second, { ham: 1 }, TERMS, NOW).value, NOW), { ham: 1 })
})

test('a clock that was set back lets nothing grow and loses nothing', () => {
  const first = addToTally(undefined, { ham: 1 }, TERMS, NOW).value
  const second = addToTally(first, { ham: 1 }, TERMS, NOW - 90 * DAY).value
  assert.deepEqual(sumsAt(second, NOW), { ham: 2 })
})

test('what has more behind it is kept longer, and is dropped when little is left of it', () => {
  const until = (ham: number) => addToTally(undefined, { ham }, TERMS, NOW).expires
  assert.ok(until(100) > until(10) && until(10) > until(1))
  fc.assert(
    fc.property(fc.double({ min: 0.05, max: 1e6, noNaN: true }), fc.nat(20), (ham, days) => {
      const { value, expires } = addToTally(undefined, { ham }, TERMS, NOW + days * DAY)
      const left = readTally(value, TERMS, expires)!.sums.get('ham') ?? 0
      assert.ok(left < 0.25, `${left} is left of ${ham}`)
    }),
  )
})

test('what is no tally is none, and what is no amount is refused', () => {
  for (const kept of [undefined, '', 'x', '12', '-1 2 ham=1', 'Infinity 1 ham=1', '1.5 2'])
    assert.equal(readTally(kept, TERMS, NOW), undefined, kept)
  assert.deepEqual(sumsAt(`${NOW} ${NOW} ham=x spam =1 unsure=2 refused=Infinity`, NOW), { unsure: 2 })
  assert.throws(() => addToTally(undefined, { ham: Number.NaN }, TERMS, NOW), RangeError)
  assert.throws(() => addToTally(undefined, { 'a b': 1 }, TERMS, NOW), RangeError)
})
