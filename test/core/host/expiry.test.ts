/** When it is said that a certificate runs out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Notice } from '../../../core/api/index.js'
import { DAY_MS, expiring, expiryMark, logExpiring, watchExpiry } from '../../../core/host/expiry.js'
import { selfSigned } from '../../../core/net/certificate.js'
import { rememberingLog } from '../../harness/log.js'
import { materialOf } from '../../harness/tls.js'

const NOW = Date.now()

for (const [life, left, mark] of [
  [90, 22, undefined],
  [90, 21, 21],
  [90, 14.5, 21],
  [90, 14, 14],
  [90, 2.9, 3],
  [90, 0.5, 1],
  [90, 0, 0],
  [90, -30, 0],
  // A quarter of its life is 11 days: the first mark is 7.
  [47, 11, undefined],
  [47, 6, 7],
  [6, 2, undefined],
  [6, 1, 1],
] as const) {
  test(`of a life of ${life} days ${left} are left: ${mark === undefined ? 'nothing is said' : `mark ${mark}`}`, () => {
    const until = NOW + left * DAY_MS
    assert.equal(expiryMark({ from: until - life * DAY_MS, until }, NOW), mark)
  })
}

const SOON = selfSigned({ names: ['mail.example.test'], now: NOW - 355 * DAY_MS, years: 1 })
const FRESH = selfSigned({ names: ['other.example.test'], now: NOW })

test('the log names those that run out, and no others', () => {
  const log = rememberingLog()
  const { pairs } = materialOf([SOON, FRESH])
  assert.equal(expiring(pairs, NOW).length, 1)
  logExpiring(pairs, log, NOW)
  logExpiring(pairs, log, NOW + 11 * DAY_MS)
  assert.deepEqual(
    log.lines.map(({ level, sentence, facts }) => [level, sentence, facts.days]),
    [
      ['warn', 'certificate runs out soon', 9],
      ['error', 'certificate has run out', undefined],
    ],
  )
})

test('postmaster is told once per mark, and not of what is fresh', () => {
  const told: Notice[] = []
  let now = NOW
  const notifier = {
    async tell(notice: Notice) {
      return told.push(notice) > 0
    },
  }
  const stop = watchExpiry({ tls: materialOf([SOON, FRESH]), notifier, clock: { now: () => now } })
  stop()
  now += 4 * DAY_MS
  watchExpiry({ tls: materialOf([SOON]), notifier, clock: { now: () => now } })()
  assert.equal(told.length, 2)
  assert.match(told[0]!.subject, /^The certificate of mail\.example\.test runs out in 9 days$/)
  assert.match(told[0]!.text, /posthouse tls reload/)
  assert.notEqual(told[0]!.about, told[1]!.about)
  assert.equal(told[0]!.to, undefined)
})
