/**
 * Names, trace fields and clients in a whole server as shipped, with two workers: what stands in the mail that came from elsewhere (the client says by
 * XCLIENT who it is), and what the command says of the same mail.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { Instance } from '../harness/instance.js'
import { talk } from '../harness/relay-attempts.js'

const PASSWORD = 'correct horse'
const HOME = 'dyn-192-0-2-77.isp.example'

describe('a server that looks at names and trace fields', () => {
  let dns: DnsServer
  let instance: Instance

  before(async () => {
    dns = await startDnsServer({
      '77.2.0.192.in-addr.arpa': { ptr: [HOME] },
      [HOME]: { a: ['192.0.2.77'] },
      '1.2.0.192.in-addr.arpa': { ptr: ['mx.first.test'] },
      'mx.first.test': { a: ['192.0.2.1'] },
    })
    instance = await Instance.make({
      users: [['alice@example.test', PASSWORD]],
      server: { workers: 2, xclient: ['127.0.0.0/8'], dns: { servers: [dns.address], timeout: '10s', tries: 2 } },
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await dns?.close()
  })

  /** The header of the delivered mail. */
  async function delivered(subject: string, ip: string, helo: string, more: readonly string[]): Promise<string> {
    const heard = await talk(instance.ports.mx, [
      ...['EHLO outer.test', `XCLIENT ADDR=${ip}`, `EHLO ${helo}`],
      ...['MAIL FROM:<carol@first.test>', 'RCPT TO:<alice@example.test>', 'DATA'],
      `${[...more, `Subject: ${subject}`, 'Message-ID: <1@first.test>', '', 'hello', ''].join('\r\n')}.`,
    ])
    assert.match(heard.at(-1)!, /^250 /)
    const all = await inboxOf(instance.ports.imap, 'alice@example.test', PASSWORD)
    const mail = all.find(one => one.includes(`Subject: ${subject}\r\n`))
    assert.ok(mail !== undefined, `${subject} is not in INBOX`)
    return mail.slice(0, mail.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ')
  }

  test('says in the mail what is odd about a home line that calls itself Google', { skip: noInbox }, async () => {
    const report = await delivered('odd', '192.0.2.77', 'mx.google.com', ['From: Carol <carol@offers.click>'])
    for (const words of [
      `direct-dynamic 1.5 (Straight from ${HOME} (192.0.2.77), by its name a line of a customer)`,
      `helo-forged 1.5 (The client calls itself mx.google.com, but 192.0.2.77 is ${HOME})`,
      'from-cheap-ending 1.0 (The sender is at a cheap top-level domain: offers.click)',
    ])
      assert.ok(report.includes(words), `${words} in\n${report}`)
  })

  test('finds our own name in a Received field of a stranger', { skip: noInbox }, async () => {
    const received = 'Received: from [10.0.0.5] by mail.example.test with ESMTPSA; Wed, 20 May 2026 11:59:00 +0000'
    const report = await delivered('ours', '192.0.2.1', 'mx.first.test', [received, 'From: Carol <carol@first.test>'])
    assert.match(
      report,
      /received-own-forged 1\.5 \(Received says that mail\.example\.test of ours had it, but it came on from mx\.first\.test\)/,
    )
  })

  test('finds nothing odd about an honest mail', { skip: noInbox }, async () => {
    const report = await delivered('honest', '192.0.2.1', 'mx.first.test', ['From: Carol <carol@first.test>'])
    assert.doesNotMatch(report, /direct-|helo-|from-|received-|links-/)
  })

  test('is asked the same by origin check', async () => {
    const file = join(instance.dataDir, 'odd.eml')
    await writeFile(file, 'From: Carol <carol@offers.click>\nSubject: x\n\nhttp://www.first.test/\n')
    const { code, stdout, stderr } = await instance.cli([
      'origin',
      'check',
      file,
      '--ip',
      '192.0.2.77',
      '--helo',
      'mx.google.com',
    ])
    assert.equal(code, 0, stderr)
    for (const line of [
      'From: offers.click (cheap-ending).',
      'A link leads to www.first.test of first.test (reserved-ending).',
      `The client 192.0.2.77 is ${HOME} (dynamic), and no server had the mail before.`,
      '  1.5  helo-forged: ',
    ])
      assert.ok(stdout.includes(line), `${line} in\n${stdout}`)
    const refused = await instance.cli(['origin', 'check', file, '--ip', 'x'])
    assert.deepEqual([refused.code, /--ip x: expected an IP address/.test(refused.stderr)], [1, true])
  })
})
