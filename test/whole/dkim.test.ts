/**
 * Signed mail over a whole way: in by SMTP, through the queue, out by the sending client, and there before verifiers that we did not write.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { VERIFIERS } from '../harness/dkim-verifiers.js'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { sendOctets } from '../harness/send-mail.js'
import { sharedDir } from '../harness/shared.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const shared = sharedDir()

interface Generated {
  readonly name: string
  readonly value: string
  readonly strings: readonly string[]
}

async function keygen(instance: Instance, ...options: readonly string[]): Promise<Generated> {
  const { code, stdout, stderr } = await instance.cli(['dkim', 'keygen', '--json', ...options])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as Generated
}

const ODDITIES: readonly (readonly [what: string, text: string])[] = [
  [
    'white space everywhere',
    'Subject:  a \t b  \r\nFrom:a@example.test\r\n\r\n one  two \t\r\n \t \r\n\r\n\tthree \r\n \r\n\r\n',
  ],
  ['a folded header', 'Subject: a\r\n\t\r\n b\r\n  c\r\nFrom: x\r\n <a@example.test>\r\n\r\nbody\r\n'],
  ['no body', 'Subject: a\r\nFrom: a@example.test\r\n\r\n'],
  ['a body of empty lines', 'From: a@example.test\r\n\r\n\r\n\r\n\r\n'],
  ['a long line', `From: a@example.test\r\n\r\n${'x'.repeat(990)} y\r\n${'word '.repeat(190)}\r\n`],
  ['lines that begin with dots', 'From: a@example.test\r\n\r\n.\r\n..\r\n.x\r\n'],
  [
    '8-bit text',
    'Subject: gr\u00fc\u00dfe\r\nFrom: "\u00e1" <a@example.test>\r\n\r\ngr\u00fc\u00dfe \u00a0\r\n\u00e0\r\n',
  ],
  [
    'another name of the same field',
    'Subject: one\r\nsubject: two\r\nFROM: a@example.test\r\nTo: b@sink.test\r\n\r\nbody\r\n',
  ],
  [
    'a signature of somebody else',
    'DKIM-Signature: v=1; a=rsa-sha256; d=other.test; s=x; h=from; bh=; b=\r\nFrom: a@example.test\r\n\r\nbody\r\n',
  ],
]

/** Without From nothing can be signed (RFC 6376 §5.4). */
function hasAuthor(mail: Buffer): boolean {
  const text = mail.toString('latin1')
  return /^from[ \t]*:/im.test(text.slice(0, text.indexOf('\r\n\r\n') + 2))
}

describe('mail that goes out signed', () => {
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
      server: {
        dns: { servers: [dns.address], timeout: '10s', tries: 2 },
        trusted: ['127.0.0.0/8'],
        relay_domains: ['relayed.test'],
      },
      plugins: {
        dkim: { rules: [{ from: ['*'], domain: 'example.test' }] },
        mx: { routes: { '*': `127.0.0.1:${sink.port}` } },
      },
    })
    for (const type of ['rsa', 'ed25519']) {
      const { name, value, strings } = await keygen(a, '--domain', 'example.test', '--type', type)
      assert.equal(strings.join(''), value)
      records.set(name, value)
      dns.set(name, { txt: [value] })
    }
    await a.start()
  })
  after(async () => {
    await a?.destroy()
    await Promise.all([sink?.stop(), dns?.close()])
  })

  /** As the sink has them: exactly what went over the wire. */
  async function through(mails: readonly Buffer[]): Promise<readonly Buffer[]> {
    sink.messages.length = 0
    for (const octets of mails)
      await sendOctets(a.ports.mx, { from: 'a@example.test', to: ['b@sink.test'], octets, parameters: 'BODY=8BITMIME' })
    return (await sink.received(mails.length)).map(({ data }) => data)
  }

  async function assertGood(mails: readonly Buffer[], signatures: number, not: readonly string[] = []): Promise<void> {
    for (const verifier of VERIFIERS.filter(({ missing, name }) => missing === false && !not.includes(name))) {
      const findings = await verifier.verify(mails, records)
      const wrong = findings.flatMap((found, i) =>
        found.filter(one => one === true).length === (verifier.rsaOnly ? Math.min(1, signatures) : signatures)
          ? []
          : [{ i, found, mail: mails[i]!.toString('latin1').slice(0, 500) }],
      )
      assert.deepEqual(wrong, [], verifier.name)
    }
  }

  for (const { name, missing } of VERIFIERS) test(`${name} is there to verify`, { skip: missing }, () => undefined)

  test('each sample of real mail verifies, by both signatures', {
    skip: shared === undefined ? 'no shared data' : false,
  }, async () => {
    const folder = join(shared!, 'data/mail-sample')
    const files = readdirSync(folder).filter(name => name.endsWith('.eml'))
    const mails = files.map(name => {
      const text = readFileSync(join(folder, name), 'latin1').replace(/\r\n|\r|\n/g, '\r\n')
      return Buffer.from(text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1')
    })
    const out = await through(mails)
    assert.equal(out.length, files.length)
    const [authored, anonymous] = [out.filter(hasAuthor), out.filter(mail => !hasAuthor(mail))]
    // OpenDKIM does not look at mail whose From it cannot read.
    const broken = authored.filter(mail => /^From: (<aaa bbb>|[^@\r\n]*)\r$/m.test(mail.toString('latin1')))
    const whole = authored.filter(mail => !broken.includes(mail))
    assert.ok(whole.length > 160)
    await assertGood(whole, 2)
    await assertGood(broken, 2, ['OpenDKIM'])
    for (const mail of anonymous) assert.doesNotMatch(mail.toString('latin1'), /^DKIM-Signature/)
  })

  for (const [what, text] of ODDITIES)
    test(`mail with ${what} verifies`, async () => {
      await assertGood(await through([Buffer.from(text)]), 2)
    })

  test('mail with white space before a colon verifies, but not by those that know no such fields', async () => {
    const text = 'Subject: one\r\nFrom : a@example.test\r\nTo\t: b@sink.test\r\n\r\nbody\r\n'
    await assertGood(await through([Buffer.from(text)]), 2, ['dkimpy', 'OpenDKIM'])
  })

  // Its reading of white space in a header is that of JavaScript, which takes octet 0xA0 for some.
  test('mail with letters that end in octet 0xA0 verifies, but not by mailauth', async () => {
    const text = 'Subject: \u00e0  \u00e0\r\nFrom: "\u00e0" <a@example.test>\r\n\r\n\u00e0 \u00e0\r\n'
    await assertGood(await through([Buffer.from(text)]), 2, ['mailauth'])
  })
})

