/** Who is told of changes, by bus and by looking; the clock is real because the timer is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bus } from '../../../core/api/index.js'
import { News } from '../../../plugins/store-lmdb/news.js'
import { until } from '../../contracts/backend.js'

/** A bus between News that live in one process; `lost` swallows everything. */
class TestBus {
  readonly published: string[] = []
  readonly #listeners = new Set<(payload: string) => void>()
  lost = false

  get subscribers(): number {
    return this.#listeners.size
  }

  /** As seen by one process: others hear what it says, it does not hear itself. */
  join(): Bus {
    let own: ((payload: string) => void) | undefined
    return {
      publish: (_, payload) => {
        this.published.push(payload)
        if (!this.lost) for (const listener of this.#listeners) if (listener !== own) listener(payload)
      },
      subscribe: (_, listener) => {
        own = listener
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
    }
  }
}

function pair() {
  const bus = new TestBus()
  const marks = new Map<string, number>()
  let transactionId = 1
  let looked = 0
  const options = {
    transactionId: () => {
      looked++
      return transactionId
    },
    mark: (topic: string) => String(marks.get(topic) ?? 0),
    pollMs: 20,
  }
  const change = (topic: string) => {
    marks.set(topic, (marks.get(topic) ?? 0) + 1)
    transactionId++
  }
  const [here, there] = [new News({ ...options, bus: bus.join() }), new News({ ...options, bus: bus.join() })]
  return { bus, here, there, change, looks: () => looked }
}

test('news are heard here and, by the bus, in the other process, once for those of one turn', async t => {
  const { bus, here, there, change } = pair()
  const heard: string[] = []
  here.watch('queue', () => heard.push('here'))
  there.watch('queue', () => heard.push('there'))
  there.watch('other', () => heard.push('wrong'))
  t.after(() => [here.stop(), there.stop()])
  change('queue')
  here.tell(['queue', 'box'])
  here.tell(['queue'])
  await new Promise(done => setTimeout(done, 100))
  assert.deepEqual(heard.sort(), ['here', 'there'])
  assert.deepEqual(bus.published, ['queue box'])
})

test('what the bus loses is found by looking, and only listeners of what changed are called', async t => {
  const { bus, here, there, change } = pair()
  bus.lost = true
  const heard: string[] = []
  for (const topic of ['a', 'b']) there.watch(topic, () => heard.push(topic))
  t.after(() => [here.stop(), there.stop()])
  change('a')
  here.tell(['a'])
  await until(() => heard.length > 0)
  await new Promise(done => setTimeout(done, 60))
  assert.deepEqual(heard, ['a'])
})

test('without watchers nobody looks and nobody listens', async () => {
  const { bus, there, looks } = pair()
  const stop = there.watch('a', () => undefined)
  assert.equal(bus.subscribers, 1)
  stop()
  const before = looks()
  await new Promise(done => setTimeout(done, 80))
  assert.deepEqual([looks(), bus.subscribers], [before, 0])
})

test('who watches again soon is told as before, and nothing has to begin anew', async t => {
  const { bus, here, there, change, looks } = pair()
  const heard: string[] = []
  there.watch('a', () => heard.push('wrong'))()
  const before = looks()
  there.watch('b', () => heard.push('b'))
  t.after(() => [here.stop(), there.stop()])
  assert.deepEqual([looks(), bus.subscribers], [before, 1])
  bus.lost = true
  change('a')
  change('b')
  here.tell(['a', 'b'])
  await until(() => heard.length > 0)
  assert.deepEqual(heard, ['b'])
})

test('much news goes out in pieces the bus can carry', async () => {
  const { bus, here } = pair()
  here.tell(Array.from({ length: 2500 }, (_, at) => `mailbox${at}`))
  await until(() => bus.published.length === 3)
  assert.ok(bus.published.every(payload => payload.length < 60_000))
})
