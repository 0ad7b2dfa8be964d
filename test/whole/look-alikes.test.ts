/** Names that deceive and our own domain forged, in a whole server: clients of other addresses (by XCLIENT), and a name service of ours. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { Instance } from '../harness/instance.js'
import { talk } from '../harness/relay-attempts.js'

describe('a server that looks at names', () => {
  let dns: DnsServer
  let a: Instance

  before(async () => {
    dns = await startDnsServer({
      'example.test': { txt: ['v=spf1 ip4:192.0.2.1 -all'] },
      'odd.test': { txt: ['v=spf1 ip4:203.0.113.9 -all'] },
      'trouble.test': { fails: 'servfail' },
    })
    a = await Instance.make({
      domain: 'example.test',
      users: [['alice@example.test', 'correct horse']],
      first: [{ use: 'mail-auth' }],
      plugins: { 'look-alikes': { enforce: 'reject' } },
      server: { xclient: ['127.0.0.0/8'], dns: { servers: [dns.address], timeout: '10s', tries: 2 } },
    })
    await a.start()
  })
  after(async () => {
    await a?.destroy()
    await dns?.close()
  })

  /** What the server says to the message. */
  async function send(ip: string, sender: string, header: string): Promise<string> {
    const heard = await talk(a.ports.mx, [
      ...['EHLO outer.test', `XCLIENT ADDR=${ip}`, 'EHLO mx.odd.test'],
      ...[`MAIL FROM:<${sender}>`, 'RCPT TO:<alice@example.test>', 'DATA'],
      `${header}\r\n\r\nhello\r\n.`,
    ])
    return heard.at(-1)!
  }

  test('refuses our own domain from outside, and says in the log why and what to do', async () => {
    const said = await send('203.0.113.9', 'x@odd.test', 'From: Alice <alice@example.test>')
    assert.match(
      said,
      /^550 5\.7\.26 Mail in the name of example\.test comes from people who log in, or is signed by it/,
    )
    await a.logged(/"rule":"own-domain-forged","evidence":"The sender in From is of example\.test, which is ours/)
  })

  test('takes it where SPF proves it', async () => {
    assert.match(await send('192.0.2.1', 'alice@example.test', 'From: Alice <alice@example.test>'), /^250 /)
  })

  test('takes what deceives, and tells of it', async () => {
    assert.match(await send('203.0.113.9', 'x@odd.test', 'From: Help <service@paypaI.com>'), /^250 /)
    await a.logged(/"tricks":\["from looks-like paypal\.com"\],"ownDomain":"not-ours",.*"names deceive"/)
    const bank = 'From: Netflix <x@odd.test>\r\nSubject: Verify your account'
    assert.match(await send('203.0.113.9', 'x@odd.test', bank), /^250 /)
    await a.logged(/name claims-brand Netflix/)
  })

  test('says the same on the command line', async () => {
    const file = join(a.dir, 'mail.eml')
    await writeFile(file, 'From: Netflix <x@odd.test>\nSubject: Verify your account\n\nhello\n')
    const { stdout } = await a.cli(['look-alikes', 'check', file])
    assert.match(
      stdout,
      /3\.5 {2}name-claims-brand: The display name "Netflix" claims to be Netflix, the mail is of odd\.test/,
    )
    const domain = await a.cli(['look-alikes', 'check', 'examp1e.test'])
    assert.equal(domain.stdout, 'examp1e.test looks like example.test: the digit 1 stands for l.\n')
  })
})
