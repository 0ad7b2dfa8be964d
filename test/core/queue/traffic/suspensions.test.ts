/** Suspensions over workers: shared by the state, bounded, and known to one worker alone where the state does not take them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Suspensions } from '../../../../core/queue/traffic/suspensions.js'
import { createMemoryState } from '../../../../plugins/store-memory/state.js'

const NOTHING = () => undefined
const LOG = { error: NOTHING, warn: NOTHING, info: NOTHING, debug: NOTHING, child: () => LOG } as never

function clockAt(start: number) {
  const clock = { time: start, now: () => clock.time }
  return clock
}

function suspension(key: string, until: number, by: 'dead' | 'reply' | 'admin' = 'dead') {
  return { key, until, since: 0, why: 'no answer', by }
}

test('what one worker suspends the others know a few seconds later, until it is lifted or over', async () => {
  const [state, clock] = [createMemoryState(), clockAt(0)]
  const [one, other] = [new Suspensions({ state, clock, log: LOG }), new Suspensions({ state, clock, log: LOG })]
  await other.refresh()
  await one.suspend(suspension('mx/a.test', 60_000, 'reply'))
  await one.suspend(suspension('mx/b.test', 60_000))
  clock.time = 5000
  await other.refresh()
  assert.deepEqual([...other.all].map(({ key }) => key).sort(), ['mx/a.test', 'mx/b.test'])
  await other.lift('mx/a.test')
  clock.time = 70_000
  await one.refresh()
  assert.deepEqual(
    [...one.all].map(({ key }) => key),
    ['mx/b.test'],
    'the dead one is on probation',
  )
  clock.time = 60_000 + 3_700_000
  await one.refresh()
  assert.equal(one.size, 0)
})

test('an admin has the last word until his time is over', async () => {
  const [state, clock] = [createMemoryState(), clockAt(0)]
  const one = new Suspensions({ state, clock, log: LOG })
  await one.suspend(suspension('mx/a.test', 100_000, 'admin'))
  await one.suspend(suspension('mx/a.test', 10_000, 'dead'))
  assert.equal(one.get('mx/a.test')?.by, 'admin')
})

test('a state that does not take it leaves it with this worker, and forgets it when it is over', async () => {
  const clock = clockAt(0)
  const broken = { list: async () => [], put: () => Promise.reject(new Error('full')), remove: async () => false }
  const one = new Suspensions({ state: broken, clock, log: LOG })
  await one.suspend(suspension('mx/a.test', 60_000, 'reply'))
  clock.time = 10_000
  await one.refresh()
  assert.equal(one.get('mx/a.test')?.until, 60_000)
  clock.time = 70_000
  await one.refresh()
  assert.equal(one.size, 0)
})

test('there are never more than a bounded number of them', async () => {
  const [state, clock] = [createMemoryState(), clockAt(0)]
  const one = new Suspensions({ state, clock, log: LOG })
  for (let i = 0; i < 12_000; i += 1) await one.suspend(suspension(`mx/${i}.test`, 60_000))
  assert.ok(one.size <= 10_001, `${one.size} in memory`)
  assert.ok((await state.list('delivery/suspended/', 0, 20_000)).length <= 5001)
})

test('what stands in the state and is no suspension is passed over', async () => {
  const [state, clock] = [createMemoryState(), clockAt(0)]
  await state.put('delivery/suspended/mx/a.test', 'nonsense', 1000)
  await state.put('delivery/suspended/mx/b.test', '{"key":7}', 1000)
  const one = new Suspensions({ state, clock, log: LOG })
  await one.refresh()
  assert.equal(one.size, 0)
})
