/**
 * Destinations under trouble, with two workers over one store in memory: dead ones cost an attempt a pause, rules and admins suspend, rates hold over
 * both, domains of one site share, and mail that waits keeps its schedule.
 */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { RunnerSchedule } from '../../../../core/queue/runner.js'
import { laneBook } from '../../../../core/queue/traffic/book.js'
import { Bench, type Deliver, HOUR, MINUTE, nobody, said, taken } from './lanes-bench.js'

describe('destinations of two workers', () => {
  let bench: Bench
  const begin = (schedule: Partial<RunnerSchedule> = {}, workers = 2) => {
    bench = new Bench(schedule, workers)
    return bench
  }
  afterEach(async () => {
    await Promise.all(bench.runners.map(runner => runner.stop(100)))
  })

  test('a dead destination costs one attempt a pause, however much waits for it, and others are not held up', async () => {
    begin()
    bench.deliver = job => (job.lane === 'dead.test' ? nobody(job) : taken(job))
    await bench.add('dead.test', 500)
    bench.start()
    await bench.settle()
    const first = bench.tried.length
    assert.ok(first >= 5 && first <= 16, `${first} attempts before it was known`)
    await bench.add('alive.test', 20)
    await bench.settle()
    assert.equal(bench.tried.filter(({ lane }) => lane === 'alive.test').length, 20)
    assert.equal(await bench.pass(4 * MINUTE), 0)
    assert.equal(await bench.pass(2 * MINUTE), 1, 'a probe after 5 minutes')
    assert.equal(await bench.pass(9 * MINUTE), 0)
    assert.equal(await bench.pass(2 * MINUTE), 1, 'the next after 10')
    assert.equal((await bench.rows()).length, 500)
    bench.deliver = job => taken(job)
    await bench.pass(11 * MINUTE)
    assert.equal((await bench.rows()).length, 0, 'when it answers, all goes at once')
  })

  test('when a client says that it is there again, or an admin wants a try, nobody waits for the end of the pause', async () => {
    begin()
    bench.deliver = job => nobody(job)
    await bench.add('dead.test', 50)
    bench.start()
    await bench.settle()
    bench.deliver = job => taken(job)
    assert.equal(await bench.pass(MINUTE), 0)
    await bench.runners[1]!.dispatcher().answers!(['far/dead.test'])
    await bench.settle()
    assert.equal((await bench.rows()).filter(({ row }) => row.tries === 0).length, 0, 'all that was due has gone')
  })

  test('it is known after a restart that a destination was dead', async () => {
    begin({}, 1)
    bench.deliver = job => nobody(job)
    await bench.add('dead.test', 50)
    bench.start()
    await bench.settle()
    await bench.runners[0]!.stop(100)
    const before = bench.tried.length
    bench.runners.push(bench.again({}, 2))
    bench.runners[1]!.start()
    assert.equal(await bench.pass(4 * MINUTE), 0)
    assert.equal(await bench.pass(2 * MINUTE), 1)
    assert.equal(await bench.pass(9 * MINUTE), 0, 'pauses grow on from where they were')
    assert.equal(bench.tried.length, before + 1)
  })

  test('a rule about a reply suspends for both workers, for its time', async () => {
    begin()
    bench.deliver = job => said(job, '421 leave us alone')
    await bench.add('angry.test', 1)
    bench.start()
    await bench.settle()
    assert.equal(bench.tried.length, 1)
    await bench.add('angry.test', 50)
    assert.equal(await bench.pass(59 * MINUTE), 0)
    bench.deliver = job => taken(job)
    assert.equal(await bench.pass(2 * MINUTE), 51)
  })

  test('mail that waits says so, hears of its delay in time, and goes back when it is over', async () => {
    begin({}, 1)
    const [runner] = bench.runners
    bench.start()
    await runner!.traffic.suspensions.suspend({
      ...{ key: 'far/shut.test', until: bench.now + 72 * HOUR, since: bench.now, why: 'their move', by: 'admin' },
    })
    await bench.add('shut.test', 3, { expires: bench.now + 6 * HOUR })
    assert.equal(await bench.pass(10 * MINUTE), 0)
    assert.equal(await runner!.lookAtWaiting(), 3)
    const [one] = await bench.rows()
    assert.equal(one!.row.wait?.text, 'no attempt was made, shut.test gets nothing for now: their move')
    assert.equal(one!.row.wait?.class, 'policy')
    assert.equal(one!.row.due, bench.now + 30 * MINUTE)
    assert.equal((await bench.store.trail.of(one!.id)).length, 1)
    await bench.pass(31 * MINUTE)
    assert.equal(await runner!.lookAtWaiting(), 3)
    assert.equal((await bench.store.trail.of(one!.id)).length, 1, 'the same is not said twice')
    await bench.pass(4 * HOUR)
    await runner!.lookAtWaiting()
    assert.ok(
      (await bench.rows()).every(({ row }) => row.warned === true),
      'their senders were told',
    )
    await bench.pass(2 * HOUR)
    await runner!.lookAtWaiting()
    assert.equal((await bench.rows()).filter(({ row }) => row.to.domain === 'shut.test').length, 0)
    assert.equal(bench.tried.filter(({ lane }) => lane === 'shut.test').length, 0)
  })

  test('what one of our addresses was charged for nothing is given back, and its limit is known as its own', async () => {
    const sources = [{ match: ['192.0.2.7'], rates: { messages: { limit: 1, windowMs: HOUR } } }]
    begin({ sources } as object, 1)
    const { traffic } = bench.runners[0]!
    const ask = () =>
      traffic.allow({ target: 'far', lane: 'a.test' }, { kind: 'message', recipients: 1, bytes: 10 }, '192.0.2.7')
    const first = await ask()
    const second = await ask()
    assert.deepEqual([first.granted, second.granted, 'own' in second && second.own], [true, false, true])
    if (first.granted) await first.giveBack?.()
    assert.equal((await ask()).granted, true)
    assert.equal((await ask()).granted, false)
  })

  test('a look at mail that waits is no attempt: count, last words and quick waits stay', async () => {
    begin({ greylisted: { retryMs: [MINUTE, 2 * MINUTE], longestMs: HOUR, words: ['greylisted'] } }, 1)
    const [runner] = bench.runners
    bench.deliver = job => said(job, '450 4.7.1 greylisted')
    bench.start()
    await bench.add('grey.test', 1)
    await bench.settle()
    const [first] = await bench.rows()
    await runner!.traffic.suspensions.suspend({
      ...{ key: 'far/grey.test', until: bench.now + HOUR, since: bench.now, why: 'a rest', by: 'admin' },
    })
    await bench.pass(10 * MINUTE)
    assert.equal(await runner!.lookAtWaiting(), 1)
    const [looked] = await bench.rows()
    assert.deepEqual([looked!.row.tries, looked!.row.last], [1, first!.row.last])
    await bench.pass(2 * HOUR)
    const [again] = await bench.rows()
    assert.deepEqual([bench.tried.length, again!.row.tries, again!.row.wait], [2, 2, undefined])
    const waits = again!.row.due - bench.now
    assert.ok(waits >= 2 * MINUTE && waits < 3 * MINUTE, `the second quick wait, not ${waits}`)
  })

  test('lifting a suspension lets its mail go at once, in every worker', async () => {
    begin()
    bench.start()
    await bench.runners[0]!.traffic.suspensions.suspend({
      ...{ key: 'far/shut.test', until: bench.now + HOUR, since: bench.now, why: 'their move', by: 'admin' },
    })
    await bench.add('shut.test', 5)
    await bench.settle()
    assert.equal(bench.tried.length, 0)
    await bench.runners[1]!.traffic.suspensions.refresh()
    await bench.runners[1]!.traffic.suspensions.lift('far/shut.test')
    await bench.settle()
    assert.equal(bench.tried.length, 5)
  })

  test('mail that was put off until the end of a suspension goes at once when it ends before', async () => {
    begin()
    bench.start()
    const shut = { until: bench.now + 72 * HOUR, since: bench.now, why: 'their move', by: 'admin' } as const
    await bench.runners[0]!.traffic.suspensions.suspend({ key: 'far/shut.test', ...shut })
    await bench.add('shut.test', 3)
    await bench.add('shut.test', 1, { due: bench.now + 20 * MINUTE })
    await bench.pass(MINUTE)
    assert.equal(await bench.runners[0]!.lookAtWaiting(), 3)
    await laneBook.resume(bench.state, bench.bus, 'far/shut.test')
    await bench.settle()
    assert.equal(bench.tried.length, 0, 'due in half an hour')
    await laneBook.broughtForward(bench.store.queue, [{ target: 'far', lane: 'shut.test' }], bench.now)
    await bench.settle()
    assert.equal(bench.tried.length, 3, 'what was never due keeps its time')
  })

  test('mail that was put off at a dead destination goes when its client says that it is there', async () => {
    begin({ retryMs: [30 * MINUTE] })
    bench.deliver = job => nobody(job)
    await bench.add('dead.test', 50)
    bench.start()
    await bench.settle()
    bench.deliver = job => taken(job)
    await bench.pass(MINUTE)
    assert.ok((await bench.runners[0]!.lookAtWaiting()) > 30)
    await bench.runners[1]!.dispatcher().answers!(['far/dead.test'])
    await bench.settle()
    assert.equal((await bench.rows()).filter(({ row }) => row.tries === 0).length, 0)
  })

  test('new mail that comes to a suspended destination without end does not hide what is old', async () => {
    begin({ retryMs: [5 * MINUTE] }, 1)
    bench.deliver = job => said(job, '450 not now')
    bench.start()
    await bench.add('shut.test', 2)
    await bench.settle()
    const shut = { until: bench.now + 72 * HOUR, since: bench.now, why: 'their move', by: 'admin' } as const
    await bench.runners[0]!.traffic.suspensions.suspend({ key: 'far/shut.test', ...shut })
    await bench.pass(6 * MINUTE)
    await bench.add('shut.test', 250)
    assert.equal(await bench.runners[0]!.lookAtWaiting(), 200)
    const old = (await bench.rows()).filter(({ id }) => ['m1.1', 'm2.1'].includes(id))
    assert.deepEqual(
      old.map(({ row }) => row.due - bench.now),
      [30 * MINUTE, 30 * MINUTE],
    )
  })

  test('deliveries that end do not ask the queue again because something is suspended', async () => {
    begin({ concurrency: 20, perLane: 20 }, 1)
    const [runner] = bench.runners
    const until = bench.now + HOUR
    await runner!.traffic.suspensions.suspend({ key: 'far/shut.test', until, since: bench.now, why: 'x', by: 'admin' })
    const ends: (() => void)[] = []
    bench.deliver = async job => {
      await new Promise<void>(resolve => ends.push(resolve))
      return taken(job)
    }
    for (let n = 0; n < 10; n += 1) await bench.add(`${n}.test`, 1)
    // This store tells of everything; one that knows that nothing has become due does not.
    bench.store.queue.watch = () => () => undefined
    bench.start()
    while (ends.length < 10) await new Promise(setImmediate)
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    let claims = 0
    const { claim } = bench.store.queue
    bench.store.queue.claim = options => {
      claims += 1
      return claim.call(bench.store.queue, options)
    }
    // One by one, as they would end: were all to end at once, they would share a claim.
    for (const end of ends) {
      end()
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    }
    assert.ok(claims <= 3, `${claims} claims for 10 ends`)
  })

  test('lanes of a suspended site stay shut, however many lanes other sites have', async () => {
    begin({}, 1)
    const { traffic } = bench.runners[0]!
    const until = bench.now + HOUR
    await traffic.suspensions.suspend({ key: 'far/shut', until, since: bench.now, why: 'their move', by: 'admin' })
    const come = (site: string, count: number) => {
      for (let n = 0; n < count; n += 1) {
        bench.sites.set(`${n}.${site}.test`, site)
        traffic.keyOf({ target: 'far', lane: `${n}.${site}.test` })
      }
    }
    come('old', 10_000)
    come('shut', 5000)
    come('new', 10_000)
    const blocked = new Set(traffic.blocked(bench.now))
    assert.equal(blocked.size, 5001)
    assert.ok(blocked.has('far/0.shut.test') && blocked.has('far/4999.shut.test'))
  })

  test('a rate holds over both workers, and what is over it goes later', async () => {
    begin({ lanes: [{ match: ['slow.test'], rates: { messages: { limit: 10, windowMs: MINUTE } } }] })
    await bench.add('slow.test', 25)
    await bench.add('other.test', 25)
    bench.start()
    await bench.settle()
    const count = () => bench.tried.filter(({ lane }) => lane === 'slow.test').length
    assert.equal(count(), 10)
    assert.equal(bench.tried.length, 35, 'others are not slowed')
    await bench.pass(61_000)
    assert.equal(count(), 20)
    await bench.pass(61_000)
    assert.equal(count(), 25)
  })

  test('a job larger than a limit takes all of it and goes', async () => {
    begin({ lanes: [{ match: ['slow.test'], rates: { bytes: { limit: 5, windowMs: MINUTE } } }] }, 1)
    await bench.add('slow.test', 2)
    bench.start()
    await bench.settle()
    assert.equal(bench.tried.length, 1)
    await bench.pass(61_000)
    assert.equal(bench.tried.length, 2)
  })

  test('fewer at once after "too fast", more again as it goes well, never more than its limit', async () => {
    begin({ concurrency: 30, perLane: 8 }, 1)
    let [running, most] = [0, 0]
    const slow: Deliver = async job => {
      running += 1
      most = Math.max(most, running)
      await new Promise(resolve => setTimeout(resolve, 2))
      running -= 1
      return most < 6 ? taken(job) : said(job, '450 slow down')
    }
    bench.deliver = slow
    await bench.add('far.test', 60)
    bench.start()
    await bench.settle()
    const place = { target: 'far', lane: 'far.test' }
    assert.equal(most, 6)
    assert.ok(bench.runners[0]!.traffic.most('far/far.test', place) <= 3)
    bench.deliver = async job => {
      await new Promise(resolve => setTimeout(resolve, 1))
      return taken(job)
    }
    await bench.pass(10 * MINUTE)
    await bench.add('far.test', 200)
    await bench.settle()
    assert.equal(bench.runners[0]!.traffic.most('far/far.test', place), 8)
  })

  test('domains of one site share its places, its rates and its suspension', async () => {
    begin({ concurrency: 30, perLane: 2 }, 1)
    let [running, most] = [0, 0]
    bench.deliver = async job => {
      running += 1
      most = Math.max(most, running)
      await new Promise(resolve => setTimeout(resolve, 2))
      running -= 1
      return taken(job)
    }
    const domains = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => `${name}.test`)
    for (const domain of domains) {
      bench.sites.set(domain, 'mx.provider.test')
      await bench.add(domain, 5)
    }
    bench.start()
    await bench.settle()
    assert.deepEqual([bench.tried.length, most], [30, 2])
    bench.deliver = job => nobody(job)
    for (const domain of domains) await bench.add(domain, 20)
    const before = bench.tried.length
    await bench.settle()
    assert.ok(bench.tried.length - before <= 8, `${bench.tried.length - before} attempts`)
    assert.equal(await bench.pass(4 * MINUTE), 0)
    assert.equal(await bench.pass(2 * MINUTE), 1, 'one probe for all of them')
  })
})
