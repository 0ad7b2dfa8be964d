/** The jobs of the queue runner: how many at a time, under a lease, cut short, and in trouble with the store. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { MailError } from '../../../core/api/index.js'
import type { QueueRunnerDeps, RunnerSchedule } from '../../../core/queue/runner.js'
import { until } from '../../contracts/backend.js'
import { Bench, deferred, failed, gate, HOUR, MINUTE } from './runner-bench.js'

describe('the jobs of the queue runner', () => {
  let bench: Bench
  const begin = (schedule: Partial<RunnerSchedule> = {}, more: Partial<QueueRunnerDeps> = {}): Bench => {
    bench = new Bench(schedule, more)
    return bench
  }
  afterEach(() => bench.runner.stop(0))

  test('a lane gets no more jobs at a time than allowed, and nobody waits for a busy lane', async () => {
    begin({ concurrency: 5, perLane: 2 })
    const held = gate()
    let busy = 0
    let most = 0
    bench.deliver = async job => {
      if (job.lane === 'slow.test') {
        busy += 1
        most = Math.max(most, busy)
        await held.promise
        busy -= 1
      }
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    const slow: string[] = []
    for (let i = 0; i < 8; i += 1) slow.push(await bench.add(['b@slow.test']))
    const quick: string[] = []
    for (let i = 0; i < 6; i += 1) quick.push(await bench.add([`b@quick${i}.test`]))
    bench.runner.start()
    await bench.settle()
    await bench.settle()
    for (const id of quick) assert.equal(await bench.store.queue.get(id), undefined)
    assert.equal(most, 2)
    held.open()
    await bench.settle()
    await bench.settle()
    assert.equal((await bench.store.queue.totals()).rows, 0)
    assert.equal(most, 2)
  })

  test('recipients that are put off together are tried together again, and their sender hears of them together', async () => {
    let draws = 0
    // Each draw is another.
    begin({ warnAfterMs: [HOUR] }, { random: () => (draws++ % 10) / 10 })
    const jobs: number[] = []
    bench.deliver = job => {
      jobs.push(job.recipients.length)
      return deferred(job)
    }
    bench.runner.start()
    await bench.add(
      Array.from({ length: 20 }, (_, at) => `b${at}@them.test`),
      { expires: bench.now + 2 * HOUR },
    )
    // Also at the end of its time, which is when they go back.
    for (let minutes = 0; minutes <= 130 && (await bench.store.queue.totals()).rows > 0; minutes += 1) {
      await bench.settle()
      bench.now += MINUTE
    }
    assert.deepEqual([...new Set(jobs)], [20])
    assert.deepEqual(
      bench.planned.map(({ reason }) => reason),
      ['notice (delayed) about m1.1', 'bounce of m1.1'],
    )
  })

  test('what is put off for want of room comes back together too', async () => {
    let draws = 0
    begin({}, { random: () => (draws++ % 10) / 10 })
    const jobs: number[] = []
    bench.deliver = job => {
      jobs.push(job.recipients.length)
      return deferred(job).map(one => ({ ...one, untried: true, notBefore: bench.now + MINUTE }))
    }
    bench.runner.start()
    await bench.add(['a@them.test', 'b@them.test', 'c@them.test'])
    for (let seconds = 0; seconds < 600; seconds += 5) {
      await bench.settle()
      bench.now += 5000
    }
    assert.deepEqual([...new Set(jobs)], [3])
  })

  test('never more jobs at a time than allowed', async () => {
    begin({ concurrency: 3, perLane: 3 })
    const held = gate()
    let running = 0
    let most = 0
    bench.deliver = async job => {
      running += 1
      most = Math.max(most, running)
      await held.promise
      running -= 1
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    for (let i = 0; i < 9; i += 1) await bench.add([`b@d${i % 4}.test`])
    bench.runner.start()
    await bench.settle()
    assert.equal(most, 3)
    held.open()
    for (let i = 0; i < 5; i += 1) await bench.settle()
    assert.equal(most, 3)
    assert.equal((await bench.store.queue.totals()).rows, 0)
  })

  test('a lease is renewed while the delivery runs', async () => {
    begin({ leaseMs: 30 })
    const held = gate()
    let [attempts, renewals] = [0, 0]
    const renew = bench.store.queue.renew.bind(bench.store.queue)
    bench.store.queue.renew = (...args) => {
      renewals += 1
      return renew(...args)
    }
    bench.deliver = async job => {
      attempts += 1
      await held.promise
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    const id = await bench.add(['b@them.test'])
    bench.runner.start()
    for (let i = 0; i < 10; i += 1) {
      bench.now += 15
      // Leases are looked at by the clock on the wall, which a busy machine may hold up for longer than they last here.
      for (let [before, waits] = [renewals, 0]; renewals === before && waits < 1000; waits++)
        await new Promise(resolve => setTimeout(resolve, 5))
      await bench.settle()
    }
    assert.ok(renewals >= 10)
    held.open()
    await bench.settle()
    assert.equal(attempts, 1)
    assert.deepEqual(await bench.trail(id), ['delivered'])
  })

  test('a lost lease settles nothing', async () => {
    begin({ leaseMs: 30 })
    const held = gate()
    bench.store.queue.renew = async () => false
    bench.deliver = async job => {
      await held.promise
      return deferred(job)
    }
    const id = await bench.add(['b@them.test'])
    bench.runner.start()
    const lost = () => bench.logged.some(line => line.sentence === 'lease lost')
    for (let waits = 0; waits < 1000 && !lost(); waits++) await new Promise(resolve => setTimeout(resolve, 10))
    held.open()
    await bench.settle()
    assert.equal((await bench.store.queue.get(id))?.rows[0]?.tries, 0)
    assert.ok(lost())
  })

  test('what was delivered is settled although the store has a moment of trouble', async () => {
    begin().runner.start()
    const settle = bench.store.queue.settle.bind(bench.store.queue)
    let calls = 0
    bench.store.queue.settle = async (...args) => {
      calls += 1
      if (calls === 1) throw new MailError('store-unavailable', 'moment')
      return settle(...args)
    }
    let delivered = 0
    bench.deliver = job => {
      delivered += 1
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    const id = await bench.add(['b@them.test'])
    await bench.settle()
    await until(async () => (await bench.store.queue.get(id)) === undefined)
    assert.equal(delivered, 1)
  })

  test('stopping lets what runs finish and claims nothing more', async () => {
    begin({ concurrency: 1 })
    const held = gate()
    bench.deliver = async job => {
      await held.promise
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    const [first, second] = [await bench.add(['b@one.test']), await bench.add(['b@two.test'])]
    bench.runner.start()
    await bench.settle()
    const stopped = bench.runner.stop()
    held.open()
    await stopped
    assert.equal(await bench.store.queue.get(first!), undefined)
    const left = await bench.store.queue.get(second!)
    assert.deepEqual(
      left?.rows.map(row => [row.tries, row.leased]),
      [[0, false]],
    )
  })

  test('stopping cuts short what takes too long, and gives it back as it was', async () => {
    begin({ concurrency: 4, perLane: 1 })
    bench.deliver = (job, { signal }) =>
      new Promise(resolve => {
        signal.addEventListener('abort', () =>
          resolve(job.recipients.map(({ row }) => (row === 0 ? deferred(job)[0]! : failed(job)[row]!))),
        )
      })
    const ids = [await bench.add(['b@them.test', 'c@them.test']), await bench.add(['d@them.test'])]
    bench.runner.start()
    await bench.settle()
    await bench.runner.stop(10)
    const [first, parked] = await Promise.all(ids.map(id => bench.store.queue.get(id)))
    assert.deepEqual(
      first?.rows.map(row => [row.to.local, row.tries, row.leased]),
      [['b', 0, false]],
    )
    assert.deepEqual(
      parked?.rows.map(row => [row.tries, row.leased]),
      [[0, false]],
    )
    assert.equal(bench.planned.length, 1)
  })

  test('an attempt that takes too long is cancelled and deferred', async () => {
    begin({}, { deliveryMs: 20 })
    bench.deliver = (job, { signal }) =>
      new Promise(resolve => signal.addEventListener('abort', () => resolve(deferred(job))))
    const id = await bench.add(['b@them.test'])
    bench.runner.start()
    await new Promise(resolve => setTimeout(resolve, 40))
    await bench.settle()
    assert.equal((await bench.store.queue.get(id))?.rows[0]?.tries, 1)
  })

  test('two runners over one store deliver each mail once', async () => {
    begin({ concurrency: 2 })
    const other = bench.makeRunner({ concurrency: 2 })
    const seen: string[] = []
    bench.deliver = async job => {
      seen.push(job.id)
      await new Promise(resolve => setTimeout(resolve, 1))
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    for (let i = 0; i < 30; i += 1) await bench.add([`b@d${i}.test`])
    bench.runner.start()
    other.start()
    for (let i = 0; i < 30 && (await bench.store.queue.totals()).rows > 0; i += 1) await bench.settle()
    await other.stop()
    assert.equal(seen.length, 30)
    assert.equal(new Set(seen).size, 30)
  })

  test('trouble with the store is logged and the runner lives on', async () => {
    begin()
    const claim = bench.store.queue.claim.bind(bench.store.queue)
    bench.store.queue.claim = () => Promise.reject(new MailError('store-unavailable', 'down'))
    const id = await bench.add(['b@them.test'])
    bench.runner.start()
    await bench.settle()
    assert.ok(bench.logged.some(line => line.sentence === 'queue cannot be read'))
    bench.store.queue.claim = claim
    await bench.settle()
    assert.deepEqual(await bench.trail(id), ['delivered'])
  })
})
