/**
 * The queue runner over the store in memory, with targets that do what a test says and a clock that a test moves.
 */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import {
  type Acceptance,
  type Call,
  type DsnWish,
  type Job,
  type Log,
  MailError,
  type NewField,
  type NewRow,
  type Outcome,
  type QueueEvent,
  type Store,
  type Target,
} from '../../../core/api/index.js'
import type { OwnMessage } from '../../../core/pipeline/intake-types.js'
import { QueueRunner, type QueueRunnerDeps, type RunnerSchedule } from '../../../core/queue/runner.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const SENDER = { local: 'a', domain: 'us.test' }
const BODY = 'From: a@us.test\r\nSubject: Hi\r\nBcc: secret@us.test\r\n\r\nbody\r\n'
const BCC = [BODY.indexOf('Bcc:'), BODY.indexOf('\r\n\r\n') + 2] as const
const PREFIX = 'Received: by us.test\r\n'
const SENT = PREFIX + BODY.slice(0, BCC[0]) + BODY.slice(BCC[1])

type Deliver = (job: Job, call: Call) => Promise<readonly Outcome[]> | readonly Outcome[]

class Bench {
  now = Date.UTC(2026, 10, 21)
  readonly store: Store = createMemoryStore({ now: () => this.now })
  readonly logged: { level: string; facts: Record<string, unknown>; sentence: string }[] = []
  readonly planned: OwnMessage[] = []
  readonly told: (readonly Outcome[])[] = []
  readonly events: QueueEvent[] = []
  readonly targets = new Map<string, Target>()
  runner: QueueRunner
  deliver: Deliver = job => job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
  plan: QueueRunnerDeps['plan'] = async message => this.acceptanceOf(message)
  sign: () => Promise<NewField[]> = async () => []
  #count = 0

  constructor(schedule: Partial<RunnerSchedule> = {}, more: Partial<QueueRunnerDeps> = {}) {
    this.targets.set('far', this.target('remote'))
    this.runner = this.makeRunner(schedule, more)
  }

  makeRunner(schedule: Partial<RunnerSchedule> = {}, more: Partial<QueueRunnerDeps> = {}): QueueRunner {
    return new QueueRunner({
      store: this.store,
      targets: this.targets,
      plan: (message, scope) => this.plan(message, scope),
      pipeline: {
        gather: async () => (await this.sign()) as never,
        tell: (moment, asked) => {
          if (moment === 'settled') this.told.push((asked as { outcomes: readonly Outcome[] }).outcomes)
          else this.events.push((asked as { event: QueueEvent }).event)
        },
      },
      server: { name: 'us.test' },
      schedule: {
        retryMs: [5 * MINUTE, 30 * MINUTE, HOUR],
        warnAfterMs: [4 * HOUR],
        concurrency: 10,
        perLane: 3,
        leaseMs: 120_000,
        ...schedule,
      },
      clock: { now: () => this.now },
      log: this.#log(),
      metrics: { count: () => undefined, observe: () => undefined },
      random: () => 0.5,
      ...more,
    })
  }

  target(scope: Target['scope']): Target {
    return { scope, lane: to => to.domain, deliver: async (job, call) => this.deliver(job, call) }
  }

  async add(
    to: readonly string[],
    more: Partial<NewRow> = {},
    message: Partial<Acceptance['message']> = {},
  ): Promise<string> {
    this.#count += 1
    const id = `m${this.#count}.1`
    await this.store.accept({
      message: {
        id,
        body: { kind: 'memory', bytes: Buffer.from(BODY) },
        cuts: [BCC],
        sender: SENDER,
        utf8: false,
        bodyType: '7BIT',
        received: this.now,
        origin: {},
        ...message,
      },
      rows: to.map((text, row) => this.row(text, row, more)),
      filings: [],
      trail: [],
    })
    return id
  }

  row(text: string, row: number, more: Partial<NewRow> = {}): NewRow {
    const [local = '', domain = ''] = text.split('@')
    const to = { local, domain }
    return {
      row,
      to,
      original: to,
      dsn: { notify: [] },
      target: 'far',
      lane: domain,
      detail: {},
      prefix: PREFIX,
      due: this.now,
      expires: this.now + 10 * HOUR,
      priority: 0,
      ...more,
    }
  }

  acceptanceOf(message: OwnMessage): Acceptance {
    this.planned.push(message)
    const { id, sender, utf8, bytes } = message
    return {
      message: {
        id,
        body: { kind: 'memory', bytes },
        cuts: [],
        sender,
        utf8,
        bodyType: '8BITMIME',
        received: this.now,
        origin: {},
      },
      rows: [],
      filings: [{ accountId: 'sender', mailbox: 'INBOX', flags: [], prefix: '', date: this.now }],
      trail: [],
    }
  }

  /** Lets the runner work until nothing is under way. */
  async settle(): Promise<void> {
    this.runner.wake()
    for (let quiet = 0; quiet < 5; quiet += 1) await new Promise(resolve => setTimeout(resolve, 2))
  }

  async trail(id: string): Promise<readonly string[]> {
    return (await this.store.trail.of(id)).map(entry => entry.event)
  }

  #log(): Log {
    const at = (level: string) => (facts: object, sentence: string) =>
      void this.logged.push({ level, facts: facts as Record<string, unknown>, sentence })
    const log: Log = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug'), child: () => log }
    return log
  }
}

function deferred(job: Job, status = '4.4.1'): readonly Outcome[] {
  return job.recipients.map(({ row }) => ({ kind: 'deferred', row, status, text: 'nobody answers' }))
}

function failed(job: Job): readonly Outcome[] {
  return job.recipients.map(({ row }) => ({
    kind: 'failed',
    row,
    status: '5.1.1',
    text: 'mx refused: 550 5.1.1 no such user',
    remote: 'mx.them.test [192.0.2.1]:25',
    reply: '550 5.1.1 no such user',
  }))
}

function gate(): { readonly promise: Promise<void>; open(): void } {
  let open: () => void = () => undefined
  const promise = new Promise<void>(resolve => {
    open = resolve
  })
  return { promise, open: () => open() }
}

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
    let attempts = 0
    bench.deliver = async job => {
      attempts += 1
      await held.promise
      return job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
    }
    const id = await bench.add(['b@them.test'])
    bench.runner.start()
    for (let i = 0; i < 10; i += 1) {
      bench.now += 15
      await bench.settle()
    }
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
    await new Promise(resolve => setTimeout(resolve, 40))
    held.open()
    await bench.settle()
    assert.equal((await bench.store.queue.get(id))?.rows[0]?.tries, 0)
    assert.ok(bench.logged.some(line => line.sentence === 'lease lost'))
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
    await new Promise(resolve => setTimeout(resolve, 550))
    assert.equal(await bench.store.queue.get(id), undefined)
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

  describe('looked after', () => {
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
})
