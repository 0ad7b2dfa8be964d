/** The ladder of retries, quick tries, and the times of warnings. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTimeToWarn, nextTry, type Trial } from '../../../core/queue/schedule.js'

const minutes = (n: number) => n * 60_000
const hours = (n: number) => n * 3_600_000
const LADDER = [minutes(5), minutes(30), minutes(60)]
const TRIAL: Trial = {
  tries: 0,
  now: 0,
  since: 0,
  expires: Number.MAX_SAFE_INTEGER,
  timing: { retryMs: LADDER, warnAfterMs: [] },
  random: 0.5,
}

for (const [tries, wait] of [
  [0, 5],
  [1, 30],
  [2, 60],
  [3, 60],
  [99, 60],
] as const) {
  test(`after ${tries} tries before this one we wait ${wait} minutes`, () => {
    const now = hours(24)
    assert.equal(nextTry({ ...TRIAL, tries, now }), now + minutes(wait))
  })
}

for (const [age, wait] of [
  [0, 5],
  [1, 5],
  [5, 30],
  [34, 30],
  [35, 60],
  [600, 60],
] as const) {
  test(`however many quick tries there were, mail that is ${age} minutes old waits ${wait}`, () => {
    const timing = { retryMs: LADDER, warnAfterMs: [], jitter: 0 }
    assert.equal(nextTry({ ...TRIAL, tries: 50, now: minutes(age), timing }), minutes(age + wait))
  })
}

test('an attempt that jitter has brought forward climbs the ladder like any other', () => {
  const first = nextTry({ ...TRIAL, random: 0 })!
  assert.ok(first < minutes(5))
  assert.equal(nextTry({ ...TRIAL, tries: 1, now: first, random: 0.5 }), first + minutes(30))
})

for (const [jitter, random, wait] of [
  [undefined, 0, 9],
  [undefined, 0.5, 10],
  [undefined, 0.9999, 11],
  [0.5, 0, 5],
  [0.5, 0.9999, 15],
  [0, 0, 10],
] as const) {
  test(`with a jitter of ${jitter ?? 'a tenth'}, chance ${random} makes ten minutes about ${wait}`, () => {
    const timing = { retryMs: [minutes(10)], warnAfterMs: [], ...(jitter === undefined ? {} : { jitter }) }
    const due = nextTry({ ...TRIAL, timing, random })!
    assert.ok(Math.abs(due - minutes(wait)) < 1000, String(due))
  })
}

test('an attempt that would come after the end is not made', () => {
  assert.equal(nextTry({ ...TRIAL, expires: minutes(5) }), minutes(5))
  assert.equal(nextTry({ ...TRIAL, expires: minutes(5) - 1 }), undefined)
})

for (const [now, due] of [
  [0, 60],
  [200, 240],
  [239.5, 240.5],
  [240, 300],
] as const) {
  test(`with a warning at four hours, an attempt at minute ${now} is followed by one at ${due}`, () => {
    const timing = { retryMs: [minutes(60)], warnAfterMs: [hours(4)], jitter: 0 }
    assert.equal(nextTry({ ...TRIAL, now: minutes(now), timing }), minutes(due))
  })
}

test('a quick try never comes earlier than asked for', () => {
  assert.equal(nextTry({ ...TRIAL, tries: 2, now: hours(9), quickMs: minutes(3), random: 0 }), hours(9) + minutes(3))
  assert.ok(nextTry({ ...TRIAL, quickMs: minutes(3), random: 0.9 })! > minutes(3))
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
    assert.equal(
      isTimeToWarn(0, last === undefined ? undefined : hours(last), hours(now), [hours(4), hours(24)]),
      warns,
    )
  })
}
