/**
 * A started server with two workers, a name server and sinks on loopback: aliases, families, loops by address, and a warm-up that both
 * workers count together.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { CONTENT, eventually, Instance, PATIENCE_MS } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const python = program('python3')
const skip = python === undefined ? 'no python3' : false

const SEND = `
import smtplib, ssl, sys
port, count, *to = sys.argv[1:]
for n in range(int(count)):
    client = smtplib.SMTP("127.0.0.1", int(port), timeout=60)
    client.starttls(context=ssl._create_unverified_context())
    client.login("alice@us.test", "secret words")
    client.sendmail("alice@us.test", to, "From: alice@us.test\\r\\nTo: x@us.test\\r\\nSubject: %d\\r\\n\\r\\nhello\\r\\n" % n)
    client.quit()
`

describe('mail by MX from a started server', { skip }, () => {
  let dns: DnsServer
  let server: Instance
  let sink: SmtpSink
  let six: SmtpSink

  before(async () => {
    dns = await startDnsServer()
    const today = new Date().toISOString().slice(0, 10)
    const since = new Date(Date.parse(today) - 86_400_000).toISOString().slice(0, 10)
    const warm = { since, per_day: [3, 3, 3] }
    server = await Instance.make({
      without: CONTENT,
      domain: 'us.test',
      users: [['alice@us.test', 'secret words']],
      server: {
        workers: 2,
        dns: { servers: [dns.address], timeout: '10s', tries: 2 },
        queue: { retry: ['1s'], warn_after: [] },
      },
    })
    await server.edit('plugins.yaml', text =>
      // our own door is 127.0.0.1, at the port where mail hosts are asked
      text.replace(
        /^- use: mx$/m,
        `- use: mx
  with: ${JSON.stringify({
    port: server.ports.mx,
    allow_private: true,
    keep_idle: '0s',
    pools: {
      warm: {
        sources: [
          { address: '127.0.0.77', weight: 1, warm_up: warm },
          { address: '127.0.0.78', weight: 0 },
        ],
      },
    },
    pool_rules: [{ to: ['warm.test'], pool: 'warm' }],
  })}`,
      ),
    )
    sink = await new SmtpSink({ address: '127.0.0.2', port: server.ports.mx }).start()
    six = await new SmtpSink({ address: '::1', port: server.ports.mx }).start()
    const here = { a: ['127.0.0.2'] }
    dns.set('mx.test', here)
    dns.set('warm.test', { mx: [[10, 'mx.test']] })
    dns.set('alias.test', { cname: 'real.test' })
    dns.set('real.test', { mx: [[10, 'other.test']] })
    dns.set('other.test', { cname: 'mx.test' })
    dns.set('loop.test', {
      mx: [
        [10, 'strange-name.test'],
        [20, 'mx.test'],
      ],
    })
    dns.set('strange-name.test', { a: ['127.0.0.1'] })
    dns.set('six.test', { mx: [[10, 'six-host.test']] })
    dns.set('six-host.test', { aaaa: ['::1'] })
    dns.set('dead.test', { mx: [[10, 'half.test']] })
    dns.set('half.test', { aaaa: ['2001:db8::1'], ...here })
    await server.start()
  })
  after(async () => {
    await Promise.all([server?.destroy(), sink?.stop(), six?.stop()])
    await dns?.close()
  })

  async function send(to: string, count = 1): Promise<void> {
    const args = ['-c', SEND, String(server.ports.submission), String(count), to]
    const { code, stderr } = await runProgram(python!, args)
    assert.equal(code, 0, stderr)
  }

  const lines = (to: string, sentence: string) =>
    server.log
      .split('\n')
      .filter(text => text.startsWith('{'))
      .map(text => JSON.parse(text) as Record<string, unknown>)
      .filter(one => one.to === to && one.msg === sentence)
  const line = (to: string, sentence: string) =>
    eventually(
      () => lines(to, sentence)[0],
      PATIENCE_MS,
      () => `no ${sentence} of ${to} in:\n${server.log}`,
    )

  test('follows aliases of domain and mail host, and leaves the address as it was', async () => {
    await send('x@alias.test')
    assert.match(String((await line('x@alias.test', 'delivered')).remote), /^other\.test \[127\.0\.0\.2\]/)
    assert.ok(sink.messages.some(({ recipients }) => recipients[0] === 'x@alias.test'))
  })

  test('finds itself behind a name it does not know, and sends to no worse host', async () => {
    await send('x@loop.test')
    assert.equal((await line('x@loop.test', 'failed')).status, '5.4.6')
    assert.ok(!sink.messages.some(({ recipients }) => recipients[0] === 'x@loop.test'))
  })

  test('goes over IPv6', async () => {
    await send('x@six.test')
    assert.match(String((await line('x@six.test', 'delivered')).remote), /\[::1\]/)
    assert.equal(six.messages.length, 1)
  })

  test('goes over IPv4 when IPv6 does not work, within seconds', async () => {
    await send('x@dead.test')
    const { remote, tries } = await line('x@dead.test', 'delivered')
    assert.match(String(remote), /\[127\.0\.0\.2\]/)
    assert.equal(tries, 1)
  })

  test('is counted by both workers together while an address is warmed up', async () => {
    const day = () => new Date().toISOString().slice(0, 10)
    const begun = day()
    await send('x@warm.test', 8)
    await eventually(() => (lines('x@warm.test', 'delivered').length === 8 ? true : undefined))
    const by = lines('x@warm.test', 'delivered').map(({ source }) => String(source).split(' ')[1])
    const warm = by.filter(address => address === '127.0.0.77').length
    // a midnight in between begins anew
    assert.equal(warm, day() === begun ? 3 : Math.max(3, Math.min(warm, 6)), by.join(' '))
    assert.equal(by.filter(address => address === '127.0.0.78').length, 8 - warm, by.join(' '))
  })
})
