/** Who runs and who is parked, and what is left for others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lanes } from '../../../core/queue/lanes.js'
import type { Lease } from '../../../core/queue/lease.js'

/** Domains `a1`, `a2`, … are one site `a`; at `slow` one job runs at once. */
const TERMS = {
  keyOf: ({ lane }: { readonly lane: string }) => `mx/${lane.replace(/\d+$/, '')}`,
  most: (key: string) => (key === 'mx/slow' ? 1 : 20),
  lanesOf: (key: string) => [key],
}

function lease(lane: string, tries: number): Lease {
  return { claimed: { rows: [{ target: 'mx', lane, tries }] } } as unknown as Lease
}

test('retries parked for one slow site take no place from the retries of others', () => {
  const lanes = new Lanes(20, TERMS)
  for (let at = 0; at < 15; at += 1) lanes.enter(lease(`slow${at}`, 1))
  assert.equal(lanes.running, 1)
  assert.deepEqual(lanes.shares, { mostTried: 14, leastTried: 4 })
  for (let at = 0; at < 4; at += 1) assert.equal(lanes.enter(lease(`quick${at}`, 1)), 'run')
  assert.deepEqual(lanes.shares, { mostTried: 10, leastTried: 0 })
})

test('what was parked leaves the places that are kept for new mail alone', () => {
  const lanes = new Lanes(4, TERMS)
  const [slow, quick] = [lease('slow1', 1), lease('quick1', 1)]
  assert.equal(lanes.enter(slow), 'run')
  assert.equal(lanes.enter(lease('slow2', 1)), 'parked')
  for (const one of [quick, lease('quick2', 1), lease('other1', 1)]) lanes.enter(one)
  assert.equal(lanes.running, 4)
  lanes.leave(slow)
  assert.equal(lanes.unpark(), undefined, 'three of four are of mail that was tried')
  lanes.leave(quick)
  assert.equal(lanes.unpark()?.claimed.rows[0]?.lane, 'slow2')
})
