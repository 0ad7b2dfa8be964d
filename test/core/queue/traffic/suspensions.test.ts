/** Suspensions over workers: shared by the state, bounded, and known to one worker alone where the state does not take them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { laneBook } from '../../../../core/queue/traffic/book.js'
import { SUSPENDED, Suspensions } from '../../../../core/queue/traffic/suspensions.js'
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

for (const [first, second, kept] of [
  ['reply', 'dead', 'reply'],
  ['reply', 'reply', 'reply'],
  ['admin', 'reply', 'admin'],
] as const) {
  test(`a shorter ${second} leaves a longer ${first} as it is, and a longer one takes its place`, async () => {
    const [state, clock] = [createMemoryState(), clockAt(0)]
    const one = new Suspensions({ state, clock, log: LOG })
    await one.suspend(suspension('mx/a.test', 3_600_000, first))
    await one.suspend(suspension('mx/a.test', 300_000, second))
    assert.deepEqual([one.get('mx/a.test')?.by, one.get('mx/a.test')?.until], [kept, 3_600_000])
    await one.suspend(suspension('mx/a.test', 7_200_000, second))
    clock.time = 10_000
    await one.refresh()
    assert.equal(one.get('mx/a.test')?.until, 7_200_000)
  })
}

/** Tells at once, also whoever says it. */
function busOf() {
  const listeners = new Set<(payload: string) => void>()
  return {
    publish: (_: string, payload: string) => {
      for (const listener of listeners) listener(payload)
    },
    subscribe: (_: string, listener: (payload: string) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

test('what only one worker knows is resumed by an admin like anything else', async () => {
  const [state, clock, bus] = [createMemoryState(), clockAt(0), busOf()]
  const broken = {
    list: state.list.bind(state),
    put: () => Promise.reject(new Error('full')),
    remove: async () => false,
  }
  const one = new Suspensions({ state: broken, bus, clock, log: LOG })
  await one.suspend(suspension('mx/a.test', 60_000, 'reply'))
  await one.refresh()
  assert.ok(one.get('mx/a.test'))
  await laneBook.resume(state, bus, 'mx/a.test')
  assert.equal(one.get('mx/a.test'), undefined)
  await one.refresh()
  assert.equal(one.get('mx/a.test'), undefined)
})

test('a word of an admin is seen however many destinations are dead', async () => {
  const [state, clock, bus] = [createMemoryState(), clockAt(0), busOf()]
  for (let i = 0; i < 5100; i += 1)
    await state.put(`${SUSPENDED}mx/${i}.test`, JSON.stringify(suspension(`mx/${i}.test`, 60_000)), 60_000)
  const one = new Suspensions({ state, bus, clock, log: LOG })
  await laneBook.suspend(state, bus, suspension('mx/zzz.test', 60_000, 'admin'))
  await one.refresh()
  assert.equal(one.get('mx/zzz.test')?.by, 'admin')
  const listed = await laneBook.suspended(state, 0)
  assert.ok(listed.some(({ key }) => key === 'mx/zzz.test'))
  assert.equal(await laneBook.resume(state, bus, 'mx/zzz.test'), true)
  await one.refresh()
  assert.equal(one.get('mx/zzz.test'), undefined)
})

test('what is known to one worker alone stays so when it is suspended again beyond the limit', async () => {
  const [state, clock] = [createMemoryState(), clockAt(0)]
  const one = new Suspensions({ state, clock, log: LOG })
  for (let round = 1; round <= 2; round += 1)
    for (let i = 0; i < 6000; i += 1) await one.suspend(suspension(`mx/${i}.test`, 60_000 * round))
  assert.equal((await state.list(SUSPENDED, 0, 20_000)).length, 5000)
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
