/** A wait for a reason of our own is no attempt: it is due when there is room, and the sender hears no other time than that of the last attempt. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Outcome, QueueRow } from '../../../core/api/index.js'
import { type Fate, judge } from '../../../core/queue/judgement.js'
import { rowChange } from '../../../core/queue/record.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const EXPIRES = 100 * HOUR
const NOW = 10 * HOUR
const TIMING = { retryMs: [5 * MINUTE, HOUR, 4 * HOUR], warnAfterMs: [24 * HOUR], jitter: 0 }

function fateOf(
  row: Partial<QueueRow>,
  notBefore: number | undefined,
  more: { now?: number; random?: number } = {},
): Fate {
  const all = { row: 0, tries: 2, expires: EXPIRES, ...row } as QueueRow
  const outcome = { kind: 'deferred', row: 0, status: '4.4.5', text: 'the limit', untried: true, notBefore } as Outcome
  const facts = { now: more.now ?? NOW, received: 0, timing: TIMING, random: () => more.random ?? 0 }
  return judge([all], [outcome], () => facts)[0]!
}

const dueOf = (...args: Parameters<typeof fateOf>) => {
  const fate = fateOf(...args)
  return fate.kind === 'again' ? fate.due : undefined
}

describe('what was not tried', () => {
  test('is due when there is room, not by the ladder', () => {
    assert.equal(dueOf({}, NOW + 1000), NOW + 1000)
  })

  test('is due a little apart from others, the further the longer it has waited', () => {
    const wait = (since: number) => ({ wait: { since, at: since, status: '4.4.5', text: 'the limit' } })
    assert.equal(dueOf({}, NOW + 1000, { random: 0.5 }), NOW + 1500)
    assert.equal(dueOf(wait(NOW - 2 * MINUTE), NOW + 1000, { random: 0.5 }), NOW + 1000 + MINUTE / 2)
    assert.equal(dueOf(wait(0), NOW + 1000, { random: 0.5 }), NOW + 1000 + 5 * MINUTE)
  })

  test('is not due at once without a time, nor after its end', () => {
    for (const odd of [undefined, Number.NaN, 0]) assert.equal(dueOf({}, odd, { random: 1 }), NOW + 1001)
    assert.equal(dueOf({}, EXPIRES + HOUR, { now: EXPIRES - HOUR }), EXPIRES)
  })

  test('is looked at when it is time to warn, and warns once', () => {
    assert.equal(dueOf({}, 40 * HOUR), 24 * HOUR)
    const last = { at: HOUR, status: '4.2.0', text: 'not now' }
    const wait = { since: HOUR, at: 23 * HOUR, status: '4.4.5', text: 'the limit' }
    const warned = (at: number, now: number) => {
      const fate = fateOf({ last, wait: { ...wait, at } }, now + MINUTE, { now })
      return fate.kind === 'again' && fate.warn
    }
    assert.equal(warned(23 * HOUR, 24 * HOUR), true)
    assert.equal(warned(24 * HOUR, 25 * HOUR), false)
  })

  test('goes back when its time is over', () => {
    const fate = fateOf({}, EXPIRES + 1, { now: EXPIRES })
    assert.deepEqual([fate.kind, fate.kind === 'failed' && fate.expired], ['failed', true])
  })

  test('tells the store that it was no attempt', () => {
    const change = rowChange(fateOf({}, NOW + 1000))
    assert.equal(change.kind === 'again' && change.untried, true)
  })
})
