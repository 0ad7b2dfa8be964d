/**
 * SMTP extensions through a whole server: what a client asks for at the door is what happens in queue, mailbox and at the next hop.
 * The octets are said by our own scripts, since no client speaks all of this; msmtp asks for notices as people do.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseScripts, runScript } from '../harness/conversation.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const python = program('python3')
const msmtp = program('msmtp')
const PASSWORD = 'correct horse'
const AUTH = Buffer.from(`\0alice@example.test\0${PASSWORD}`).toString('base64')

const READ = `
import base64, imaplib, json, ssl, sys
port, login, password = sys.argv[1:4]
client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login(login, password)
client.select("INBOX")
print(json.dumps([base64.b64encode(client.fetch(n, "(BODY.PEEK[])")[1][0][1]).decode() for n in client.search(None, "ALL")[1][0].split()]))
client.logout()
`

/** One chunk, as a line of a script: `text` is said as it stands there. */
function chunk(text: string): string {
  const octets = text.replace(/\\(?:x..|.)/g, '?').length
  return `C> BDAT ${octets} LAST\\r\\n${text}`
}

describe('the extensions of SMTP, end to end', { skip: python === undefined ? 'no python3' : false }, () => {
  let instance: Instance
  let plain: SmtpSink
  let knowing: SmtpSink
  let away: SmtpSink
  let dir: string

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'posthouse-extensions-'))
    plain = await new SmtpSink({ keywords: ['PIPELINING', '8BITMIME'] }).start()
    knowing = await new SmtpSink({ keywords: ['DSN', '8BITMIME', 'CHUNKING', 'BINARYMIME', 'MT-PRIORITY'] }).start()
    away = await new SmtpSink().start()
    await away.stop()
    const routes = Object.fromEntries(
      [plain, knowing, away].map(({ port }, i) => [
        ['plain.test', 'knowing.test', 'away.test'][i]!,
        `127.0.0.1:${port}`,
      ]),
    )
    instance = await Instance.make({
      without: CONTENT,
      users: [
        ['alice@example.test', PASSWORD],
        ['bob@example.test', PASSWORD],
      ],
      server: { smtp: { require_tls: true } },
      plugins: { mx: { routes } },
      first: [{ use: 'etrn', with: { clients: [{ domains: ['away.test'], networks: ['127.0.0.0/8'] }] } }],
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await Promise.all([plain?.stop(), knowing?.stop(), away?.stop()])
    await rm(dir, { recursive: true, force: true })
  })

  async function talk(port: keyof Instance['ports'], text: string): Promise<void> {
    for (const script of parseScripts(text.replace(/^ +/gm, ''), 'script')) {
      await runScript(script, { port: instance.ports[port] })
    }
  }

  const LOGIN = `S: 220 …
    C: STARTTLS
    S: 220 …
    C: <starttls>
    C: EHLO client.test
    S: <any>
    S: /^250 /
    C: AUTH PLAIN ${AUTH}
    S: 235 …`

  /** All of a mailbox, as Latin-1. */
  async function inbox(login: string): Promise<string[]> {
    const { imap } = instance.ports
    const { code, stdout, stderr } = await runProgram(python!, ['-c', READ, String(imap), login, PASSWORD])
    assert.equal(code, 0, stderr)
    return (JSON.parse(stdout) as string[]).map(text => Buffer.from(text, 'base64').toString('latin1'))
  }

  function arrives(login: string, pattern: RegExp): Promise<string> {
    return eventually(async () => (await inbox(login)).find(text => pattern.test(text)))
  }

  test('a binary message in chunks is served octet for octet', async () => {
    await talk(
      'mx',
      `S: 220 …
      C: EHLO client.test
      S: <any>
      S: /^250 /
      C> MAIL FROM:<a@b.test> BODY=BINARYMIME\\r\\nRCPT TO:<bob@example.test>\\r\\nBDAT 17\\r\\nSubject: octets\\r\\nBDAT 11 LAST\\r\\n\\r\\n\\n\\r\\0\\xff\\r\\n.\\r\\n
      S: 250 …
      S: 250 …
      S: 250 2.0.0 17 octets received
      S: 250 2.0.0 …`,
    )
    const mail = await arrives('bob@example.test', /Subject: octets/)
    assert.ok(mail.endsWith('Subject: octets\r\n\r\n\n\r\0\xff\r\n.\r\n'), JSON.stringify(mail))
  })

  test('a binary message goes on by BDAT, and converted to who does not take it', async () => {
    const send = (to: string) => `${LOGIN}
      C: MAIL FROM:<alice@example.test> BODY=BINARYMIME
      S: 250 …
      C: RCPT TO:<x@${to}>
      S: 250 …
      ${chunk(`Subject: binary ${to.slice(0, 5)}\\r\\n\\r\\n\\n\\0\\r`)}
      S: 250 …`
    await talk('submission', send('knowing.test'))
    const [message] = await knowing.received(1)
    assert.ok(message!.data.toString('latin1').endsWith('Subject: binary knowi\r\n\r\n\n\0\r'))
    await talk('submission', send('plain.test'))
    const [converted] = await plain.received(1)
    const text = converted!.data.toString('latin1')
    assert.match(text, /Subject: binary plain\r\nContent-Transfer-Encoding: base64\r\n/)
    assert.equal(Buffer.from(text.slice(text.indexOf('\r\n\r\n')), 'base64').toString('latin1'), '\n\0\r')
  })

  test('who asks for a notice of success gets one, from us or from the next hop', async () => {
    const send = (to: string) => `${LOGIN}
      C: MAIL FROM:<alice@example.test> RET=HDRS ENVID=notice-${to}
      S: 250 …
      C: RCPT TO:<${to}> NOTIFY=SUCCESS ORCPT=rfc822;${to}
      S: 250 …
      ${chunk('Subject: notify me\\r\\n\\r\\n')}
      S: 250 …`
    for (const to of ['bob@example.test', 'x@plain.test', 'x@knowing.test']) {
      await talk('submission', send(to))
    }
    const local = await arrives('alice@example.test', /Original-Envelope-Id: notice-bob@example\.test/)
    assert.match(local, /Action: delivered\r\n/)
    const relayed = await arrives('alice@example.test', /Original-Envelope-Id: notice-x@plain\.test/)
    assert.match(relayed, /Action: relayed\r\n/)
    const passed = await eventually(() =>
      knowing.messages.find(one => one.mailArgument.includes('ENVID=notice-x@knowing.test')),
    )
    assert.match(passed.mailArgument, /RET=HDRS/)
    assert.ok(knowing.commands.some(line => line.endsWith('NOTIFY=SUCCESS ORCPT=rfc822;x@knowing.test')))
    assert.ok(!(await inbox('alice@example.test')).some(text => text.includes('notice-x@knowing.test')))
  })

  test('mail for later is filed later, and the priority goes along', async () => {
    await talk(
      'submission',
      `${LOGIN}
      C: MAIL FROM:<alice@example.test> HOLDFOR=15 MT-PRIORITY=9
      S: 250 2.3.6 4 is the new priority assigned to the message
      C: RCPT TO:<bob@example.test>
      S: 250 …
      C: RCPT TO:<x@knowing.test>
      S: 250 …
      ${chunk('Subject: patience\\r\\n\\r\\n')}
      S: 250 …`,
    )
    assert.ok(!(await inbox('bob@example.test')).some(text => text.includes('Subject: patience')))
    await arrives('bob@example.test', /Subject: patience/)
    const passed = await eventually(() => knowing.messages.find(one => one.data.includes('Subject: patience')))
    assert.match(passed.mailArgument, /MT-PRIORITY=4/)
  })

  test('what is to travel by TLS only comes back from where there is none, without its body', async () => {
    await talk(
      'submission',
      `${LOGIN}
      C: MAIL FROM:<alice@example.test> REQUIRETLS RET=FULL
      S: 250 …
      C: RCPT TO:<x@plain.test>
      S: 250 …
      C: RCPT TO:<bob@example.test>
      S: 250 …
      ${chunk('Subject: eyes only\\r\\n\\r\\nplans...')}
      S: 250 …`,
    )
    const bounce = await arrives('alice@example.test', /Status: 5\.7\.10/)
    assert.match(bounce, /Subject: eyes only/)
    assert.doesNotMatch(bounce, /plans\.\.\./)
    await arrives('bob@example.test', /plans\.\.\./)
    assert.ok(!plain.messages.some(one => one.data.includes('eyes only')))
  })

  test('ETRN has waiting mail tried at once', async () => {
    await talk(
      'submission',
      `${LOGIN}
      C: MAIL FROM:<alice@example.test>
      S: 250 …
      C: RCPT TO:<x@away.test>
      S: 250 …
      ${chunk('Subject: waiting\\r\\n\\r\\n')}
      S: 250 …`,
    )
    await instance.logged(/deferred/)
    await away.start()
    await talk(
      'mx',
      'S: 220 …\nC: EHLO c.test\nS: <any>\nS: /^250 /\nC: ETRN other.test\nS: 459 4.7.1 …\nC: ETRN away.test\nS: 253 2.0.0 …',
    )
    await away.received(1)
  })

  test('msmtp asks for notices and is given them', { skip: msmtp === undefined ? 'no msmtp' : false }, async () => {
    const config = join(dir, 'msmtprc')
    const lines = [
      'account default',
      'host 127.0.0.1',
      `port ${instance.ports.submission}`,
      'auth on',
      'user alice@example.test',
      `password ${PASSWORD}`,
      'tls on',
      'tls_certcheck off',
      'from alice@example.test',
    ]
    await writeFile(config, `${lines.join('\n')}\n`, { mode: 0o600 })
    const args = ['-C', config, '--dsn-notify=success,failure', '--dsn-return=headers', 'bob@example.test']
    const { code, stderr } = await runProgram(msmtp!, args, { stdin: 'Subject: by msmtp\n\nhello\n' })
    assert.equal(code, 0, stderr)
    await arrives('bob@example.test', /Subject: by msmtp/)
    const notice = await arrives('alice@example.test', /Action: delivered[\s\S]*Subject: by msmtp/)
    assert.match(notice, /text\/rfc822-headers/)
  })
})
