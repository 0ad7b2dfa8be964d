/** The ladder of retries and the times of warnings. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTimeToWarn, nextTry } from '../../../core/queue/schedule.js'

const minutes = (n: number) => n * 60_000
const LADDER = [minutes(5), minutes(30), minutes(60)]
const NEVER = Number.MAX_SAFE_INTEGER
const MIDDLE = 0.5

for (const [tries, wait] of [
  [0, 5],
  [1, 30],
  [2, 60],
  [3, 60],
  [99, 60],
] as const) {
  test(`after ${tries} tries before this one we wait ${wait} minutes`, () => {
    assert.equal(nextTry(tries, 1000, NEVER, LADDER, MIDDLE), 1000 + minutes(wait))
  })
}

for (const [random, wait] of [
  [0, 9],
  [0.5, 10],
  [0.999, 11],
] as const) {
  test(`chance ${random} makes ten minutes about ${wait}`, () => {
    const due = nextTry(0, 0, NEVER, [minutes(10)], random)!
    assert.ok(Math.abs(due - minutes(wait)) < 1000, String(due))
  })
}

test('an attempt that would come after the end is not made', () => {
  assert.equal(nextTry(0, 0, minutes(5), LADDER, MIDDLE), minutes(5))
  assert.equal(nextTry(0, 0, minutes(5) - 1, LADDER, MIDDLE), undefined)
})

for (const [last, now, warns] of [
  [undefined, 3, false],
  [undefined, 4, true],
  [3, 5, true],
  [4, 5, false],
  [5, 23, false],
  [23, 24, true],
  [23, 30, true],
  [24, 30, false],
] as const) {
  test(`with warnings at 4 and 24 hours, an attempt at ${now} after one at ${last} ${warns ? 'warns' : 'does not'}`, () => {
    const hours = (n: number) => n * 3_600_000
    assert.equal(
      isTimeToWarn(0, last === undefined ? undefined : hours(last), hours(now), [hours(4), hours(24)]),
      warns,
    )
  })
}
