/**
 * Two Posthouse servers and a name server that plays a validating resolver: mail goes by DANE to the other's own certificate, is counted, and the day after
 * the other has a report about it, which its command shows.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { tlsaOf } from '../harness/authority.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { talk } from '../harness/relay-attempts.js'
import { sendMail, sendOctets } from '../harness/send-mail.js'
import { SignedDns } from '../harness/signed-dns.js'

const DAY_MS = 86_400_000
/** What makes it noon of tomorrow, for all processes of a server. */
const TOMORROW = DAY_MS * Math.floor(Date.now() / DAY_MS) + 1.5 * DAY_MS - Date.now()
const SHIFT = `--import=data:text/javascript,const%20now=Date.now;Date.now=()=>now()+${TOMORROW}`

describe('two servers, one of which asks for reports about TLS', () => {
  let dns: SignedDns
  let a: Instance
  let b: Instance
  let later: Instance

  before(async () => {
    dns = await SignedDns.start()
    const server = {
      dns: { servers: [dns.address], timeout: '10s', tries: 2, trust_ad: true },
      trusted: ['127.0.0.0/8'],
    }
    b = await Instance.make({
      without: CONTENT,
      domain: 'b.test',
      users: [['bob@b.test', 'secret b']],
      server,
      first: [{ use: 'tls-rpt', with: { receive: ['tls-reports@b.test'] } }],
    })
    const mx = { port: b.ports.mx, allow_private: true, connect_timeout: '10s' }
    const tlsRpt = { use: 'tls-rpt', with: { send: true, from: 'tls@a.test', spread: '0s' } }
    a = await Instance.make({ without: CONTENT, domain: 'a.test', server, plugins: { mx }, first: [tlsRpt] })
    const { stdout } = await a.cli(['dkim', 'keygen', '--json', '--domain', 'a.test', '--type', 'ed25519'])
    const { name, value } = JSON.parse(stdout) as { name: string; value: string }
    dns.set(name, { txt: [value] })
    later = new Instance(a.dir, a.ports, { run: { env: { NODE_OPTIONS: SHIFT } } })
    await b.start()
    await a.start()
    const { raw, publicKey } = new X509Certificate(await readFile(join(b.dataDir, 'tls/self-signed/certificate.pem')))
    const key = tlsaOf(3, 1, 1, { der: raw, spki: publicKey.export({ type: 'spki', format: 'der' }) })
    dns.set('b.test', { mx: [[10, 'mx.b.test']] })
    dns.set('mx.b.test', { a: ['127.0.0.1'] })
    dns.set(`_${b.ports.mx}._tcp.mx.b.test`, { tlsa: [`3 1 1 ${key.data}`] })
    dns.set('_smtp._tls.mx.b.test', { txt: ['v=TLSRPTv1; rua=mailto:tls-reports@b.test'] })
  })
  after(async () => {
    await later?.stop()
    await Promise.all([a?.destroy(), b?.destroy()])
    await dns?.stop()
  })

  test('mail goes by DANE to the certificate the other has made for itself, and is counted', async () => {
    await sendMail(a.ports.mx, { from: 'alice@a.test', to: ['bob@b.test'], subject: 'hello' })
    await a.logged(/"security":"TLS 1\.3, verified by DANE"/)
    const [line] = await eventually(async () => {
      const { stdout } = await a.cli(['tls-rpt', 'pending'])
      return stdout === '' ? undefined : stdout.split('\n')
    })
    assert.match(line!, /mx\.b\.test {2}tlsa {2}1 good, 0 bad$/)
  })

  test('the day after the other has the report, once, although its records have become wrong', async () => {
    await a.stop()
    dns.set(`_${b.ports.mx}._tcp.mx.b.test`, { tlsa: [`3 1 1 ${'00'.repeat(32)}`] })
    await later.start()
    await later.logged(/report about TLS sent/)
    await b.logged(/report about TLS received/)
    await later.logged(/"security":"TLS 1\.3, opportunistic, [^"]*passed over as the message says TLS-Required: No"/)
    await later.stop()
    await later.start()
    const { stdout } = await b.cli(['tls-rpt', 'ls', '--json'])
    const [report, ...more] = JSON.parse(stdout) as {
      domain: string
      successes: number
      by: { organization: string }
    }[]
    assert.deepEqual([report?.domain, report?.successes, report?.by.organization], ['mx.b.test', 1, 'mail.a.test'])
    assert.equal(more.length, 0)
    assert.equal(b.log.match(/report about TLS received/g)?.length, 1)
    const shown = (await b.cli(['tls-rpt', 'show', 'mx.b.test'])).stdout
    assert.match(
      shown,
      /tlsa: 1 good, 0 bad\n {2}by mail\.a\.test \(tls@a\.test\), report \S+, signed by a\.test\n[\s\S]*policy: 3 1 1 (?!0{64})[0-9a-f]{64}\n/,
    )
    assert.equal((await b.cli(['tls-rpt', 'show', 'x.test'])).code, 1)
  })

  test('what is no report is refused at that address, while its sender listens', async () => {
    const octets = Buffer.from('From: x@x.test\r\nSubject: buy\r\n\r\nnow\r\n')
    const mail = { from: 'x@x.test', to: ['tls-reports@b.test'], octets }
    await assert.rejects(sendOctets(b.ports.mx, mail), /550 5\.6\.0 .*only reports about TLS are taken here/)
    assert.equal((await b.cli(['queue', 'ls', '--json'])).stdout.trim(), '[]')
  })

  test('also where its sender wants to hear of success', async () => {
    const commands = ['EHLO x.test', 'MAIL FROM:<bob@b.test>', 'RCPT TO:<tls-reports@b.test> NOTIFY=SUCCESS,FAILURE']
    const replies = await talk(b.ports.mx, [...commands, 'DATA', 'Subject: buy\r\n\r\nnow\r\n.', 'QUIT'])
    assert.match(replies[4] ?? '', /^550 5\.6\.0 /)
  })

  test('what cannot be refused, as it has come for somebody else too, is dropped without a notice', async () => {
    const octets = Buffer.from('From: x@x.test\r\nSubject: buy\r\n\r\nnow\r\n')
    await sendOctets(b.ports.mx, { from: 'bob@b.test', to: ['bob@b.test', 'tls-reports@b.test'], octets })
    await b.logged(/"to":"tls-reports@b\.test".*"msg":"failed"/)
    await b.stop()
    assert.doesNotMatch(b.log, /"msg":"(bounced|notified|nobody takes the notification)"/)
  })
})
