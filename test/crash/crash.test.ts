/** Some kills with every run of the tests, as many as there is time for; `npm run crash` does two thousand, and CI two hundred. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CrashReport, crash } from './run.js'

const KILLS = 40
const WITHIN_MS = 35_000
const LEAST_KILLS = 5
const skip = process.platform === 'linux' ? false : 'finds the workers in /proc'

test('whoever heard 250 has the mail delivered, queued or returned, however often the server is killed', {
  skip,
  timeout: 110_000,
}, async t => {
  const seed = Math.floor(Math.random() * 1_000_000)
  t.diagnostic(`seed ${seed}`)
  const report = await crash({ seed, kills: KILLS, withinMs: WITHIN_MS })
  t.diagnostic(told(report))
  assert.deepEqual(report.faults, [], `seed ${seed}`)
  // or it would have proven nothing
  assert.ok(report.kills >= LEAST_KILLS, told(report))
  assert.ok(report.delivered > 0 && report.remote > 0, told(report))
})

function told({ by, faults: _, ...report }: CrashReport): string {
  return JSON.stringify({ ...by, ...report })
}
