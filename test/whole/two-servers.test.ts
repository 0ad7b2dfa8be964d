/** Two Posthouse servers and a name server on loopback: mail between them by MX, through an outage, and back to its sender. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { inboxOf } from '../harness/inbox.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'

const python = program('python3')
const skip = python === undefined ? 'no python3' : false

const SEND = `
import smtplib, ssl, sys
port, login, password, to, subject = sys.argv[1:6]
client = smtplib.SMTP("127.0.0.1", int(port), timeout=60)
client.starttls(context=ssl._create_unverified_context())
client.login(login, password)
client.sendmail(login, [to], "From: %s\\r\\nTo: %s\\r\\nSubject: %s\\r\\nMessage-ID: <%s@test>\\r\\n\\r\\nhello\\r\\n" % (login, to, subject, subject))
client.quit()
`

describe('two servers that find each other by MX', { skip }, () => {
  let dns: DnsServer
  let a: Instance
  let b: Instance

  before(async () => {
    dns = await startDnsServer()
    const common = {
      server: {
        dns: { servers: [dns.address], timeout: '10s', tries: 2 },
        // Only mail to nobody's server has an end that comes soon: the other takes its time to start again.
        queue: {
          retry: ['1s'],
          expire: '1d',
          warn_after: [],
          longest_pause: '1s',
          lanes: [{ match: ['gone.test'], expire: '2s' }],
        },
      },
    }
    b = await Instance.make({ without: CONTENT, domain: 'b.test', users: [['bob@b.test', 'secret b']], ...common })
    const mx = { port: b.ports.mx, allow_private: true, connect_timeout: '10s' }
    a = await Instance.make({
      without: CONTENT,
      domain: 'a.test',
      users: [['alice@a.test', 'secret a']],
      plugins: { mx },
      ...common,
    })
    dns.set('b.test', { mx: [[10, 'mx.b.test']] })
    dns.set('mx.b.test', { a: ['127.0.0.1'] })
    dns.set('gone.test', { mx: [[10, 'mx.gone.test']] })
    dns.set('mx.gone.test', { a: ['127.0.0.9'] })
    await b.start()
    await a.start()
  })
  after(async () => {
    await Promise.all([a?.destroy(), b?.destroy()])
    await dns?.close()
  })

  async function send(subject: string, to: string): Promise<void> {
    const args = ['-c', SEND, String(a.ports.submission), 'alice@a.test', 'secret a', to, subject]
    const { code, stderr } = await runProgram(python!, args)
    assert.equal(code, 0, stderr)
  }

  async function arrivals(subject: string): Promise<string[]> {
    return (await inboxOf(b.ports.imap, 'bob@b.test', 'secret b')).filter(text =>
      text.includes(`Subject: ${subject}\r\n`),
    )
  }

  test('mail goes from one to the other, over TLS', async () => {
    await send('direct', 'bob@b.test')
    const [text] = await eventually(async () =>
      (await arrivals('direct')).length > 0 ? arrivals('direct') : undefined,
    )
    assert.match(text!, /Received: from mail\.a\.test .*\r\n\tby mail\.b\.test with ESMTPS /)
  })

  test('while the other is down the mail waits, and then arrives once', async () => {
    await b.stop()
    await send('patient', 'bob@b.test')
    await a.logged(/deferred/)
    const queue = JSON.parse((await a.cli(['queue', 'ls', '--json'])).stdout) as { rows?: unknown[] }[]
    assert.equal(queue.length, 1)
    await b.start()
    await eventually(async () => ((await arrivals('patient')).length > 0 ? true : undefined))
    assert.equal((await arrivals('patient')).length, 1)
    await eventually(async () => ((await a.cli(['queue', 'ls', '--json'])).stdout.trim() === '[]' ? true : undefined))
  })

  test('when a server stays down the mail comes back to its sender as undelivered', async () => {
    await send('hopeless', 'bob@gone.test')
    const bounce = await eventually(async () =>
      (await inboxOf(a.ports.imap, 'alice@a.test', 'secret a')).find(text => text.includes('<hopeless@test>')),
    )
    assert.match(bounce, /^Return-Path: <>\r\n/)
    assert.match(bounce, /Content-Type: multipart\/report;[\s\S]*report-type="?delivery-status/)
    assert.match(bounce, /Final-Recipient: rfc822; ?bob@gone\.test\r\n/)
    assert.match(bounce, /Action: failed\r\n/)
  })

  test('a permanent refusal comes back at once', async () => {
    await send('refused', 'nobody@b.test')
    const bounce = await eventually(async () =>
      (await inboxOf(a.ports.imap, 'alice@a.test', 'secret a')).find(text => text.includes('<refused@test>')),
    )
    assert.match(bounce, /Status: 5\.1\.1\r\n/)
  })
})
