/**
 * Queue runner and mx target together, over the store in memory: mail for a host that is down waits and arrives once, or comes back.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, describe, test } from 'node:test'
import type { Acceptance } from '../../../core/api/index.js'
import type { OwnMessage } from '../../../core/pipeline/intake-types.js'
import { QueueRunner } from '../../../core/queue/runner.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { freePort } from '../../harness/ports.js'
import { program } from '../../harness/shared.js'
import { SmtpSink } from '../../harness/smtp-sink.js'
import { makeRig } from './rig.js'

const MESSAGE = Buffer.from('From: a@us.test\r\nTo: b@them.test\r\nSubject: Hi\r\n\r\n.dots\r\n')
const PREFIX = 'Received: by us.test\r\n'

describe('queue and mx together', () => {
  const closing: (() => Promise<void> | void)[] = []
  after(async () => {
    for (const close of closing.reverse()) await close()
  })

  async function begin(port: number, retryMs: readonly number[]) {
    const store = createMemoryStore()
    const rig = await makeRig({ routes: { '*': `127.0.0.1:${port}` }, keep_idle: '1s' })
    const bounces: OwnMessage[] = []
    const runner = new QueueRunner({
      store,
      targets: new Map([['mx', rig.target]]),
      plan: async message => void bounces.push(message) as undefined,
      pipeline: { gather: () => [], tell: () => undefined },
      server: { name: 'us.test' },
      schedule: { retryMs, warnAfterMs: [], concurrency: 10, perLane: 4, leaseMs: 60_000 },
      clock: { now: () => Date.now() },
      log: silent,
      metrics: { count: () => undefined, observe: () => undefined },
    })
    runner.start()
    closing.push(() => runner.stop(0), rig.dispose)
    return { store, bounces }
  }

  test('mail for a host that is down waits and arrives once', async () => {
    const sink = new SmtpSink({ port: await freePort() })
    closing.push(() => sink.stop())
    const { store } = await begin(sink.port, [30])
    await store.accept(acceptance('down.1', 60_000))
    await until(async () => ((await store.queue.get('down.1'))?.rows[0]?.tries ?? 0) >= 2)
    await sink.start()
    await until(async () => (await store.queue.totals()).rows === 0)
    await new Promise(resolve => setTimeout(resolve, 100))
    assert.equal(sink.messages.length, 1)
    assert.equal(sink.messages[0]?.data.toString(), PREFIX + MESSAGE.toString())
    const events = (await store.trail.of('down.1')).map(entry => entry.event)
    assert.equal(events.at(-1), 'delivered')
    assert.ok(events.slice(0, -1).every(event => event === 'deferred'))
  })

  test('when it stays down the mail comes back to its sender', async () => {
    const { store, bounces } = await begin(await freePort(), [30])
    await store.accept(acceptance('gone.1', 150))
    await until(async () => (await store.queue.totals()).rows === 0)
    assert.equal(bounces.length, 1)
    assert.deepEqual(bounces[0]?.recipient, { local: 'a', domain: 'us.test' })
    const text = bounces[0]!.bytes.toString()
    assert.match(text, /cannot connect: connection refused/)
    assert.match(text, /Action: failed\r\nStatus: 4\.4\.1\r\nRemote-MTA: dns; \[127\.0\.0\.1\]/)
  })

  const sinkProgram = program('smtp-sink')
  // Started by root it insists on giving its rights away.
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const without = sinkProgram === undefined ? { skip: "Postfix's smtp-sink is not installed" } : {}
  test("Postfix's smtp-sink takes two hundred mails", { ...without }, async () => {
    const port = await freePort()
    const child = spawn(sinkProgram!, [...asNobody, `127.0.0.1:${port}`, '100'], { stdio: 'ignore' })
    closing.push(() => void child.kill())
    const { store } = await begin(port, [50])
    for (let i = 0; i < 200; i += 1) await store.accept(acceptance(`n${i}.1`, 60_000))
    await until(async () => (await store.queue.totals()).rows === 0)
    const events = await Promise.all(Array.from({ length: 200 }, (_, i) => store.trail.of(`n${i}.1`)))
    assert.ok(events.every(entries => entries.at(-1)?.event === 'delivered'))
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
})

const silent = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silent,
}

function acceptance(id: string, expireMs: number): Acceptance {
  const now = Date.now()
  const to = { local: 'b', domain: 'them.test' }
  return {
    message: {
      id,
      body: { kind: 'memory', bytes: MESSAGE },
      cuts: [],
      sender: { local: 'a', domain: 'us.test' },
      utf8: false,
      bodyType: '7BIT',
      received: now,
      origin: {},
    },
    rows: [
      {
        row: 0,
        to,
        original: to,
        dsn: { notify: [] },
        target: 'mx',
        lane: 'them.test',
        detail: {},
        prefix: PREFIX,
        due: now,
        expires: now + expireMs,
        priority: 0,
      },
    ],
    filings: [],
    trail: [],
  }
}

async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise(resolve => setTimeout(resolve, 10))
}
