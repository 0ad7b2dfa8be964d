/** Leases are renewed while their jobs last, by one clock for all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Claimed, Clock, Log, Queue } from '../../../core/api/index.js'
import { Lease } from '../../../core/queue/lease.js'

const LEASE_MS = 6000

test('a lease is renewed before half of it is over, again and again, until it ends', async t => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] })
  const { lease, renewed } = rig('a', LEASE_MS)
  t.mock.timers.tick(LEASE_MS / 12)
  const later = rig('b', LEASE_MS)
  const step = async () => {
    t.mock.timers.tick(LEASE_MS / 12)
    await new Promise(done => setImmediate(done))
  }
  for (let at = 0; at < 6; at += 1) await step()
  assert.deepEqual([renewed.length, later.renewed.length], [1, 1])
  for (let at = 0; at < 12; at += 1) await step()
  assert.deepEqual([renewed.length, later.renewed.length], [4, 4])
  for (const [before, after] of renewed.slice(1).map((at, n) => [renewed[n]!, at]))
    assert.ok(after! - before! <= LEASE_MS / 2)
  lease.end()
  for (let at = 0; at < 12; at += 1) await step()
  assert.deepEqual([renewed.length, later.renewed.length], [4, 7])
  later.lease.end()
})

test('a lease that somebody else has is lost, and asked for no more', async t => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] })
  const { lease, renewed } = rig('c', 1200, false)
  for (let at = 0; at < 20; at += 1) {
    t.mock.timers.tick(200)
    await new Promise(done => setImmediate(done))
  }
  assert.equal(renewed.length, 1)
  assert.equal(lease.lost, true)
})

function rig(token: string, leaseMs: number, answer = true) {
  const renewed: number[] = []
  const queue = {
    renew: async (_: string, until: number) => {
      renewed.push(until)
      return answer
    },
  } as unknown as Queue
  const clock: Clock = { now: () => Date.now() } as Clock
  const log = { error: () => undefined, warn: () => undefined } as unknown as Log
  const claimed = { token, leaseUntil: Date.now() + leaseMs, rows: [], message: { id: token } } as unknown as Claimed
  return { lease: new Lease(claimed, queue, leaseMs, clock, log), renewed }
}
