/**
 * Where mail comes from, in a whole server: clients of other addresses (one on loopback that says so by XCLIENT), a name service of ours, and what
 * then stands in the delivered mail, on the command line and in what goes on sealed.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { Instance } from '../harness/instance.js'
import { talk } from '../harness/relay-attempts.js'
import { recordOf, rsaKey, signed } from '../harness/signed-mail.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const PASSWORD = 'correct horse'
const key = rsaKey(2048)

describe('a server that checks where mail comes from', () => {
  let dns: DnsServer
  let sink: SmtpSink
  let a: Instance

  before(async () => {
    sink = await new SmtpSink().start()
    dns = await startDnsServer({
      'first.test': { txt: ['v=spf1 ip4:192.0.2.1 -all'] },
      'mx.first.test': { a: ['192.0.2.1'], txt: ['v=spf1 a -all'] },
      '1.2.0.192.in-addr.arpa': { ptr: ['mx.first.test'] },
      '_dmarc.first.test': { txt: ['v=DMARC1; p=reject; rua=mailto:x@first.test'] },
      's1._domainkey.first.test': { txt: [recordOf(key)] },
      'tagged.test': { txt: ['v=spf1 exists:%{l}.users.tagged.test -all'] },
      'bob+list.users.tagged.test': { a: ['127.0.0.2'] },
      'trouble.test': { fails: 'servfail' },
      '_dmarc.trouble.test': { fails: 'servfail' },
    })
    a = await Instance.make({
      domain: 'example.test',
      users: [['alice@example.test', PASSWORD]],
      first: [{ use: 'mail-auth', with: { enforce: 'reject', forwarders: ['list.test'] } }, { use: 'arc' }],
      files: { 'aliases.yaml': 'friend: someone@far.test\n' },
      server: { xclient: ['127.0.0.0/8'], dns: { servers: [dns.address], timeout: '10s', tries: 2 } },
      plugins: { mx: { routes: { '*': `127.0.0.1:${sink.port}` }, keep_idle: '0s' } },
    })
    const { stdout } = await a.cli(['dkim', 'keygen', '--json'])
    const { name, value } = JSON.parse(stdout) as { name: string; value: string }
    dns.set(name, { txt: [value] })
    await a.start()
  })
  after(async () => {
    await a?.destroy()
    await Promise.all([sink?.stop(), dns?.close()])
  })

  /** What the server says to the message. */
  async function send(ip: string, from: string, mail: Buffer, to = 'alice@example.test'): Promise<string> {
    const heard = await talk(a.ports.mx, [
      ...['EHLO outer.test', `XCLIENT ADDR=${ip}`, 'EHLO mx.first.test'],
      ...[`MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA'],
      `${mail.toString('latin1')}.`,
    ])
    return heard.at(-1)!
  }

  const mailWith = (subject: string, from = 'carol@first.test') =>
    Buffer.from(`From: Carol <${from}>\r\nSubject: ${subject}\r\n\r\nhello\r\n`)

  /** Our results in the delivered mail of that subject, unfolded. */
  async function resultsOf(subject: string): Promise<readonly string[]> {
    const all = await inboxOf(a.ports.imap, 'alice@example.test', PASSWORD)
    const mail = all.find(one => one.includes(`Subject: ${subject}\r\n`))
    assert.ok(mail !== undefined, `${subject} is not in INBOX`)
    const header = mail.slice(0, mail.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ')
    return [...header.matchAll(/^Authentication-Results: (.*)$/gim)].map(([, value]) => value!)
  }

  test('says what it found in the delivered mail, and cuts what was forged in its name', {
    skip: noInbox,
  }, async () => {
    const forged = Buffer.concat([
      Buffer.from('Authentication-Results: mail.example.test; dmarc=pass\r\n'),
      mailWith('right'),
    ])
    const mail = await signed(forged, { key })
    assert.match(await send('192.0.2.1', 'carol@first.test', mail), /^250 /)
    const [results, ...others] = await resultsOf('right')
    assert.deepEqual(others, [])
    assert.match(
      results!,
      /^mail\.example\.test; iprev=pass \(mx\.first\.test\) policy\.iprev=192\.0\.2\.1; spf=pass smtp\.helo=mx\.first\.test; spf=pass smtp\.mailfrom=carol@first\.test; dkim=pass header\.d=first\.test header\.s=s1 header\.a=rsa-sha256 header\.b="?.{8}"?; dmarc=pass \(p=reject dis=none\) header\.from=first\.test$/,
    )
  })

  test('knows senders that a domain names one by one, of any letters', { skip: noInbox }, async () => {
    const from = 'bob+list@tagged.test'
    assert.match(await send('192.0.2.1', from, mailWith('tagged', from)), /^250 /)
    assert.match((await resultsOf('tagged'))[0]!, /; spf=pass smtp\.mailfrom=bob\+list@tagged\.test; /)
  })

  test('refuses mail of two authors of whom one wants it refused', async () => {
    const reply = await send('203.0.113.9', 'x@elsewhere.test', mailWith('two', 'x@elsewhere.test, carol@first.test'))
    assert.match(reply, /^550 5\.7\.26 first\.test asks to refuse/)
  })

  test('refuses what the domain of From wants refused, and says who wants it', async () => {
    const reply = await send('203.0.113.9', 'x@elsewhere.test', mailWith('forged'))
    assert.match(reply, /^550 5\.7\.26 first\.test asks to refuse/)
  })

  test('takes forged mail of a domain that asks for nothing, and mail with a signature from anywhere', {
    skip: noInbox,
  }, async () => {
    assert.match(await send('203.0.113.9', 'x@elsewhere.test', mailWith('nobody', 'x@elsewhere.test')), /^250 /)
    assert.match((await resultsOf('nobody'))[0]!, /; dkim=none; dmarc=none header\.from=elsewhere\.test$/)
    assert.match(await send('203.0.113.9', 'carol@first.test', await signed(mailWith('forwarded'), { key })), /^250 /)
    assert.match((await resultsOf('forwarded'))[0]!, /spf=fail \(.*\) smtp\.mailfrom=.*dkim=pass .*dmarc=pass /)
  })

  test('takes mail while the name service has trouble', { skip: noInbox }, async () => {
    assert.match(await send('203.0.113.9', 'x@trouble.test', mailWith('trouble', 'x@trouble.test')), /^250 /)
    assert.match((await resultsOf('trouble'))[0]!, /spf=temperror .*; dmarc=temperror /)
  })

  test('what goes on is sealed with what was found', async () => {
    assert.match(await send('192.0.2.1', 'carol@first.test', mailWith('on'), 'friend@example.test'), /^250 /)
    const [message] = await sink.received(1)
    const header = message!.data.toString('latin1').replace(/\r\n[ \t]+/g, ' ')
    assert.match(header, /^ARC-Authentication-Results: i=1; mail\.example\.test; iprev=pass .*spf=pass .*dmarc=pass /m)
  })

  test('the command says in sentences what each check finds', async () => {
    const file = join(a.dir, 'mail.eml')
    await writeFile(file, (await signed(mailWith('file'), { key })).toString('latin1').replaceAll('\r\n', '\n'))
    const options = ['--ip', '203.0.113.9', '--from', 'x@first.test', '--helo', 'mx.first.test']
    const { code, stdout } = await a.cli(['mail-auth', 'check', file, ...options])
    assert.equal(code, 0, stdout)
    assert.match(stdout, /^iprev permerror: 203\.0\.113\.9 has no name\.$/m)
    assert.match(stdout, /^SPF of MAIL FROM fail: first\.test has "-all", which 203\.0\.113\.9 matches\.$/m)
    assert.match(stdout, /^DKIM pass: the signature of first\.test \(s1\): right, by rsa-sha256 with 2048 bits\.$/m)
    assert.match(stdout, /^DMARC pass: From first\.test publishes p=reject; first\.test has signed it\.$/m)
    const json = await a.cli(['mail-auth', 'check', file, ...options, '--json'])
    assert.equal((JSON.parse(json.stdout) as { dmarc: { result: string } }).dmarc.result, 'pass')
    const wrong = await a.cli(['mail-auth', 'check', file, '--ip', 'here'])
    assert.match(wrong.stdout + wrong.stderr, /--ip here: expected an IP address/)
    assert.notEqual(wrong.code, 0)
  })
})
