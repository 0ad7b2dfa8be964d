/** Mail of strangers that goes on by an alias or to a domain we relay for: sealed, and before verifiers that we did not write. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ARC_VERIFIERS } from '../harness/arc-verifiers.js'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { Instance } from '../harness/instance.js'
import { sendMail, sendOctets } from '../harness/send-mail.js'
import { SmtpSink } from '../harness/smtp-sink.js'

describe('a server that passes mail on', () => {
  let dns: DnsServer
  let sink: SmtpSink
  let a: Instance
  const records = new Map<string, string>()

  before(async () => {
    sink = await new SmtpSink().start()
    dns = await startDnsServer()
    a = await Instance.make({
      domain: 'example.test',
      users: [['alice@example.test', 'secret a']],
      first: [{ use: 'arc' }],
      files: { 'aliases.yaml': 'friend: someone@far.test\n' },
      server: { dns: { servers: [dns.address], timeout: '500ms', tries: 2 }, relay_domains: ['relayed.test'] },
      plugins: { mx: { routes: { '*': `127.0.0.1:${sink.port}` } } },
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

  const next = async (): Promise<Buffer> => {
    const [message] = await sink.received(1, 20_000)
    sink.messages.length = 0
    return message!.data
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

  test('seals a mail again that comes back to it, on top of what it finds to be good', async () => {
    await sendMail(a.ports.mx, { from: 'carol@world.test', to: ['friend@example.test'], subject: 'two' })
    const once = await next()
    await sendOctets(a.ports.mx, { from: 'carol@world.test', to: ['friend@example.test'], octets: once })
    const twice = await next()
    assert.deepEqual(seals(twice), ['2 pass', '1 none'])
    assert.match(twice.toString(), /^Authentication-Results: mail\.example\.test; arc=pass\r\n/m)
    assert.match(twice.toString(), /^ARC-Authentication-Results: i=2; mail\.example\.test; arc=pass\r\n/m)
    await assertSealed(twice)
    const changed = Buffer.from(twice.toString('latin1').replace('hello', 'hullo'), 'latin1')
    await sendOctets(a.ports.mx, { from: 'carol@world.test', to: ['bob@relayed.test'], octets: changed })
    assert.deepEqual(seals(await next()), ['3 fail', '2 pass', '1 none'])
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
})
