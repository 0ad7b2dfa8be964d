/** Mail that is filed out of the queue and goes on from there, or is answered: the step that settles it holds all of that. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { type Answer, type Forward, type Outcome, via } from '../../../core/api/index.js'
import { Bench, BODY, HOUR } from './runner-bench.js'

const FAR = { local: 'b', domain: 'far.test' }
const FIELDS = [{ name: 'Delivered-To', value: 'a@us.test' }]
const FORWARD: Forward = { to: FAR, claims: [via('far', FAR, { fields: FIELDS })], because: 'a rule' }
const ANSWER: Answer = {
  id: 'answer.1',
  sender: null,
  to: { local: 's', domain: 'far.test' },
  bytes: Buffer.from(BODY),
  reason: 'vacation answer',
}

describe('what is filed out of the queue', () => {
  let bench: Bench
  afterEach(() => bench.runner.stop(0))

  function begin(wish: Omit<Extract<Outcome, { kind: 'filed' }>, 'kind' | 'row'>): void {
    bench = new Bench()
    const mda = { ...bench.target('local'), lane: () => 'local' }
    mda.deliver = async job => job.recipients.map(({ row }) => ({ kind: 'filed', row, ...wish }))
    bench.targets.set('mda', mda)
  }
  const filing = { accountId: 'a', mailbox: 'INBOX', flags: [], prefix: '', date: 1 }

  test('goes on: the last row of the message is done, and the new one is delivered', async () => {
    begin({ filings: [filing], forwards: [FORWARD] })
    const seen: string[] = []
    bench.deliver = async job => {
      seen.push(`${job.recipients[0]!.to.local}@${job.lane} ${job.prefix}`)
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    const id = await bench.add(['a@us.test'], { target: 'mda', onward: 'Received: onward\r\n' })
    bench.runner.start()
    for (let turn = 0; turn < 3; turn++) await bench.settle()
    assert.deepEqual(seen, ['b@far.test Delivered-To: a@us.test\r\nReceived: onward\r\n'])
    assert.equal(await bench.store.queue.get(id), undefined)
    assert.deepEqual(await bench.trail(id), ['filed', 'forwarded', 'delivered'])
    assert.equal((await bench.store.mail.usage('a')).messages, 1)
  })

  test('is held where the admin holds what goes there', async () => {
    begin({ filings: [], forwards: [FORWARD] })
    const where = [{ field: 'domain', is: '=', value: 'far.test' }] as const
    const id = await bench.add(['a@us.test'], { target: 'mda' })
    await bench.store.queue.addHoldRule({ id: 'r', where, reason: 'asked', created: 1 })
    bench.runner.start()
    await bench.settle()
    const { rows } = (await bench.store.queue.get(id))!
    assert.deepEqual(
      rows.map(({ hold, target }) => [hold, target]),
      [['asked', 'far']],
    )
  })

  test('is held where a hook has held what goes out, until it is released', async () => {
    begin({ filings: [filing], forwards: [FORWARD] })
    const seen: string[] = []
    bench.deliver = async job => {
      seen.push(job.lane)
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    const id = await bench.add(['a@us.test'], { target: 'mda', onwardHold: 'looked at first' })
    bench.runner.start()
    for (let turn = 0; turn < 3; turn++) await bench.settle()
    const [row] = (await bench.store.queue.get(id))!.rows
    assert.deepEqual([row!.target, row!.hold, seen], ['far', 'looked at first', []])
    assert.deepEqual(await bench.trail(id), ['filed', 'forwarded', 'held'])
    await bench.store.queue.change(id, { kind: 'release' })
    for (let turn = 0; turn < 3; turn++) await bench.settle()
    assert.deepEqual(seen, ['far.test'])
  })

  test('is answered', async () => {
    begin({ filings: [filing], answers: [ANSWER] })
    const id = await bench.add(['a@us.test'], { target: 'mda' })
    bench.runner.start()
    await bench.settle()
    assert.deepEqual(
      bench.planned.map(one => [one.id, one.reason, one.dsn.notify]),
      [['answer.1', 'vacation answer', ['never']]],
    )
    assert.deepEqual(await bench.trail(id), ['filed', 'answered'])
  })

  test('is answered later where a hook has held what goes out: the answer is held for the same reason', async () => {
    begin({ filings: [filing], answers: [ANSWER] })
    await bench.add(['a@us.test'], { target: 'mda', onwardHold: 'looked at first' })
    bench.runner.start()
    await bench.settle()
    assert.deepEqual(
      bench.planned.map(({ id, hold }) => [id, hold]),
      [['answer.1', 'looked at first']],
    )
  })

  test('and cannot go on now: it is not filed, and tried again', async () => {
    begin({ filings: [filing], forwards: [{ ...FORWARD, claims: [via('missing', FAR)] }] })
    const id = await bench.add(['a@us.test'], { target: 'mda' })
    bench.runner.start()
    await bench.settle()
    const [row] = (await bench.store.queue.get(id))!.rows
    assert.deepEqual([row!.target, row!.last!.status, row!.tries], ['mda', '4.3.0', 1])
    assert.ok(row!.due > bench.now && row!.due < bench.now + HOUR)
    assert.deepEqual(await bench.store.mail.usage('a'), { bytes: 0, messages: 0 })
  })

  test('and was taken for spam and would only go on: it waits', async () => {
    begin({ filings: [], forwards: [FORWARD] })
    const id = await bench.add(['a@us.test'], { target: 'mda', quarantine: 'spam' })
    bench.runner.start()
    await bench.settle()
    const [row] = (await bench.store.queue.get(id))!.rows
    assert.deepEqual([row!.target, row!.last!.text], ['mda', 'mail taken for spam is not sent on, and no copy is kept'])
  })

  test('and was taken for spam: it stays, and nobody is answered', async () => {
    begin({ filings: [filing], forwards: [FORWARD], answers: [ANSWER] })
    const id = await bench.add(['a@us.test'], { target: 'mda', quarantine: 'spam' })
    bench.runner.start()
    await bench.settle()
    assert.equal(await bench.store.queue.get(id), undefined)
    assert.deepEqual(await bench.trail(id), ['filed'])
    assert.deepEqual(bench.planned, [])
  })
})
