/** A few kills with every run of the tests; `npm run crash` does two thousand, and CI two hundred. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CrashReport, crash } from './run.js'

const KILLS = 10
const skip = process.platform === 'linux' ? false : 'finds the workers in /proc'

test('whoever heard 250 has the mail delivered, queued or returned, however often the server is killed', {
  skip,
}, async t => {
  const seed = Math.floor(Math.random() * 1_000_000)
  t.diagnostic(`seed ${seed}`)
  const report = await crash({ seed, kills: KILLS })
  t.diagnostic(told(report))
  assert.deepEqual(report.faults, [], `seed ${seed}`)
  // or it would have proven nothing
  assert.ok(report.kills >= KILLS, told(report))
  assert.ok(report.delivered > 0 && report.remote > 0, told(report))
})

function told({ by, faults: _, ...report }: CrashReport): string {
  return JSON.stringify({ ...by, ...report })
}
