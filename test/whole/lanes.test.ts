/** Destinations under trouble, seen from outside: a server with two workers, a name server, and peers that are dead, too busy, or shared. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { commandLine } from '../harness/command-line.js'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { sendMail } from '../harness/send-mail.js'
import { SmtpSink } from '../harness/smtp-sink.js'

interface Lanes {
  readonly suspended: readonly {
    readonly key: string
    readonly by: string
    readonly why: string
    readonly rule?: string
  }[]
}

describe('destinations of a server with two workers', () => {
  let dns: DnsServer
  let sink: SmtpSink
  let server: Instance
  /** Recipients at whom the peer wants to be left alone. */
  let busy = true

  before(async () => {
    dns = await startDnsServer()
    sink = new SmtpSink({
      script: (stage, argument) =>
        stage === 'rcpt' && argument.includes('@busy.test') && busy
          ? '421 4.7.0 [TSS04] Messages from 127.0.0.1 temporarily deferred due to user complaints'
          : undefined,
    })
    await sink.start()
    server = await Instance.make({
      without: CONTENT,
      server: {
        workers: 2,
        trusted: ['127.0.0.0/8'],
        dns: { servers: [dns.address], timeout: '10s', tries: 2 },
        queue: {
          retry: ['30m'],
          warn_after: [],
          lanes: [{ match: ['slow.test'], concurrency: 1, rates: { messages: '3/10m', recipients: '100/1h' } }],
          sources: [{ match: ['system'], rates: { connections: '1000/1h' } }],
        },
      },
      plugins: { mx: { port: sink.port, allow_private: true, connect_timeout: '10s' } },
    })
    for (const name of ['busy.test', 'slow.test', 'one.test', 'two.test']) dns.set(name, { mx: [[10, 'mx.peer.test']] })
    dns.set('mx.peer.test', { a: ['127.0.0.1'] })
    dns.set('slow.test', { mx: [[10, 'mx.slow.test']] })
    dns.set('mx.slow.test', { a: ['127.0.0.1'] })
    dns.set('busy.test', { mx: [[10, 'mx.busy.test']] })
    dns.set('mx.busy.test', { a: ['127.0.0.1'] })
    for (const name of ['dead1.test', 'dead2.test']) dns.set(name, { mx: [[10, 'mx.dead.test']] })
    // Nobody listens there.
    dns.set('mx.dead.test', { a: ['127.0.0.77'] })
    await server.start()
  })
  after(async () => {
    await server?.destroy()
    await sink?.stop()
    await dns?.close()
  })

  const send = (to: string, subject: string) => sendMail(server.ports.mx, { from: 'a@sender.test', to: [to], subject })
  const lanes = async () => JSON.parse((await commandLine(server, 'delivery', 'lanes', '--json')).out) as Lanes
  const suspension = (key: string) => eventually(async () => (await lanes()).suspended.find(one => one.key === key))
  const taken = (domain: string) =>
    sink.messages.filter(({ recipients }) => recipients.some(one => one.includes(`@${domain}`)))
  const waiting = async (domain: string) =>
    JSON.parse((await commandLine(server, 'queue', 'ls', `domain=${domain}`, '--json')).out) as readonly {
      id: string
    }[]

  test('a dead site is left alone, for all its domains and in both workers, and explain says so', async () => {
    for (let i = 0; i < 12; i += 1) await send(`b${i}@dead1.test`, `first ${i}`)
    const { by, why } = await suspension('mx/mx.dead.test')
    assert.equal(by, 'dead')
    assert.match(why, /connection refused/)
    await eventually(async () => ((await waiting('dead1.test')).length === 12 ? true : undefined))
    const attempts = () => server.log.match(/"remote":"mx\.dead\.test/g)?.length ?? 0
    const before = attempts()
    // The second domain has been heard of by one worker at least once it was tried; the site is known from then on.
    for (let i = 0; i < 40; i += 1) await send(`b${i}@dead1.test`, `second ${i}`)
    await send('b@one.test', 'another goes at once')
    await eventually(async () => (taken('one.test').length === 1 ? true : undefined))
    assert.ok(attempts() - before <= 8, `${attempts() - before} attempts for 40 more messages`)
    const { out } = await commandLine(server, 'delivery', 'explain', 'dead2.test')
    assert.match(out, /lane {7}dead2\.test, site mx\.dead\.test/)
    assert.match(out, /host {7}mx\.dead\.test:\d+ \(10\): 127\.0\.0\.77/)
    assert.match(out, /state {6}suspended until .*nobody answers/)
    const earlier = attempts()
    assert.equal((await commandLine(server, 'queue', 'retry', 'domain=dead1.test', '--yes')).code, 0)
    await eventually(async () => (attempts() > earlier ? true : undefined))
  })

  test('a reply that a rule knows suspends, is classed, and ends when an admin says so', async () => {
    await send('b@busy.test', 'busy 1')
    const { by, rule } = await suspension('mx/mx.busy.test')
    assert.deepEqual([by, rule], ['reply', 'yahoo-deferred'])
    const [log] = await server.logged(/\{[^\n]*"class":"rate-limited"[^\n]*"msg":"deferred"[^\n]*/)
    assert.match(log, /"rule":"yahoo-deferred"/)
    const { out: listed } = await commandLine(server, 'queue', 'ls', 'class=rate-limited')
    assert.match(listed, /b@busy\.test .*rate-limited/)
    await send('c@busy.test', 'busy 2')
    busy = false
    assert.equal(taken('busy.test').length, 0)
    const { code, out } = await commandLine(server, 'delivery', 'resume', 'busy.test')
    assert.equal(code, 0, 'the site of the domain is meant too')
    assert.match(out, /^mx\/mx\.busy\.test gets mail again/)
    await eventually(async () => (taken('busy.test').length === 1 ? true : undefined))
  })

  test('an admin suspends a domain, its mail waits, and goes when it is resumed', async () => {
    const { out } = await commandLine(
      server,
      'delivery',
      'suspend',
      'two.test',
      '--for',
      '2h',
      '--why',
      'they move house',
    )
    assert.match(out, /^mx\/two\.test is suspended until /)
    await send('b@two.test', 'waits')
    await send('b@one.test', 'of the same site, and goes')
    await eventually(async () => (taken('one.test').length === 2 ? true : undefined))
    assert.equal(taken('two.test').length, 0)
    const explained = JSON.parse((await commandLine(server, 'delivery', 'explain', 'two.test', '--json')).out) as {
      ways: readonly { suspended: { why: string } }[]
    }
    assert.equal(explained.ways[0]!.suspended.why, 'they move house')
    const retried = await commandLine(server, 'queue', 'retry', 'domain=two.test')
    assert.match(retried.out, /mx\/two\.test is suspended for .* more: its mail waits/)
    assert.equal(taken('two.test').length, 0)
    await commandLine(server, 'delivery', 'resume', 'two.test')
    await eventually(async () => (taken('two.test').length === 1 ? true : undefined))
  })

  test('a rate holds over both workers, and explain says what is used and who set it', async () => {
    for (let i = 0; i < 8; i += 1) await send(`b${i}@slow.test`, `slow ${i}`)
    // The first ones may be counted before the site is known: once for each worker.
    await eventually(async () => (taken('slow.test').length >= 3 ? true : undefined))
    await send('c@one.test', 'after them')
    await eventually(async () => (taken('one.test').length === 3 ? true : undefined))
    assert.ok(taken('slow.test').length <= 5, `${taken('slow.test').length} messages`)
    const { out } = await commandLine(server, 'delivery', 'explain', 'slow.test')
    assert.match(out, /limit {6}at once, per worker: 1 \(.*server\.yaml:\d+:\d+\)/)
    assert.match(out, /limit {6}messages: 3 in 10m, 3 used \(.*server\.yaml:\d+:\d+\)/)
    assert.match(out, /limit {6}longest pause: 30m \(default\)/)
    assert.match(out, /limit {6}connections by system: 1000 in 1h, [1-9]\d* used/)
  })

  test('wrong destinations and times are told', async () => {
    assert.equal((await commandLine(server, 'delivery', 'resume', 'nobody.test')).code, 1)
    assert.equal((await commandLine(server, 'delivery', 'suspend', 'no domain')).code, 2)
    assert.equal((await commandLine(server, 'delivery', 'suspend', 'one.test', '--for', 'ever')).code, 2)
  })
})
