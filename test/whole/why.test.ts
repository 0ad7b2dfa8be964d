/**
 * `posthouse why` beside a running server, driven from outside: mail that is filed, goes out, is refused before and after DATA, and is moved and
 * removed later. Each record is found by all that can be known of it.
 */
import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { commandLine } from '../harness/command-line.js'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { sendOctets } from '../harness/send-mail.js'
import { program } from '../harness/shared.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const python = program('python3')
const PASSWORD = 'correct horse'
const ALICE = 'alice@example.test'
const CAROL = 'carol@relayed.test'
const SEND = `
import smtplib, sys
client = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=60)
client.sendmail("bob@elsewhere.test", sys.argv[2:], "Subject: beside\\r\\n\\r\\nhello\\r\\n")
client.quit()
`
const CLEAN_UP = `
import imaplib, ssl, sys
port, login, password = sys.argv[1:4]
client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login(login, password)
client.select("INBOX")
number = client.search(None, "SUBJECT", '"to be moved"')[1][0].split()[0]
assert client._simple_command("MOVE", number, "Trash")[0] == "OK"
client.select("Trash")
client.store("1:*", "+FLAGS", "\\\\Deleted")
client.expunge()
client.logout()
`

function mail(name: string, from = 'Bob <bob@elsewhere.test>'): Buffer {
  const lines = [
    `From: ${from}`,
    `To: ${ALICE}`,
    `Subject: ${name}`,
    `Message-ID: <${name.replaceAll(' ', '-')}@elsewhere.test>`,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\nhello\r\n`)
}

describe('a server whose trail is asked', { skip: noInbox }, () => {
  let sink: SmtpSink
  let server: Instance
  const why = async (...args: string[]) => commandLine(server, 'why', ...args)
  const whyJson = async (...args: string[]) => JSON.parse((await why(...args, '--json')).out)
  const send = (name: string, to: readonly string[], from = 'bounce@lists.test') =>
    sendOctets(server.ports.mx, { from, to, octets: mail(name) })

  before(async () => {
    sink = await new SmtpSink().start()
    server = await Instance.make({
      server: { relay_domains: ['relayed.test'] },
      plugins: { mx: { routes: { 'relayed.test': `127.0.0.1:${sink.port}` } } },
      users: [[ALICE, PASSWORD]],
    })
    await server.start()
  })
  after(async () => {
    await server?.destroy()
    await sink?.stop()
  })

  test('mail that was filed is found by everything that is known of it, and told', async () => {
    await send('plain', [ALICE])
    const told = await why('<plain@elsewhere.test>')
    assert.equal(told.code, 0)
    assert.match(told.out, /sender +bounce@lists\.test\n +to +alice@example\.test\n +From +Bob <bob@elsewhere\.test>\n/)
    assert.match(told.out, /What spoke for and against it\n[\s\S]* in all\n|Nothing gave or took points/)
    assert.match(told.out, /What became of it\n.*Filed for alice@example\.test into /)
    const id = told.out.split(' ')[0]!
    for (const args of [
      [id],
      [`[${id}]`],
      [id.replace(/\..*/, '')],
      ['plain@elsewhere.test'],
      ['--message-id', 'plain@elsewhere.test'],
      ['bob@elsewhere.test'],
      ['--from', 'lists.test', '--to', ALICE],
      ['--client', '127.0.0.1', '--since', '1h', '--from', 'bounce@lists.test'],
    ])
      assert.equal((await whyJson(...args)).id, id, args.join(' '))
  })

  test('a mail file is known by our Received field, and without one by its Message-ID', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'posthouse-why-'))
    const text = (await inboxOf(server.ports.imap, ALICE, PASSWORD)).find(one => one.includes('Subject: plain'))!
    const { id } = await whyJson('<plain@elsewhere.test>')
    const [delivered, sent] = [join(folder, 'delivered.eml'), join(folder, 'sent.eml')]
    await writeFile(delivered, text.replace(/^Message-ID:.*$/im, 'X: y').replaceAll('\r\n', '\n'))
    await writeFile(sent, mail('plain'))
    for (const path of [delivered, sent]) assert.equal((await whyJson(path)).id, id)
  })

  test('what goes out tells of its delivery, with what the other side said', async () => {
    await send('outward', [CAROL])
    const told = await eventually(async () => {
      const { out } = await why('<outward@elsewhere.test>')
      return out.includes('Delivered') ? out : undefined
    })
    assert.match(told, /Delivered for carol@relayed\.test to 127\.0\.0\.1.*: 250/)
  })

  test('a recipient that is refused is found, alone or beside one that is not', async () => {
    await assert.rejects(send('alone', ['nobody@example.test']))
    const alone = await eventually(async () => {
      const { code, out } = await why('--to', 'nobody@example.test')
      return code === 0 ? out : undefined
    })
    assert.match(
      alone,
      /Who came\n[\s\S]*Nothing was taken from bounce@lists\.test .*nobody@example\.test with 550 5\.1\.1/,
    )
    await runProgram(python!, ['-c', SEND, String(server.ports.mx), ALICE, 'nobody2@example.test'])
    const beside = (await why('--to', 'nobody2@example.test')).out
    assert.match(beside, /Refused at RCPT: nobody2@example\.test with 550.*\n.*Filed for alice@example\.test/)
  })

  test('what its owner does with it later stands in the record', async () => {
    await send('to be moved', [ALICE])
    await runProgram(python!, ['-c', CLEAN_UP, String(server.ports.imap), ALICE, PASSWORD])
    const told = await eventually(async () => {
      const { out } = await why('<to-be-moved@elsewhere.test>')
      return out.includes('for good') ? out : undefined
    })
    assert.match(
      told,
      /Later\n.*alice@example\.test moved it from INBOX to Trash, by IMAP\.\n.* removed it from Trash for good, by IMAP\.$/,
    )
  })

  test('several are listed, the newest first, no more than asked for, and nothing is said of nothing', async () => {
    const { code, out } = await why('--address', ALICE, '--limit', '2')
    const lines = out.split('\n')
    assert.deepEqual([code, lines.length], [0, 3])
    assert.match(lines[0]!, /"to be moved"$/)
    assert.match(lines[2]!, /^2 records; .* There may be more: --limit/)
    assert.equal((await whyJson('--address', ALICE, '--limit', '2')).found.length, 2)
    const nothing = await why('<never@elsewhere.test>')
    assert.equal(nothing.code, 1)
    assert.match(
      nothing.out,
      /^Nothing is known of the Message-ID <never@elsewhere\.test>\.\nRecords are kept for 30d, up to 1024 MB; the oldest/,
    )
    assert.equal((await why('nonsense')).code, 2)
  })
})
