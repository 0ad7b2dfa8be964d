/** What the queue runner tells senders: bounces, delays and successes, each once, and to nobody who must not hear of it. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { type DsnWish, type Job, MailError } from '../../../core/api/index.js'
import type { QueueRunnerDeps, RunnerSchedule } from '../../../core/queue/runner.js'
import { Bench, BODY, type Deliver, deferred, failed, HOUR, MINUTE, SENDER } from './runner-bench.js'

describe('the queue runner tells senders:', () => {
  let bench: Bench
  const begin = (schedule: Partial<RunnerSchedule> = {}, more: Partial<QueueRunnerDeps> = {}): Bench => {
    bench = new Bench(schedule, more)
    return bench
  }
  afterEach(() => bench.runner.stop(0))

  test('a refusal comes back to the sender in the same step', async () => {
    begin().runner.start()
    bench.deliver = failed
    const id = await bench.add(['b@them.test', 'c@them.test'])
    await bench.settle()
    assert.equal(bench.planned.length, 1)
    const { recipient, sender, bytes, reason, dsn } = bench.planned[0]!
    assert.deepEqual(recipient, SENDER)
    assert.equal(sender, null)
    assert.equal(reason, `bounce of ${id}`)
    assert.deepEqual(dsn, { notify: ['never'] })
    assert.match(bytes.toString(), /b@them\.test[\s\S]*c@them\.test/)
    assert.match(bytes.toString(), /message\/rfc822/)
    assert.doesNotMatch(bytes.toString(), /secret@/)
    assert.equal(await bench.store.queue.get(id), undefined)
    const inbox = await bench.store.mail.find('sender', 'INBOX')
    assert.equal(inbox?.messages, 1)
  })

  test('only those who failed are in the bounce', async () => {
    begin().runner.start()
    bench.deliver = job => [
      failed(job)[0]!,
      deferred(job)[1]!,
      { kind: 'delivered', row: 2, remote: 'r', reply: '250 ok' },
    ]
    const id = await bench.add(['no@them.test', 'later@them.test', 'yes@them.test'])
    await bench.settle()
    assert.doesNotMatch(bench.planned[0]!.bytes.toString(), /later@|yes@/)
    assert.deepEqual(
      (await bench.store.queue.get(id))?.rows.map(row => [
        row.to.local,
        row.tries,
        row.last?.status,
        row.due - bench.now,
      ]),
      [['later', 1, '4.4.1', 5 * MINUTE]],
    )
  })

  test('nothing is ever returned to the null sender', async () => {
    begin().runner.start()
    bench.deliver = failed
    const id = await bench.add(['b@them.test'], {}, { sender: null })
    await bench.settle()
    assert.equal(bench.planned.length, 0)
    assert.deepEqual(await bench.trail(id), ['failed'])
    assert.equal(await bench.store.queue.get(id), undefined)
  })

  for (const [notify, outcome, notices] of [
    [[], failed, ['failed']],
    [['failure'], failed, ['failed']],
    [['never'], failed, []],
    [['delay'], failed, []],
    [['success'], failed, []],
    [[], undefined, []],
    [['success'], undefined, ['relayed']],
    [['success', 'failure'], undefined, ['relayed']],
    [['never'], undefined, []],
  ] as const) {
    test(`NOTIFY=${notify.join(',') || '(none)'} and ${outcome ? 'failure' : 'success'}: ${notices.join() || 'no'} notice`, async () => {
      begin().runner.start()
      if (outcome !== undefined) bench.deliver = outcome
      await bench.add(['b@them.test'], { dsn: { notify } satisfies DsnWish })
      await bench.settle()
      const actions = bench.planned.map(({ bytes }) => /^Action: (.*)\r$/m.exec(bytes.toString())?.[1])
      assert.deepEqual(actions, notices)
    })
  }

  test('a server that reports itself leaves nothing to be told by us', async () => {
    begin().runner.start()
    bench.deliver = job =>
      job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok', reports: true }))
    await bench.add(['b@them.test'], { dsn: { notify: ['success', 'delay'] } })
    await bench.settle()
    assert.deepEqual(bench.planned, [])
  })

  test('what shall come back after its time does, with 5.4.7 and the time it had', async () => {
    begin().runner.start()
    bench.deliver = job => deferred(job)
    const at = bench.now + 4 * MINUTE
    const deliverBy = { at, mode: 'return', trace: false } as const
    await bench.add(['b@them.test'], { expires: at }, { deliverBy })
    await bench.settle()
    const text = bench.planned[0]!.bytes.toString()
    assert.match(text, /Status: 5\.4\.7/)
    assert.match(text, /Deliver-By-Date: Sat, 21 Nov 2026 00:04:00 \+0000/)
  })

  test('what shall come back after its time is not delivered later, however late the attempt', async () => {
    const deliverBy = { at: begin().now - 1, mode: 'return', trace: false } as const
    bench.runner.start()
    const id = await bench.add(['b@them.test'], {}, { deliverBy })
    await bench.settle()
    assert.deepEqual(await bench.trail(id), ['failed', 'bounced'])
  })

  test('who asked to be told at a time is told then, and the mail is tried further', async () => {
    begin().runner.start()
    bench.deliver = job => deferred(job)
    const deliverBy = { at: bench.now + 2 * MINUTE, mode: 'notify', trace: false } as const
    const id = await bench.add(['b@them.test'], {}, { deliverBy })
    await bench.settle()
    assert.equal(bench.planned.length, 0)
    assert.equal((await bench.store.queue.get(id))?.rows[0]?.due, deliverBy.at)
    bench.now = deliverBy.at
    await bench.settle()
    assert.match(bench.planned[0]!.bytes.toString(), /Action: delayed\r\nStatus: 4\.4\.7/)
    bench.now += 10 * MINUTE
    await bench.settle()
    assert.equal(bench.planned.length, 1)
  })

  test('what came after its time is told of at its first delay, once', async () => {
    begin().runner.start()
    bench.deliver = job => deferred(job)
    const deliverBy = { at: bench.now - HOUR, mode: 'notify', trace: false } as const
    await bench.add(['b@them.test'], {}, { deliverBy, received: bench.now - MINUTE })
    await bench.settle()
    assert.match(bench.planned[0]!.bytes.toString(), /Status: 4\.4\.7/)
    bench.now += 10 * MINUTE
    await bench.settle()
    assert.equal(bench.planned.length, 1)
  })

  test('what is passed on after its time is not told of again, though the limit ends here', async () => {
    begin().runner.start()
    const deliverBy = { at: bench.now - 1, mode: 'notify', trace: false } as const
    await bench.add(['b@them.test'], {}, { deliverBy })
    await bench.settle()
    assert.deepEqual(bench.planned, [])
  })

  test('a notice is as urgent as the message it speaks of, and says how it was held', async () => {
    begin().runner.start()
    bench.deliver = failed
    const held = { holdUntil: bench.now - 1, holdAsked: 'for;120' }
    await bench.add(['b@them.test'], {}, { priority: -3, ...held })
    await bench.settle()
    assert.equal(bench.planned[0]?.priority, -3)
    assert.match(bench.planned[0]!.bytes.toString(), /\r\nFuture-Release-Request: for;120\r\n/)
  })

  test('who is sent on to several addresses is told so when the first is served', async () => {
    begin().runner.start()
    await bench.add(['b@them.test'], { dsn: { notify: ['failure'], expanded: true } })
    await bench.add(['c@them.test'], { dsn: { notify: ['failure'] } })
    await bench.settle()
    assert.equal(bench.planned.length, 1)
    assert.match(bench.planned[0]!.bytes.toString(), /\r\nAction: expanded\r\nStatus: 2\.0\.0\r\n/)
  })

  test('what goes on in the name of a list has neither ENVID nor RET of its sender', async () => {
    begin().runner.start()
    const jobs: Job[] = []
    bench.deliver = job => {
      jobs.push(job)
      return failed(job)
    }
    await bench.add(['b@them.test'], { sender: { local: 'owner', domain: 'us.test' } }, { envid: 'E1', ret: 'HDRS' })
    await bench.settle()
    assert.deepEqual([jobs[0]?.envid, jobs[0]?.ret], [undefined, undefined])
    assert.doesNotMatch(bench.planned[0]!.bytes.toString(), /Original-Envelope-Id/)
  })

  for (const [trace, timed, notify, actions] of [
    [true, true, [], ['relayed']],
    [false, true, [], []],
    [false, undefined, [], ['relayed']],
    [true, true, ['never'], []],
  ] as const) {
    test(`a time limit ${trace ? 'with' : 'without'} trace, ${timed ? 'passed on' : 'ending here'}, NOTIFY=${notify.join() || '(none)'}: ${actions.join() || 'no'} notice`, async () => {
      begin().runner.start()
      const more = timed === undefined ? {} : { timed }
      bench.deliver = job =>
        job.recipients.map(({ row }) => ({
          kind: 'delivered',
          row,
          remote: 'r',
          reply: '250 ok',
          reports: true,
          ...more,
        }))
      const deliverBy = { at: bench.now + HOUR, mode: 'notify', trace } as const
      await bench.add(['b@them.test'], { dsn: { notify } }, { deliverBy })
      await bench.settle()
      assert.deepEqual(
        bench.planned.map(({ bytes }) => /^Action: (.*)\r$/m.exec(bytes.toString())?.[1]),
        actions,
      )
    })
  }

  test('what was held for its time is as old as its release', async () => {
    begin().runner.start()
    bench.deliver = job => deferred(job)
    const holdUntil = bench.now + 24 * HOUR
    await bench.add(['b@them.test'], { due: holdUntil, expires: holdUntil + HOUR }, { holdUntil })
    await bench.settle()
    assert.equal(bench.told.length, 0)
    bench.now = holdUntil
    await bench.settle()
    assert.equal(bench.told.length, 1)
    assert.equal(bench.planned.length, 0)
  })

  test('a bounce of what asked for TLS all the way asks for it too and holds no content', async () => {
    begin().runner.start()
    bench.deliver = failed
    await bench.add(['b@them.test'], {}, { requireTls: true, ret: 'FULL' })
    await bench.settle()
    const [notice] = bench.planned
    assert.equal(notice?.requireTls, true)
    assert.match(notice!.bytes.toString(), /Content-Type: text\/rfc822-headers/)
    assert.doesNotMatch(notice!.bytes.toString(), /^body\r$/m)
  })

  for (const [ret, size, type] of [
    [undefined, 100, 'message/rfc822'],
    ['FULL', 100, 'message/rfc822'],
    ['HDRS', 100, 'text/rfc822-headers'],
    [undefined, 60_000, 'text/rfc822-headers'],
  ] as const) {
    test(`RET=${ret ?? '(none)'} and ${size} octets return ${type}`, async () => {
      begin().runner.start()
      bench.deliver = failed
      const bytes = Buffer.from(`${BODY}${`${'x'.repeat(70)}\r\n`.repeat(size / 72)}`)
      await bench.add(['b@them.test'], {}, { body: { kind: 'memory', bytes }, ...(ret === undefined ? {} : { ret }) })
      await bench.settle()
      assert.match(bench.planned[0]!.bytes.toString(), new RegExp(`Content-Type: ${type}`))
    })
  }

  test('the sender is told of a delay once', async () => {
    begin().runner.start()
    bench.deliver = job => deferred(job)
    const id = await bench.add(['b@them.test'])
    for (const hour of [0, 1, 2, 3, 4, 5, 6]) {
      bench.now = Date.UTC(2026, 10, 21) + hour * HOUR + hour * 10 * MINUTE
      await bench.settle()
    }
    assert.equal(bench.planned.length, 1)
    assert.match(bench.planned[0]!.bytes.toString(), /Action: delayed/)
    assert.equal((await bench.store.queue.get(id))?.rows[0]?.warned, true)
  })

  for (const [what, deliver] of [
    ['throws', () => Promise.reject(new Error('bug'))],
    ['throws at once', () => assert.fail('bug')],
    ['says nothing of a recipient', () => []],
    ['speaks of strangers', () => [{ kind: 'delivered', row: 99, remote: 'r', reply: '250' }]],
  ] as const satisfies readonly (readonly [string, Deliver])[]) {
    test(`a target that ${what} defers the mail with 4.3.0`, async () => {
      begin().runner.start()
      bench.deliver = deliver
      const id = await bench.add(['b@them.test'])
      await bench.settle()
      const row = (await bench.store.queue.get(id))?.rows[0]
      assert.equal(row?.last?.status, '4.3.0')
      assert.equal(row?.due, bench.now + 5 * MINUTE)
    })
  }

  test('when the bounce cannot be routed now, the recipient stays in the queue', async () => {
    begin().runner.start()
    bench.deliver = failed
    bench.plan = async () => {
      throw new MailError('directory-unavailable', 'down')
    }
    const id = await bench.add(['b@them.test'])
    await bench.settle()
    assert.match((await bench.store.queue.get(id))?.rows[0]?.last?.text ?? '', /the sender cannot be told yet/)
    bench.plan = async message => bench.acceptanceOf(message)
    bench.now += 5 * MINUTE
    await bench.settle()
    assert.equal(await bench.store.queue.get(id), undefined)
    assert.equal(bench.planned.length, 1)
  })

  test('when nobody takes the bounce, that is on record', async () => {
    begin().runner.start()
    bench.deliver = failed
    bench.plan = async () => undefined
    const id = await bench.add(['b@them.test'])
    await bench.settle()
    assert.deepEqual(await bench.trail(id), ['failed', 'bounced'])
    assert.ok(bench.logged.some(line => line.sentence === 'nobody takes the notification'))
  })
})
