/** A target may know before when an attempt is of no use: then there is none, and the last one is still made in time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome, QueueRow } from '../../../core/api/index.js'
import { judge } from '../../../core/queue/judgement.js'

const MINUTE = 60_000
const EXPIRES = 1000 * MINUTE

function dueWith(notBefore: number | undefined): number | undefined {
  const row = { row: 0, tries: 0, expires: EXPIRES } as QueueRow
  const outcome = { kind: 'deferred', row: 0, status: '4.4.5', text: 'used up', notBefore } as Outcome
  const timing = { retryMs: [5 * MINUTE], warnAfterMs: [], jitter: 0 }
  const [fate] = judge([row], [outcome], () => ({ now: 0, received: 0, timing, random: () => 0.5 }))
  return fate?.kind === 'again' ? fate.due : undefined
}

for (const [what, notBefore, due] of [
  ['nothing', undefined, 5 * MINUTE],
  ['a time before the next step', 2 * MINUTE, 5 * MINUTE],
  ['a later time', 60 * MINUTE, 60 * MINUTE],
  ['a time after its end', 5000 * MINUTE, EXPIRES],
  ['what is no time', Number.NaN, 5 * MINUTE],
] as const) {
  test(`with ${what} the next attempt is ${due / MINUTE} minutes later`, () => {
    assert.equal(dueWith(notBefore), due)
  })
}
