/** What the inspection of the queue runner finds: mail whose time is over, and how the queue is. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { QueueRunnerDeps, RunnerSchedule } from '../../../core/queue/runner.js'
import { Bench, type Deliver, deferred, HOUR } from './runner-bench.js'

describe('a queue that is looked after', () => {
  let bench: Bench
  const begin = (schedule: Partial<RunnerSchedule> = {}, more: Partial<QueueRunnerDeps> = {}): Bench => {
    bench = new Bench(schedule, more)
    return bench
  }
  afterEach(() => bench.runner.stop(0))

  const never: Deliver = (job, { signal }) =>
    new Promise(resolve => signal.addEventListener('abort', () => resolve(deferred(job))))

  test('what is over is returned though its lane is busy with a target that never answers', async () => {
    begin({ perLane: 1 }).runner.start()
    bench.deliver = never
    await bench.runner.inspection.round()
    await bench.add(['stuck@them.test'])
    await bench.settle()
    const waiting = [await bench.add(['b@them.test']), await bench.add(['c@them.test'])]
    await bench.settle()
    bench.now += 13 * HOUR
    await bench.runner.inspection.round()
    for (const id of waiting) assert.ok(await bench.store.queue.get(id), 'not before it is late by four hours')
    bench.now += 2 * HOUR
    await bench.runner.inspection.round()
    for (const id of waiting) {
      assert.equal(await bench.store.queue.get(id), undefined)
      assert.deepEqual(await bench.trail(id), ['expiring', 'failed', 'bounced'])
    }
    const notice = bench.planned.map(({ bytes }) => bytes.toString()).find(text => text.includes('<b@them.test>'))
    assert.match(notice ?? '', /time was over before its turn[\s\S]*Status: 5\.4\.7/)
  })

  test('what was over before we came has a last try first', async () => {
    begin({ perLane: 1 })
    const id = await bench.add(['b@them.test'])
    bench.now += 100 * HOUR
    const runner = bench.makeRunner()
    await runner.inspection.round()
    assert.ok(await bench.store.queue.get(id))
  })

  test('held mail goes back only when an age for it is set', async () => {
    begin()
    const id = await bench.add(['b@them.test'], { hold: 'quarantine: test' })
    const future = { holdUntil: bench.now + 300 * HOUR }
    const later = await bench.add(['c@them.test'], { hold: 'quarantine: test', due: future.holdUntil }, future)
    bench.now += 200 * HOUR
    await bench.runner.inspection.round()
    assert.equal((await bench.store.queue.get(id))?.rows[0]?.hold, 'quarantine: test')
    bench.runner = bench.makeRunner({ heldExpireMs: 100 * HOUR })
    await bench.runner.inspection.round()
    bench.runner.start()
    await bench.settle()
    assert.deepEqual(await bench.trail(id), ['expiring', 'failed', 'bounced'])
    assert.match(bench.planned[0]!.bytes.toString(), /held for 4d4h \(quarantine: test\)/)
    assert.ok(await bench.store.queue.get(later), 'what waits for its time is not late')
  })

  test('its numbers stand in the log and in the metrics, and who is forgotten is a warning', async () => {
    const observed = new Map<string, number>()
    const metrics = {
      count: () => undefined,
      observe: (name: string, value: number) => void observed.set(name, value),
    }
    begin({}, { metrics })
    await bench.runner.inspection.round()
    assert.equal(bench.logged.length, 0, 'nothing to tell of an empty queue')
    await bench.add(['b@them.test', 'c@them.test'], { hold: 'x' })
    await bench.add(['d@them.test'])
    bench.now += HOUR
    await bench.runner.inspection.round()
    const numbers = { rows: 3, held: 2, adrift: 0, oldestDueMs: HOUR }
    assert.deepEqual(bench.logged.at(-1), {
      level: 'info',
      facts: { ...numbers, messages: 2, broken: 0 },
      sentence: 'queue',
    })
    assert.deepEqual(
      Object.fromEntries(observed),
      Object.fromEntries(Object.entries(numbers).map(([name, value]) => [`queue.${name}`, value])),
    )
    bench.store.queue.audit = async () => ({ rows: 3, adrift: 1, broken: 0 })
    await bench.runner.inspection.round()
    assert.deepEqual(
      [bench.logged.at(-1)!.level, bench.logged.at(-1)!.sentence],
      ['warn', 'queue has forgotten recipients'],
    )
  })
})