describe('a server whose keys change', () => {
  let dns: DnsServer
  let sink: SmtpSink
  let a: Instance
  const records = new Map<string, string>()

  before(async () => {
    sink = await new SmtpSink({ keywords: ['PIPELINING', 'SIZE 1000000'] }).start()
    dns = await startDnsServer()
    a = await Instance.make({
      without: CONTENT,
      domain: 'example.test',
      server: {
        dns: { servers: [dns.address], timeout: '10s', tries: 2 },
        trusted: ['127.0.0.0/8'],
        queue: { retry: ['1s'] },
      },
      plugins: { mx: { routes: { '*': `127.0.0.1:${sink.port}` } } },
    })
    await a.start()
  })
  after(async () => {
    await a?.destroy()
    await Promise.all([sink?.stop(), dns?.close()])
  })

  const mail = (text: string) =>
    Buffer.from(`From: "gr\u00fc\u00dfe" <a@example.test>\r\nSubject: x\r\n\r\n${text}\r\n`)
  const send = (text: string, parameters = '') =>
    sendOctets(a.ports.mx, { from: 'a@example.test', to: ['b@sink.test'], octets: mail(text), parameters })
  const next = async () => {
    const [message] = await sink.received(1)
    sink.messages.length = 0
    return message!.data
  }
  const reload = async (count: number) => {
    a.signal('SIGHUP')
    await eventually(() => (a.log.match(/"reloaded"/g)?.length ?? 0) >= count || undefined)
  }

  test('sends unsigned without a key, and signs after a reload when there is one', async () => {
    await send('before')
    assert.doesNotMatch((await next()).toString(), /DKIM-Signature/)
    const { name, value } = await keygen(a)
    records.set(name, value)
    dns.set(name, { txt: [value] })
    await reload(1)
    await send('after')
    const out = await next()
    assert.match(out.toString(), /^DKIM-Signature: v=1; a=rsa-sha256/)
    await a.logged(/"selector":"\d{6}r".*"signing key is published and in use"/)
  })

  test('signs what it sends: octets that were converted to seven bits on their way', async () => {
    for (const text of ['gr\u00fc\u00dfe \u00e0 \u00a0', `${'\u00fc'.repeat(400)} \r\n\r\n.\r\n From \r\n`]) {
      await send(text, 'BODY=8BITMIME')
      const out = await next()
      assert.doesNotMatch(out.toString('latin1').replace(/^From:.*$/m, ''), /[\x80-\xff]/)
      for (const { name, missing, verify } of VERIFIERS)
        if (missing === false) assert.deepEqual(await verify([out], records), [[true]], name)
    }
  })

  test('keeps mail waiting while the key may be read by others, and sends it signed when that is mended', async () => {
    const [file] = await readdir(join(a.dataDir, 'dkim/example.test'))
    const path = join(a.dataDir, 'dkim/example.test', file!)
    await chmod(path, 0o644)
    await reload(2)
    await send('waits')
    await a.logged(/signing failed: dkim/)
    assert.equal(sink.messages.length, 0)
    assert.match((await a.cli(['queue', 'ls', '--json'])).stdout, /b@sink\.test|"sink\.test"/)
    assert.doesNotMatch(a.log, /BEGIN PRIVATE/)
    await chmod(path, 0o600)
    await reload(3)
    const out = await next()
    assert.match(out.toString('latin1'), /^DKIM-Signature: (?:.|\r\n)*waits/)
  })
})
