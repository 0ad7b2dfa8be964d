/** The contract of what an admin decides: redirections, the trail of a change, hold rules. A part of `queue.ts`. */
import assert from 'node:assert/strict'
import type { HoldRule, QueueChange } from '../../core/api/index.js'
import { claim, coded, contract, enqueue, row, rowsOf, type StoreBackend } from './backend.js'
import { entry } from './trail.js'

const VERDICT = { status: '5.7.1', text: 'not wanted', expired: false }
const ELSEWHERE = {
  kind: 'redirect',
  to: { local: 'new', domain: 'example.com' },
  target: 'lmtp',
  lane: 'there.test',
  detail: { account: 'x' },
} as const

const CHANGES: readonly QueueChange[] = [
  { kind: 'hold', reason: 'wait' },
  { kind: 'release' },
  { kind: 'retry', due: 5 },
  { kind: 'drop' },
  { kind: 'fail', verdict: VERDICT },
  ELSEWHERE,
]

const RULE: HoldRule = {
  id: 'r1',
  where: [{ field: 'sender', is: '=', value: '@example.org' }],
  reason: 'looked at first',
  created: 1234,
}

export function queueChangesContract(backend: StoreBackend): void {
  contract(backend, 'a redirected row is somewhere else, free, due at once and as if never tried', async bench => {
    const { store, clock } = bench
    const more = { detail: { note: 'old' }, priority: 3, prefix: 'X: 1\r\n', sender: null }
    await enqueue(store, 'q1', more, {})
    const [job] = await claim(bench, { max: 1 })
    const said = { due: clock.time + 1e6, status: '4.0.0', text: 'x', remote: 'mx.example', warned: true }
    await store.queue.settle(job!.token, [{ kind: 'again', row: 0, ...said }])
    await store.queue.change('q1', { kind: 'fail', verdict: VERDICT }, [0])
    await store.queue.change('q1', { kind: 'hold', reason: 'wait' }, [0])
    assert.equal(await store.queue.change('q1', ELSEWHERE, [0]), 1)
    const [moved, other] = (await store.queue.get('q1'))!.rows
    const { kind: _, ...place } = ELSEWHERE
    const { due, ...rest } = moved!
    const original = row(0).original
    const expected = { ...row(0, more), ...place, original, tries: 0, leased: false, warned: true }
    const { due: __, ...wanted } = expected
    assert.deepEqual(rest, wanted)
    assert.ok(due <= clock.time)
    assert.deepEqual(other, { ...row(1), tries: 0, leased: false })
    assert.deepEqual(rowsOf(await claim(bench, { only: new Set(['lmtp/there.test']) })), ['q1:0'])
    assert.deepEqual(rowsOf(await claim(bench)), ['q1:1'])
  })

  for (const change of CHANGES) {
    contract(backend, `the trail of a ${change.kind} is there with the change`, async ({ store }) => {
      await enqueue(store, 'q1', { hold: 'first' }, { hold: 'first' })
      const trail = [entry('q1', change.kind), entry('q1', 'second')]
      assert.equal(await store.queue.change('q1', change, undefined, trail), 2)
      assert.deepEqual(await store.trail.of('q1'), trail)
    })

    contract(
      backend,
      `a ${change.kind} that finds no row of its own changes nothing and leaves no trail`,
      async bench => {
        const { store } = bench
        await enqueue(store, 'q1', {})
        const trail = [entry('q1', 'x')]
        assert.equal(await store.queue.change('q1', change, [7], trail), 0)
        assert.equal(await store.queue.change('q1', change, [], trail), 0)
        assert.equal(await store.queue.change('unknown', change, undefined, trail), 0)
        assert.equal(await store.queue.change('nul\0', change), 0)
        const [job] = await claim(bench)
        assert.equal(await store.queue.change('q1', change, undefined, trail), 0)
        await store.queue.release(job!.token)
        assert.deepEqual(await store.trail.of('q1'), [])
        assert.deepEqual((await store.queue.get('q1'))!.rows, [{ ...row(0), tries: 0, leased: false }])
      },
    )
  }

  contract(backend, 'a release of what is not held changes nothing', async ({ store }) => {
    await enqueue(store, 'q1', {}, { hold: 'x' })
    assert.equal(await store.queue.change('q1', { kind: 'release' }), 1)
    assert.equal(await store.queue.change('q1', { kind: 'release' }, undefined, [entry('q1', 'x')]), 0)
    assert.deepEqual(await store.trail.of('q1'), [])
  })

  contract(backend, 'a row whose lease has run out can be changed, and the old token settles nothing', async bench => {
    const { store, clock } = bench
    await enqueue(store, 'q1', {})
    const [job] = await claim(bench, { leaseMs: 10 })
    clock.time += 10
    assert.equal(await store.queue.change('q1', { kind: 'hold', reason: 'x' }), 1)
    await assert.rejects(store.queue.settle(job!.token, [{ kind: 'done', row: 0 }]), coded('lease-lost'))
    assert.equal((await store.queue.get('q1'))!.rows[0]!.hold, 'x')
  })

  contract(backend, 'the last row settled takes message and body along, and not before', async bench => {
    const { store } = bench
    await enqueue(store, 'q1', {}, { lane: 'b.test' })
    const { bodyId } = (await store.queue.get('q1'))!
    for (const [at, { token, rows }] of (await claim(bench)).entries()) {
      assert.equal((await store.blobs.read(bodyId)).length > 0, true)
      await store.queue.settle(token, [{ kind: 'done', row: rows[0]!.row }])
      assert.equal((await store.queue.get('q1')) === undefined, at === 1)
    }
    await assert.rejects(store.blobs.read(bodyId), coded('message-gone'))
  })

  contract(
    backend,
    'hold rules are kept as given, in the order of their making, until they are removed',
    async bench => {
      const { queue } = bench.store
      assert.deepEqual(await queue.holdRules(), [])
      const second = { ...RULE, id: 'r0', where: [], created: 2000 }
      await queue.addHoldRule(RULE)
      await queue.addHoldRule(second)
      assert.deepEqual(await queue.holdRules(), [RULE, second])
      await queue.addHoldRule({ ...RULE, reason: 'another' })
      assert.deepEqual(await queue.holdRules(), [{ ...RULE, reason: 'another' }, second])
      assert.equal(await queue.removeHoldRule('r1'), true)
      assert.equal(await queue.removeHoldRule('r1'), false)
      assert.deepEqual(await queue.holdRules(), [second])
    },
  )

  contract(backend, 'what a rule has held stays held when the rule goes', async ({ store }) => {
    await store.queue.addHoldRule(RULE)
    await enqueue(store, 'q1', { hold: RULE.reason })
    await store.queue.removeHoldRule('r1')
    assert.equal((await store.queue.get('q1'))!.rows[0]!.hold, RULE.reason)
  })
}
