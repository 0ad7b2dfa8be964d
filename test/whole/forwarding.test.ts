/**
 * Mail of strangers that goes on by an alias or to a domain we relay for: sealed, before verifiers that we did not write; and under which
 * sender, with what comes back to it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ARC_VERIFIERS } from '../harness/arc-verifiers.js'
import { VERIFIERS } from '../harness/dkim-verifiers.js'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { CONTENT, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { talk } from '../harness/relay-attempts.js'
import { sendMail, sendOctets } from '../harness/send-mail.js'
import { program } from '../harness/shared.js'
import { type SinkMessage, SmtpSink } from '../harness/smtp-sink.js'

const swaks = program('swaks')

describe('a server that passes mail on', () => {
  let dns: DnsServer
  let sink: SmtpSink
  let a: Instance
  const records = new Map<string, string>()

  before(async () => {
    sink = await new SmtpSink().start()
    dns = await startDnsServer()
    a = await Instance.make({
      without: CONTENT,
      domain: 'example.test',
      users: [['alice@example.test', 'secret a']],
      first: [{ use: 'arc' }, { use: 'srs' }],
      files: { 'aliases.yaml': 'friend: someone@far.test\nother: someone@far.test\n' },
      server: { dns: { servers: [dns.address], timeout: '10s', tries: 2 }, relay_domains: ['relayed.test'] },
      plugins: { mx: { routes: { '*': `127.0.0.1:${sink.port}` }, keep_idle: '0s' } },
    })
    const { stdout } = await a.cli(['dkim', 'keygen', '--json'])
    const { name, value } = JSON.parse(stdout) as { name: string; value: string }
    records.set(name, value)
    dns.set(name, { txt: [value] })
    await a.start()
  })
  after(async () => {
    await a?.destroy()
    await Promise.all([sink?.stop(), dns?.close()])
  })

  const nextMessage = async (): Promise<SinkMessage> => {
    const [message] = await sink.received(1)
    sink.messages.length = 0
    return message!
  }
  const next = async (): Promise<Buffer> => {
    const { data } = await nextMessage()
    return data
  }
  const seals = (mail: Buffer) =>
    [...mail.toString('latin1').matchAll(/^ARC-Seal: i=(\d+);(?:.|\r\n )*?cv=(\w+)/gm)].map(([, i, cv]) => `${i} ${cv}`)

  async function assertSealed(mail: Buffer): Promise<void> {
    for (const { name, missing, verify } of ARC_VERIFIERS)
      if (missing === false) assert.deepEqual(await verify([mail], records), ['pass'], name)
  }

  for (const { name, missing } of ARC_VERIFIERS) test(`${name} is there to verify`, { skip: missing }, () => undefined)

  for (const to of ['friend@example.test', 'bob@relayed.test'])
    test(`seals what goes on to ${to}, and does not sign it as its own`, async () => {
      await sendMail(a.ports.mx, { from: 'carol@world.test', to: [to], subject: 'one' })
      const mail = await next()
      assert.deepEqual(seals(mail), ['1 none'])
      assert.doesNotMatch(mail.toString(), /^DKIM-Signature/m)
      await assertSealed(mail)
    })

  test('signs what its own people send, and does not seal it', {
    skip: swaks === undefined ? 'no swaks' : false,
  }, async () => {
    const login = ['-tls', '-a', 'PLAIN', '-au', 'alice@example.test', '-ap', 'secret a']
    const mail = ['-f', 'alice@example.test', '-t', 'x@far.test', '-h-Subject', 'own']
    const server = ['-s', `127.0.0.1:${a.ports.submission}`]
    const { code, stdout } = await runProgram(swaks!, [...server, ...login, ...mail])
    assert.equal(code, 0, stdout)
    const out = await next()
    assert.deepEqual(seals(out), [])
    for (const { name, missing, verify } of VERIFIERS)
      if (missing === false) assert.deepEqual(await verify([out], records), [[true]], name)
  })

  test('does not sign for a stranger who writes under our name', async () => {
    const octets = Buffer.from('From: Alice <alice@example.test>\r\nSubject: forged\r\n\r\nhello\r\n')
    for (const to of ['friend@example.test', 'bob@relayed.test']) {
      await sendOctets(a.ports.mx, { from: 'carol@world.test', to: [to], octets })
      assert.doesNotMatch((await next()).toString(), /^DKIM-Signature/m)
    }
  })

  test('seals a mail again that comes back to it, on top of what it finds to be good', async () => {
    await sendMail(a.ports.mx, { from: 'carol@world.test', to: ['friend@example.test'], subject: 'two' })
    const once = await next()
    await sendOctets(a.ports.mx, { from: 'carol@world.test', to: ['other@example.test'], octets: once })
    const twice = await next()
    assert.deepEqual(seals(twice), ['2 pass', '1 none'])
    assert.match(twice.toString(), /^Authentication-Results: mail\.example\.test; arc=pass\r\n/m)
    assert.match(twice.toString(), /^ARC-Authentication-Results: i=2; mail\.example\.test; arc=pass\r\n/m)
    await assertSealed(twice)
    const changed = Buffer.from(twice.toString('latin1').replace('hello', 'hullo'), 'latin1')
    await sendOctets(a.ports.mx, { from: 'carol@world.test', to: ['bob@relayed.test'], octets: changed })
    assert.deepEqual(seals(await next()), ['3 fail', '2 pass', '1 none'])
  })

  test('mail that comes back to the alias it was sent on by is looping', async () => {
    await sendMail(a.ports.mx, { from: 'carol@world.test', to: ['friend@example.test'], subject: 'round' })
    const once = await next()
    assert.match(once.toString(), /^Delivered-To: friend@example\.test\r$/m)
    const again = { from: 'carol@world.test', to: ['friend@example.test'], octets: once }
    await assert.rejects(sendOctets(a.ports.mx, again), /554 5\.4\.6 mail is looping/)
  })

  test('mail in octets of eight bits and with long lines is sealed as it goes out', async () => {
    const body = `gr\u00fc\u00dfe ${'x'.repeat(900)}\r\n.\r\n. dots\r\n\t\r\n \r\n`
    const octets = Buffer.from(`From: gr\u00fc\u00df <carol@world.test>\r\nSubject:  \u00fc\r\n\r\n${body}`)
    await sendOctets(a.ports.mx, {
      from: 'carol@world.test',
      to: ['friend@example.test'],
      octets,
      parameters: 'BODY=8BITMIME',
    })
    await assertSealed(await next())
  })

  test('gives what goes on by an alias a sender of its own, and what goes to a relay domain none', async () => {
    await sendMail(a.ports.mx, { from: 'carol@world.test', to: ['friend@example.test'], subject: 'srs' })
    assert.match((await nextMessage()).sender, /^SRS0=[a-z2-7]{8}=[a-z2-7]{2}=world\.test=carol@example\.test$/)
    await sendMail(a.ports.mx, { from: 'carol@world.test', to: ['bob@relayed.test'], subject: 'srs' })
    assert.equal((await nextMessage()).sender, 'carol@world.test')
    await sendMail(a.ports.mx, { from: '', to: ['friend@example.test'], subject: 'srs' })
    assert.equal((await nextMessage()).sender, '')
    await sendMail(a.ports.mx, {
      from: 'SRS0=ab=cd=first.test=x@world.test',
      to: ['friend@example.test'],
      subject: 'srs',
    })
    assert.match((await nextMessage()).sender, /^SRS1=[a-z2-7]{8}=world\.test==ab=cd=first\.test=x@example\.test$/)
  })

  test('sends a bounce back to who sent the mail, in whatever case, and says what an address stands for', async () => {
    await sendMail(a.ports.mx, { from: 'carol@world.test', to: ['friend@example.test'], subject: 'bounce' })
    const { sender } = await nextMessage()
    const shown = await a.cli(['srs', 'show', sender])
    assert.equal(shown.stdout, 'carol@world.test, made 0 days ago\n')
    await sendMail(a.ports.mx, { from: '', to: [sender.toUpperCase()], subject: 'report' })
    const report = await nextMessage()
    assert.equal(report.sender, '')
    assert.deepEqual(
      report.recipients.map(one => one.toLowerCase()),
      ['carol@world.test'],
    )
    await a.logged(/bounce goes back to the sender of forwarded mail/)
  })

  test('sends its own bounce of what it forwarded to who sent it', async () => {
    sink.options = {
      script: (stage, argument) =>
        stage === 'rcpt' && argument.includes('someone@far.test') ? '550 5.1.1 nobody' : undefined,
    }
    await sendMail(a.ports.mx, { from: 'carol@world.test', to: ['friend@example.test'], subject: 'refused' })
    const report = await nextMessage()
    sink.options = {}
    assert.equal(report.sender, '')
    assert.deepEqual(report.recipients, ['carol@world.test'])
    assert.match(report.data.toString(), /550 5\.1\.1 nobody/)
  })

  test('honours what the sender wants to hear, though it goes on under another name', async () => {
    sink.options = { keywords: ['PIPELINING', '8BITMIME', 'DSN'] }
    await talk(a.ports.mx, [
      'EHLO c.test',
      'MAIL FROM:<carol@world.test> RET=HDRS ENVID=x7',
      'RCPT TO:<friend@example.test> NOTIFY=NEVER ORCPT=rfc822;friend@example.test',
      'DATA',
      'From: carol@world.test\r\n\r\nhello\r\n.',
      'QUIT',
    ])
    await nextMessage()
    assert.match(sink.commands.join('\n'), /MAIL FROM:<SRS0=[^>]*>.* RET=HDRS ENVID=x7$/m)
    assert.match(sink.commands.join('\n'), /RCPT TO:<someone@far\.test> NOTIFY=NEVER ORCPT=rfc822;friend@example\.test/)
    sink.options = {}
  })

  describe('is no way out for a stranger:', () => {
    let good: string
    before(async () => {
      await sendMail(a.ports.mx, { from: 'carol@world.test', to: ['friend@example.test'], subject: 'way' })
      good = (await nextMessage()).sender
    })

    const heard = async (sender: string, to: string) =>
      (await talk(a.ports.mx, ['EHLO c.test', `MAIL FROM:<${sender}>`, `RCPT TO:<${to}>`])).at(-1)!

    for (const [what, change] of [
      ['another user', (text: string) => text.replace('=carol@', '=mallory@')],
      ['another domain', (text: string) => text.replace('=world.test=', '=victim.test=')],
      ['another hash', (text: string) => text.replace(/^SRS0=.{8}/, 'SRS0=aaaaaaaa')],
      ['no hash', (text: string) => text.replace(/^SRS0=.{8}/, 'SRS0=')],
      ['a short hash', (text: string) => text.replace(/^(SRS0=.{4}).{4}/, '$1')],
      ['another time', (text: string) => text.replace(/^(SRS0=.{8}=)../, '$1zz')],
      ['a user in percents', (text: string) => text.replace('=carol@', '=carol%victim.test@')],
      ['a way of the second kind', (text: string) => text.replace(/^SRS0=(.{8})=/, 'SRS1=$1=victim.test==$1=')],
      ['words in its place', () => 'SRS0=x=y=victim.test=bob@example.test'],
      ['words of the second kind', () => 'SRS1=x=victim.test==y=z=a=b@example.test'],
    ] as const)
      test(`an address with ${what} is nobody's`, async () => {
        assert.match(await heard('', change(good)), /^550 5\.1\.1 /)
        assert.match(await heard('x@far.test', change(good)), /^550 5\.1\.1 /)
      })

    test('a good address takes bounces and nothing else, and only at our domain', async () => {
      assert.match(await heard('', good), /^250 /)
      assert.match(await heard('x@far.test', good), /^550 5\.7\.1 /)
      assert.match(await heard('', good.replace('@example.test', '@other.test')), /^550 5\.7\.1 /)
    })
  })
})
