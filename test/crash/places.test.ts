/** A few kills with every run of the tests; `npm run crash -- --places` does many. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashPlaces } from './place-run.js'

const KILLS = 6
const skip = process.platform === 'linux' ? false : 'finds the workers in /proc'

test('mail for an mbox, a Maildir and a program is there, whole and in the Maildir once, however often the server is killed', {
  skip,
}, async t => {
  const seed = Math.floor(Math.random() * 1_000_000)
  t.diagnostic(`seed ${seed}`)
  const report = await crashPlaces({ seed, kills: KILLS })
  t.diagnostic(JSON.stringify(report))
  assert.deepEqual(report.faults, [], `seed ${seed}`)
  // or it would have proven nothing
  assert.ok(report.kills >= KILLS && report.acknowledged > 0)
})
