/**
 * Notices of a started server in their sender's mailbox, read by Python's email package and by our own reader: failure, delay, success,
 * relay and expansion, what goes back, and international ones.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const python = program('python3')
const skip = python === undefined ? 'no python3' : false
const ALICE = 'alice@example.test'
const PASSWORD = 'correct horse'

const SEND = `
import smtplib, ssl, sys
port, login, password, mail, rcpt = sys.argv[1:6]
client = smtplib.SMTP("127.0.0.1", int(port), timeout=60)
client.ehlo()
client.starttls(context=ssl._create_unverified_context())
client.login(login, password)
client.ehlo()
utf8 = "SMTPUTF8" in mail
if utf8: client.command_encoding = "utf-8"
for line in ("MAIL FROM:" + mail, "RCPT TO:" + rcpt):
    code, text = client.docmd(line)
    assert code == 250, (line, code, text)
code, text = client.data(sys.stdin.buffer.read())
assert code == 250, text
client.quit()
`

/** The notice with that subject of the original in it, as Python sees it. */
const READ = `
import email, email.policy, imaplib, json, ssl, sys
port, login, password, about = sys.argv[1:5]
client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login(login, password)
client.select("INBOX")
for n in client.search(None, "ALL")[1][0].split():
    raw = client.fetch(n, "(BODY.PEEK[])")[1][0][1]
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    if mail["references"] != about: continue
    parts = list(mail.iter_parts())
    groups = [dict(g.items()) for g in parts[1].get_payload()] if parts[1].get_content_type() == "message/delivery-status" else []
    print(json.dumps({
        "raw": raw.decode("latin1"), "path": mail["return-path"], "from": mail["from"], "to": mail["to"], "auto": mail["auto-submitted"],
        "types": [p.get_content_type() for p in parts], "text": parts[0].get_content(), "groups": groups,
        "defects": [str(d) for p in mail.walk() for d in p.defects],
    }))
client.logout()
`

interface Notice {
  readonly raw: string
  readonly path: string
  readonly from: string
  readonly to: string
  readonly auto: string
  readonly types: readonly string[]
  readonly text: string
  readonly groups: readonly Readonly<Record<string, string>>[]
  readonly defects: readonly string[]
}

