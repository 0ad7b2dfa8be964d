/** A few kills with every run of the tests; `npm run crash -- --mailboxes` does many. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crashMailboxes } from './mailbox-run.js'

const KILLS = 8
const skip = process.platform === 'linux' ? false : 'finds the workers in /proc'

test('deliveries, moves, expunges, QUITs and an import happen once or not at all, however often the server is killed', {
  skip,
}, async t => {
  const seed = Math.floor(Math.random() * 1_000_000)
  t.diagnostic(`seed ${seed}`)
  const report = await crashMailboxes({ seed, kills: KILLS })
  t.diagnostic(JSON.stringify({ ...report, faults: report.faults.length }))
  assert.deepEqual(report.faults, [], `seed ${seed}`)
  // or it would have proven nothing
  assert.ok(report.kills >= KILLS && report.steps > 0, JSON.stringify(report))
})
