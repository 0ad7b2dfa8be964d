/** Which rule, schedule and life a recipient has, by destination and by sender. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forecasts } from '../../../core/queue/forecast.js'
import { lifeOf, type Rules, ruleFor, senderClass, timingOf } from '../../../core/queue/lane-rules.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const RULES: Rules & { readonly expireMs: number; readonly greylisted: { readonly retryMs: readonly number[] } } = {
  retryMs: [HOUR],
  warnAfterMs: [4 * HOUR],
  warnAfterForMs: { bulk: [] },
  expireMs: 5 * DAY,
  expireForMs: { bounces: DAY, authenticated: 3 * DAY },
  greylisted: { retryMs: [60_000, 120_000] },
  lanes: [
    { match: ['slow.example'], target: 'mx', retryMs: [6 * HOUR], expireMs: 10 * DAY, warnAfterMs: [DAY] },
    { match: ['*.example', 'big.test', 'xn--bcher-kva.test'], expireForMs: { bulk: HOUR } },
  ],
}

for (const [target, lane, rule] of [
  ['mx', 'slow.example', 0],
  ['mx', 'SLOW.example', 0],
  ['lmtp', 'slow.example', 1],
  ['mx', 'a.b.example', 1],
  ['mx', 'example', undefined],
  ['mx', 'notexample', undefined],
  ['mx', 'big.test', 1],
  ['mx', 'BÜCHER.test', 1],
  ['mx', 'a.big.test', undefined],
] as const) {
  test(`${target} to ${lane}: ${rule === undefined ? 'no rule' : `rule ${rule + 1}`}`, () => {
    assert.equal(ruleFor(RULES.lanes, { target, lane }), rule === undefined ? undefined : RULES.lanes![rule])
  })
}

for (const [from, lane, days] of [
  ['others', 'else.test', 5],
  ['authenticated', 'else.test', 3],
  ['bounces', 'else.test', 1],
  ['others', 'slow.example', 10],
  ['authenticated', 'slow.example', 10],
  ['bulk', 'big.test', 1 / 24],
  ['authenticated', 'big.test', 3],
] as const) {
  test(`mail of ${from} to ${lane} lives ${days * 24} hours`, () => {
    assert.equal(lifeOf(RULES, from, { target: 'mx', lane }), days * DAY)
  })
}

test('a rule has its own ladder and warnings, and inherits what it does not say', () => {
  const place = { target: 'mx', lane: 'slow.example' }
  assert.deepEqual(timingOf(RULES, 'bulk', place), { retryMs: [6 * HOUR], warnAfterMs: [DAY] })
  assert.deepEqual(timingOf(RULES, 'bulk', { target: 'mx', lane: 'big.test' }), { retryMs: [HOUR], warnAfterMs: [] })
})

const A = { local: 'a', domain: 'us.test' }
for (const [says, message, sender, expected] of [
  ['nobody', { sender: null, origin: { login: 'a' } }, undefined, 'bounces'],
  ['somebody, in nobody’s name', { sender: A, origin: {} }, null, 'bounces'],
  ['a login with low priority', { sender: A, priority: -1, origin: { login: 'a' } }, undefined, 'bulk'],
  ['a login', { sender: A, priority: 4, origin: { login: 'a', trusted: 'yes' } }, undefined, 'authenticated'],
  ['a trusted network', { sender: A, origin: { trusted: 'yes' } }, undefined, 'trusted'],
  ['anybody', { sender: A, origin: {} }, undefined, 'others'],
] as const) {
  test(`${says} is of the class ${expected}`, () => assert.equal(senderClass(message, sender), expected))
}

test('the forecast tells attempts, warnings and the end, with senders of the same course together', () => {
  const from = Date.UTC(2026, 0, 1)
  const all = forecasts.all(RULES, from)
  assert.deepEqual(
    all.map(({ match = ['-'], senders }) => [match[0], senders.join()]),
    [
      ['slow.example', 'others,trusted,authenticated,bulk'],
      ['slow.example', 'bounces'],
      ['*.example', 'others,trusted'],
      ['*.example', 'authenticated'],
      ['*.example', 'bulk'],
      ['*.example', 'bounces'],
      ['-', 'others,trusted'],
      ['-', 'authenticated'],
      ['-', 'bulk'],
      ['-', 'bounces'],
    ],
  )
  const [slow, bounces] = all
  assert.equal(slow!.attempts.length, 41)
  assert.deepEqual(slow!.warnings, [from + DAY])
  assert.equal(slow!.givenUp, from + 10 * DAY)
  assert.deepEqual(slow!.greylisted, [from + 60_000, from + 180_000])
  assert.deepEqual(bounces!.warnings, [])
})

test('the forecast of a destination is that of its rule', () => {
  const from = Date.UTC(2026, 0, 1)
  const all = forecasts.of(RULES, { target: 'mx', lane: 'x.example' }, from)
  const bulk = all.find(({ senders }) => senders.includes('bulk'))!
  assert.deepEqual([bulk.match, bulk.givenUp], [RULES.lanes![1]!.match, from + HOUR])
})

test('a ladder of seconds with a life of months does not fill the memory', () => {
  const rules = { ...RULES, retryMs: [1000], expireMs: 90 * DAY, lanes: [] }
  assert.equal(forecasts.all(rules, 0)[0]!.attempts.length, 10_000)
})
