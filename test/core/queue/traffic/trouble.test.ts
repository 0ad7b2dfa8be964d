/** Trouble with what workers know together: a destination is asked later, and what a delivery came to is not lost by it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome, State, Target } from '../../../../core/api/index.js'
import { QueueRunner } from '../../../../core/queue/runner.js'
import { quietLog } from '../../../../core/testing/index.js'
import { createMemoryState } from '../../../../plugins/store-memory/state.js'
import { createMemoryStore } from '../../../../plugins/store-memory/store.js'
import { acceptance, row, until } from '../../../contracts/backend.js'

const NOW = Date.UTC(2026, 0, 1)
const LEASE_MS = 60_000

function rig(state: State, deliver: () => Promise<readonly Outcome[]>) {
  const store = createMemoryStore({ now: () => NOW })
  const calls = { claims: 0, releases: 0 }
  const { claim, release } = store.queue
  store.queue.claim = options => {
    calls.claims += 1
    return claim.call(store.queue, options)
  }
  store.queue.release = token => {
    calls.releases += 1
    return release.call(store.queue, token)
  }
  const target: Target = { scope: 'remote', lane: to => to.domain, deliver }
  const runner = new QueueRunner({
    ...{ store, state, targets: new Map([['mx', target]]), plan: async () => undefined, server: { name: 'us.test' } },
    pipeline: { gather: async () => [], tell: () => undefined },
    schedule: { retryMs: [1000], warnAfterMs: [], concurrency: 4, perLane: 4, leaseMs: LEASE_MS },
    clock: { now: () => NOW },
    log: quietLog,
    metrics: { count: () => undefined, observe: () => undefined },
  })
  return { store, runner, calls }
}

const onProbation = { key: 'mx/a.test', until: NOW - 1, since: NOW - 1000, why: 'no answer', by: 'dead' } as const
const delivered = (): readonly Outcome[] => [{ kind: 'delivered', row: 0, remote: 'r', reply: '250 ok' }]

test('where nobody can say whether another worker looks, the destination waits, and nothing turns round', async t => {
  const state = createMemoryState()
  state.enter = () => Promise.reject(new Error('state is gone'))
  const { store, runner, calls } = rig(state, async () => delivered())
  await runner.traffic.suspensions.suspend(onProbation)
  await store.accept(acceptance('q1', { rows: [row(0, { lane: 'a.test', due: NOW })] }))
  t.after(() => runner.stop())
  runner.start()
  await until(() => calls.releases > 0)
  for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate)
  assert.equal(calls.releases, 1)
  assert.ok(runner.traffic.isBlocked({ target: 'mx', lane: 'a.test' }, NOW))
})

test('an unsettled delivery keeps its lease, also when the place of the probe cannot be given back', async t => {
  const state = createMemoryState()
  let left = 0
  state.enter = async () => ({
    leave: () => {
      left += 1
      return Promise.reject(new Error('state is gone'))
    },
  })
  const { store, runner, calls } = rig(state, async () => delivered())
  store.queue.settle = () => Promise.reject(new Error('disk is gone'))
  await runner.traffic.suspensions.suspend(onProbation)
  await store.accept(acceptance('q1', { rows: [row(0, { lane: 'a.test', due: NOW })] }))
  t.after(() => runner.stop())
  runner.start()
  await until(() => left > 0)
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
  assert.equal(calls.releases, 0, 'or a second copy would go out now')
})