describe('notices of a started server', { skip }, () => {
  let sink: SmtpSink
  let instance: Instance
  const folder = mkdtempSync(join(tmpdir(), 'notices-'))

  before(async () => {
    const script = (stage: string, argument: string) => {
      if (stage !== 'rcpt') return undefined
      if (argument.includes('nobody@')) return '550-5.1.1 <nobody@far.test>: User unknown\r\n550 5.1.1 in our house'
      return argument.includes('later@') ? '451 4.3.0 later, please' : undefined
    }
    sink = await new SmtpSink({ script }).start()
    instance = await Instance.make({
      without: CONTENT,
      server: { queue: { retry: ['1s'], warn_after: ['1s'], expire: '1d' } },
      users: [
        [ALICE, PASSWORD],
        ['bob@example.test', PASSWORD],
      ],
      plugins: { mx: { routes: { 'far.test': `127.0.0.1:${sink.port}` } } },
      files: { 'aliases.yaml': 'both@example.test: [bob@example.test, friend@far.test]\n' },
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await sink?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  let sent = 0
  async function notice(mail: string, rcpt: string, { field = '', body = 'hello', to = 'x@far.test' } = {}) {
    const id = `<n${++sent}@example.test>`
    const text = `From: ${ALICE}\r\nTo: ${to}\r\nSubject: s\r\nMessage-ID: ${id}\r\n${field}\r\n${body}\r\n`
    const args = ['-c', SEND, String(instance.ports.submission), ALICE, PASSWORD, mail, rcpt]
    const { stderr } = await runProgram(python!, args, { stdin: text })
    assert.equal(stderr, '')
    const read = ['-c', READ, String(instance.ports.imap), ALICE, PASSWORD, id]
    const found = await eventually(async () => {
      const { stdout } = await runProgram(python!, read)
      return stdout === '' ? undefined : stdout.split('\n')[0]
    })
    const seen = JSON.parse(found) as Notice
    assert.deepEqual(seen.defects, [])
    assert.deepEqual([seen.path, seen.to, seen.auto], ['<>', ALICE, 'auto-replied'])
    assert.match(seen.from, /^Mail Delivery System <postmaster@example\.test>$/)
    return seen
  }

  test('say that it failed, in the words of the other side, with the whole message', async () => {
    const wish = `<nobody@far.test> NOTIFY=FAILURE ORCPT=rfc822;No+2Bbody@far.test`
    const { types, groups, text, raw } = await notice(`<${ALICE}> RET=FULL ENVID=env+2B1`, wish)
    assert.deepEqual(types, ['text/plain', 'message/delivery-status', 'message/rfc822'])
    assert.equal(groups[0]!['Original-Envelope-Id'], 'env+1')
    assert.equal(groups[0]!['Reporting-MTA'], 'dns; mail.example.test')
    const { 'Diagnostic-Code': said, ...rest } = groups[1]!
    assert.match(said!, /^smtp; 550.*<nobody@far\.test>: User unknown.*in our house$/)
    assert.equal(rest['Original-Recipient'], 'rfc822; No+body@far.test')
    assert.equal(rest['Final-Recipient'], 'rfc822; nobody@far.test')
    assert.deepEqual([rest.Action, rest.Status, rest['Remote-MTA']], ['failed', '5.1.1', 'dns; [127.0.0.1]'])
    assert.match(
      text,
      /could not be delivered[\s\S]*<nobody@far\.test>[\s\S]*check the spelling[\s\S]*please quote [0-9a-z]{16}\.\d+/,
    )
    const path = join(folder, 'failed.eml')
    writeFileSync(path, raw, 'latin1')
    const read = JSON.parse((await instance.cli(['bounce', 'read', path, '--json'])).stdout) as Record<string, unknown>
    assert.deepEqual(
      (read.recipients as readonly Record<string, unknown>[]).map(({ address, class: meant }) => [address, meant]),
      [['nobody@far.test', 'no-such-user']],
    )
  })

  test('return the header where RET=HDRS asks for that, and of a huge message', async () => {
    for (const [ret, body] of [
      ['HDRS', 'hello'],
      ['FULL', `${'x'.repeat(70)}\r\n`.repeat(30_000)],
    ] as const) {
      const { types, raw } = await notice(`<${ALICE}> RET=${ret}`, '<nobody@far.test>', { body })
      assert.deepEqual(types, ['text/plain', 'message/delivery-status', 'text/rfc822-headers'])
      assert.doesNotMatch(raw, /hello|x{70}/)
    }
  })

  test('say that it is late, and until when it is tried', async () => {
    const { groups, text } = await notice(`<${ALICE}>`, '<later@far.test> NOTIFY=DELAY')
    const { Action, Status, 'Diagnostic-Code': said, 'Will-Retry-Until': until } = groups[1]!
    assert.deepEqual([Action, Status, said], ['delayed', '4.3.0', 'smtp; 451 4.3.0 later, please'])
    assert.ok(Date.parse(until!) > Date.now())
    assert.match(text, /still being tried/)
  })

  for (const [name, wish, action, status] of [
    ['delivered', '<bob@example.test> NOTIFY=SUCCESS', 'delivered', '2.0.0'],
    ['passed on to a server that will not tell', '<friend@far.test> NOTIFY=SUCCESS', 'relayed', '2.0.0'],
    ['sent on to several addresses', '<both@example.test> NOTIFY=SUCCESS', 'expanded', '2.0.0'],
  ] as const) {
    test(`say that it was ${name}, when asked`, async () => {
      const { groups, types } = await notice(`<${ALICE}> RET=FULL`, wish)
      assert.deepEqual([groups[1]!.Action, groups[1]!.Status], [action, status])
      assert.equal(types[2], 'text/rfc822-headers')
    })
  }

  test('speak the language of the message', async () => {
    const { text, raw } = await notice(`<${ALICE}>`, '<nobody@far.test>', { field: 'Content-Language: de-DE\r\n' })
    assert.match(text, /konnte den Empfängern unten nicht zugestellt werden/)
    assert.match(raw.split('\r\n\r\n')[0]!, /^[\x00-\x7f]*$/)
  })

  test('tell of an international message in international parts that any way can carry', async () => {
    const { types, raw } = await notice(
      `<${ALICE}> BODY=8BITMIME SMTPUTF8`,
      '<nobody@far.test> ORCPT=utf-8;nöbody@far.test',
      {
        to: 'nöbody@far.test',
      },
    )
    assert.deepEqual(types, ['text/plain', 'message/global-delivery-status', 'message/global'])
    assert.match(raw, /^[\x00-\x7f]*$/)
    const path = join(folder, 'global.eml')
    writeFileSync(path, raw, 'latin1')
    const { recipients } = JSON.parse((await instance.cli(['bounce', 'read', path, '--json'])).stdout) as {
      recipients: readonly { address: string; original: string }[]
    }
    assert.deepEqual([recipients[0]!.address, recipients[0]!.original], ['nobody@far.test', 'nöbody@far.test'])
  })
})
