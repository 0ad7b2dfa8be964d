/** The queue runner: what is due goes to its target, and by the outcome away or up the ladder of waits. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { type Job, MailError, type Outcome } from '../../../core/api/index.js'
import type { QueueRunnerDeps, RunnerSchedule } from '../../../core/queue/runner.js'
import { Bench, BODY, deferred, failed, HOUR, MINUTE, SENT } from './runner-bench.js'

describe('the queue runner', () => {
  let bench: Bench
  const begin = (schedule: Partial<RunnerSchedule> = {}, more: Partial<QueueRunnerDeps> = {}): Bench => {
    bench = new Bench(schedule, more)
    return bench
  }
  afterEach(() => bench.runner.stop(0))

  test('delivers what is due, as prefix and body without the cuts', async () => {
    begin()
    const id = await bench.add(['b@them.test', 'c@them.test'])
    const jobs: { job: Job; whole: string; read: string; part: string }[] = []
    bench.deliver = async job => {
      const chunks: Buffer[] = []
      for await (const chunk of job.chunks()) chunks.push(chunk)
      const read = (await job.read()).toString()
      jobs.push({ job, whole: Buffer.concat(chunks).toString(), read, part: (await job.read(5, 40)).toString() })
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    bench.runner.start()
    await bench.settle()
    assert.equal(jobs.length, 1)
    const { job, whole, read, part } = jobs[0]!
    assert.equal(whole, SENT)
    assert.equal(read, SENT)
    assert.equal(part, SENT.slice(5, 40))
    assert.equal(job.size, SENT.length)
    assert.deepEqual(
      job.recipients.map(({ to }) => to.local),
      ['b', 'c'],
    )
    assert.equal(await bench.store.queue.get(id), undefined)
    assert.deepEqual(await bench.trail(id), ['delivered', 'delivered'])
    assert.equal(bench.told.length, 1)
  })

  test('tells in trail and log how safe the way was, without odd characters', async () => {
    const bench = begin()
    const security = 'in clear, the host refused STARTTLS: 454 \x1b[31mno'
    bench.deliver = ({ recipients }) =>
      recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok', security }))
    const id = await bench.add(['b@them.test'])
    bench.runner.start()
    await bench.settle()
    const [entry] = await bench.store.trail.of(id)
    const said = 'in clear, the host refused STARTTLS: 454 ?[31mno'
    assert.equal(entry?.says, `Delivered for b@them.test to r (${said}): 250 ok`)
    assert.equal(entry?.facts.security, said)
    assert.ok(bench.logged.some(({ facts, sentence }) => sentence === 'delivered' && facts.security === said))
  })

  test('hears of new mail while it runs', async () => {
    begin().runner.start()
    await bench.settle()
    const id = await bench.add(['b@them.test'])
    await new Promise(resolve => setTimeout(resolve, 10))
    assert.deepEqual(await bench.trail(id), ['delivered'])
  })

  test('climbs the ladder of waits and gives up at the end, with one bounce', async () => {
    begin().runner.start()
    const times: number[] = []
    const born = bench.now
    bench.deliver = job => {
      times.push((bench.now - born) / MINUTE)
      return deferred(job)
    }
    const id = await bench.add(['b@them.test'], { expires: bench.now + 3 * HOUR }, {})
    for (let minute = 0; minute < 300; minute += 1) {
      await bench.settle()
      if ((await bench.store.queue.get(id)) === undefined) break
      const next = (await bench.store.queue.totals()).nextDue
      bench.now = next ?? bench.now + MINUTE
    }
    assert.deepEqual(times, [0, 5, 35, 95, 155])
    assert.equal(bench.planned.length, 1)
    const text = bench.planned[0]!.bytes.toString()
    assert.match(text, /Action: failed/)
    assert.match(text, /Status: 4\.4\.1/)
    assert.match(text, /tried for 2h35m/)
    assert.deepEqual(await bench.trail(id), ['deferred', 'deferred', 'deferred', 'deferred', 'failed', 'bounced'])
  })

  test('a peer that greylists is tried again soon, and the ladder goes on by the age of the mail', async () => {
    begin({
      jitter: 0,
      greylisted: { retryMs: [2 * MINUTE, 3 * MINUTE], longestMs: HOUR, words: ['greylist'] },
    }).runner.start()
    bench.deliver = job => deferred(job).map(one => ({ ...one, reply: '451 4.7.1 Greylisted' }) as Outcome)
    const born = bench.now
    const id = await bench.add(['b@them.test'])
    const times: number[] = []
    for (let tries = 0; tries < 5; tries += 1) {
      await bench.settle()
      const { due } = (await bench.store.queue.get(id))!.rows[0]!
      times.push((due - born) / MINUTE)
      bench.now = due
    }
    assert.deepEqual(times, [2, 5, 35, 95, 155])
  })

  test('retries that an admin asks for do not make the waits longer than the mail is old', async () => {
    begin().runner.start()
    bench.deliver = job => deferred(job)
    const id = await bench.add(['b@them.test'])
    for (let tries = 0; tries < 9; tries += 1) {
      await bench.settle()
      await bench.store.queue.change(id, { kind: 'retry', due: bench.now })
    }
    await bench.settle()
    const { due, tries } = (await bench.store.queue.get(id))!.rows[0]!
    assert.deepEqual([tries, due - bench.now], [10, 5 * MINUTE])
  })

  test('a destination has its own ladder, warnings by class of sender, and jobs at a time', async () => {
    begin({
      lanes: [{ match: ['slow.test'], retryMs: [6 * HOUR], warnAfterForMs: { authenticated: [2 * HOUR] }, perLane: 1 }],
    }).runner.start()
    let running = 0
    const most = new Map<string, number>()
    bench.deliver = async job => {
      running += 1
      most.set(job.lane, Math.max(most.get(job.lane) ?? 0, running))
      await new Promise(resolve => setTimeout(resolve, 1))
      running -= 1
      return deferred(job)
    }
    const ids = [
      await bench.add(['b@slow.test'], {}, { origin: { login: 'a' } }),
      await bench.add(['c@slow.test']),
      await bench.add(['d@slow.test']),
    ]
    await bench.settle()
    await bench.settle()
    const waits = await Promise.all(ids.map(async id => (await bench.store.queue.get(id))!.rows[0]!.due - bench.now))
    assert.deepEqual(waits, [2 * HOUR, 4 * HOUR, 4 * HOUR])
    assert.equal(most.get('slow.test'), 1)
    bench.now += 2 * HOUR
    await bench.settle()
    assert.deepEqual(
      bench.planned.map(({ bytes }) => /^Action: (.*)\r$/m.exec(bytes.toString())?.[1]),
      ['delayed'],
    )
  })

  test('a target that is not there keeps the mail and says where to look', async () => {
    begin().runner.start()
    const id = await bench.add(['b@them.test'], { target: 'gone' })
    await bench.settle()
    const row = (await bench.store.queue.get(id))?.rows[0]
    assert.match(row?.last?.text ?? '', /no plugin supplies the target "gone": see plugins.yaml/)
  })

  test('what a local target files is in the mailbox when the row is gone', async () => {
    begin().runner.start()
    bench.targets.set('box', bench.target('local'))
    bench.deliver = job =>
      job.recipients.map(({ row }) => ({
        kind: 'filed',
        row,
        filings: [
          { accountId: 'b', mailbox: 'INBOX', flags: [], prefix: `Return-Path: <a@us.test>\r\n${job.prefix}`, date: 1 },
        ],
      }))
    const id = await bench.add(['b@us.test'], { target: 'box' })
    await bench.settle()
    const info = (await bench.store.mail.find('b', 'INBOX'))!
    const box = await bench.store.mail.open('b', info.id)
    const [entry] = await box.list()
    assert.equal((await box.read(entry!)).toString(), `Return-Path: <a@us.test>\r\n${SENT}`)
    assert.deepEqual(await bench.trail(id), ['filed'])
    assert.equal(await bench.store.queue.get(id), undefined)
  })

  test('a filing that the store refuses is a deferral, not a loop', async () => {
    begin().runner.start()
    const settle = bench.store.queue.settle.bind(bench.store.queue)
    bench.store.queue.settle = async (token, changes, also) => {
      if ((also?.filings?.length ?? 0) > 0) throw new MailError('mailbox-forbidden', 'no')
      return settle(token, changes, also)
    }
    bench.deliver = job =>
      job.recipients.map(({ row }) => ({
        kind: 'filed',
        row,
        filings: [{ accountId: 'b', mailbox: 'INBOX', flags: [], prefix: '', date: 1 }],
      }))
    const id = await bench.add(['b@us.test'])
    await bench.settle()
    assert.deepEqual(await bench.trail(id), ['failed', 'bounced'])
  })

  test('signatures stand in front of mail that goes out, not of mail that stays', async () => {
    begin().runner.start()
    bench.sign = async () => [{ name: 'DKIM-Signature', value: 'v=1' }]
    const seen: string[] = []
    bench.deliver = async job => {
      seen.push((await job.read()).toString())
      assert.equal(job.size, seen.at(-1)!.length)
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    bench.targets.set('box', bench.target('local'))
    await bench.add(['b@them.test'])
    await bench.settle()
    await bench.add(['b@us.test'], { target: 'box' })
    await bench.settle()
    assert.deepEqual(seen, [`DKIM-Signature: v=1\r\n${SENT}`, SENT])
  })

  test('mail that cannot be signed does not go out', async () => {
    begin().runner.start()
    bench.sign = () => Promise.reject(new Error('no key'))
    let delivered = false
    bench.deliver = job => {
      delivered = true
      return deferred(job)
    }
    const id = await bench.add(['b@them.test'])
    await bench.settle()
    assert.equal(delivered, false)
    assert.equal((await bench.store.queue.get(id))?.rows[0]?.last?.status, '4.3.0')
  })

  test('tells what happened, once it is true, with the facts of message, recipient and remote', async () => {
    begin().runner.start()
    const tls = 'TLSv1.3'
    const remote = 'mx.them.test [192.0.2.1]:25'
    bench.deliver = job => [
      failed(job)[0]!,
      deferred(job)[1]!,
      { kind: 'delivered', row: 2, remote, reply: '250 ok', tls },
      { kind: 'deferred', row: 3, status: '4.7.0', text: 'wait', hold: 'for a person' },
    ]
    const id = await bench.add(['no@them.test', 'later@them.test', 'yes@them.test', 'held@them.test'])
    await bench.settle()
    assert.deepEqual(
      bench.events.map(({ kind, recipient = '', tries = 0 }) => `${kind} ${recipient} ${tries}`),
      [
        'failed no@them.test 1',
        'delayed later@them.test 1',
        'delivered yes@them.test 1',
        'held held@them.test 0',
        'bounced a@us.test 0',
      ],
    )
    const common = { at: bench.now, message: id, sender: 'a@us.test', size: BODY.length, ageMs: 0 }
    const where = { target: 'far', lane: 'them.test', tries: 1 }
    const yes = { kind: 'delivered', recipient: 'yes@them.test', remote, text: '250 ok', tls }
    assert.deepEqual(bench.events[2], { ...common, ...where, ...yes })
    assert.equal(bench.events[1]!.due, bench.now + 5 * MINUTE)
    assert.equal(bench.events[3]!.hold, 'for a person')
    assert.equal(bench.events[4]!.notice, bench.planned[0]!.id)
    bench.now += 20 * HOUR
    bench.deliver = job => deferred(job)
    await bench.settle()
    assert.equal(bench.events[5]?.kind, 'expired')
  })
})
