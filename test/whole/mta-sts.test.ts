/** Two Posthouse servers, a name server and a policy host on loopback: what MTA-STS gives when somebody takes over the name service. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { CONTENT, Instance } from '../harness/instance.js'
import { PolicyHost } from '../harness/policy-host.js'
import { sendMail } from '../harness/send-mail.js'

describe('a server whose peer has an MTA-STS policy', () => {
  let dns: DnsServer
  let policies: PolicyHost
  let a: Instance
  let b: Instance

  before(async () => {
    dns = await startDnsServer({
      'b.test': { mx: [[10, 'mail.b.test']] },
      'mail.b.test': { a: ['127.0.0.1'] },
      '_mta-sts.b.test': { txt: ['v=STSv1; id=1;'] },
      'mta-sts.b.test': { a: ['127.0.0.1'] },
      'robber.test': { a: ['127.0.0.1'] },
    })
    const policy = 'version: STSv1\r\nmode: enforce\r\nmx: mail.b.test\r\nmax_age: 604800\r\n'
    policies = await PolicyHost.start({ name: 'mta-sts.b.test', policy })
    b = await Instance.make({ without: CONTENT, domain: 'b.test', users: [['bob@b.test', 'secret b']] })
    await b.start()
    a = await Instance.make({
      without: CONTENT,
      domain: 'a.test',
      server: { dns: { servers: [dns.address], timeout: '10s', tries: 2 }, trusted: ['127.0.0.0/8'] },
      plugins: {
        mx: { port: b.ports.mx, allow_private: true, ca: 'b.pem', sts: { port: policies.port, ca: 'sts.pem' } },
      },
      files: {
        'b.pem': await readFile(join(b.dataDir, 'tls/self-signed/certificate.pem'), 'utf8'),
        'sts.pem': policies.certificate,
      },
    })
    await a.start()
  })
  after(async () => {
    await Promise.all([a?.destroy(), b?.destroy()])
    await Promise.all([dns?.close(), policies?.stop()])
  })

  const send = (subject: string) =>
    sendMail(a.ports.mx, { from: 'alice@a.test', to: ['bob@b.test'], subject, text: 'hello' })

  test('sends to the host that the policy names, and says how', async () => {
    await send('right')
    await a.logged(/"security":"TLS 1\.3, verified by MTA-STS".*"delivered"/)
    assert.equal(policies.asked.length, 1)
  })

  test('remembers the policy over a restart, and keeps the mail from a host that is not named', async () => {
    dns.set('b.test', { mx: [[10, 'robber.test']] })
    dns.set('_mta-sts.b.test', {})
    await policies.stop()
    await a.stop()
    await a.start()
    await send('robbed')
    await a.logged(/the MTA-STS policy of b\.test does not name robber\.test.*"deferred"/)
    assert.equal((await a.cli(['queue', 'ls', '--json'])).stdout.includes('does not name robber.test'), true)
  })
})
