/** Bounces and complaints that come in from the world: known by what really left, written into its trail; forged ones are evidence. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseDocument } from 'yaml'
import { CONTENT, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'
import { SmtpSink } from '../harness/smtp-sink.js'

/** `mx` gets a route to a server whose port was not known before. */
function setRoute(text: string, domain: string, port: number): string {
  const document = parseDocument(text)
  const entries = document.toJS() as { use: string }[]
  const at = entries.findIndex(({ use }) => use === 'mx')
  document.setIn([at, 'with'], document.createNode({ routes: { [domain]: `127.0.0.1:${port}` } }))
  return document.toString()
}

const python = program('python3')
const skip = python === undefined ? 'no python3' : false

/** Prints the reply to the end of the message: it holds the queue id. */
const SEND = `
import smtplib, ssl, sys
port, login, password, sender, to = sys.argv[1:6]
client = smtplib.SMTP("127.0.0.1", int(port), timeout=60)
client.ehlo()
if login:
    client.starttls(context=ssl._create_unverified_context())
    client.login(login, password)
client.mail(sender)
print(client.rcpt(to)[1].decode())
print(client.data(sys.stdin.buffer.read())[1].decode())
client.quit()
`

const ALICE = 'alice@example.test'
const PASSWORD = 'correct horse'

describe('a server whose mail comes back', { skip }, () => {
  let sink: SmtpSink
  let instance: Instance
  const folder = mkdtempSync(join(tmpdir(), 'returns-'))

  before(async () => {
    sink = await new SmtpSink().start()
    instance = await Instance.make({
      without: CONTENT,
      users: [[ALICE, PASSWORD]],
      first: [{ use: 'suppression', with: { after: 2 } }],
      plugins: { mx: { routes: { 'far.test': `127.0.0.1:${sink.port}` } } },
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await sink?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Resolves to the queue id. */
  async function send(port: number, sender: string, to: string, text: string): Promise<string> {
    const login = sender === ALICE ? [ALICE, PASSWORD] : ['', '']
    const args = ['-c', SEND, String(port), ...login, sender, to]
    const { stdout } = await runProgram(python!, args, { stdin: text })
    return stdout.match(/[0-9a-z]{16}\.\d+/g)!.at(-1)!
  }

  /** Sends a mail out, and resolves to its id and to what the other side has of it. */
  async function out(to: string, subject: string) {
    const count = sink.messages.length
    const text = `From: ${ALICE}\r\nTo: ${to}\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@example.test>\r\n\r\nhello\r\n`
    const id = await send(instance.ports.submission, ALICE, to, text)
    const taken = (await sink.received(count + 1))[count]!.data.toString('latin1')
    return { id, taken }
  }

  const comesBack = (text: string) => send(instance.ports.mx, '', ALICE, text)

  const report = (original: string, to: string) =>
    [
      'From: MAILER-DAEMON@far.test',
      `To: ${ALICE}`,
      'Subject: Undeliverable',
      'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
      '',
      '--b',
      '',
      'Sorry.',
      '--b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; inner.far.test',
      '',
      `Final-Recipient: rfc822; ${to}`,
      'Action: failed',
      'Status: 5.1.1',
      `Diagnostic-Code: smtp; 550 5.1.1 <${to}>: no such user`,
      '--b',
      'Content-Type: message/rfc822',
      '',
      original,
      '--b--',
      '',
    ].join('\r\n')

  async function trailOf(id: string): Promise<string> {
    return (await instance.cli(['queue', 'show', id])).stdout
  }

  test('writes a bounce into the trail of the message that left', async () => {
    const { id, taken } = await out('nobody@far.test', 'one')
    const notice = await comesBack(report(taken, 'nobody@far.test'))
    await instance.logged(new RegExp(`${notice}.*returned|returned.*${notice}`))
    const trail = await trailOf(id)
    assert.match(
      trail,
      /Came back from inner\.far\.test for nobody@far\.test \(no-such-user\): 550 5\.1\.1 <nobody@far\.test>: no such user/,
    )
    assert.match(await trailOf(notice), new RegExp(`Recognised as a bounce about message ${id}`))
  })

  test('refuses the address after the second one (suppression)', async () => {
    const { taken } = await out('nobody@far.test', 'again')
    const notice = await comesBack(report(taken, 'nobody@far.test'))
    await instance.logged(new RegExp(`${notice}.*returned|returned.*${notice}`))
    await instance.logged(/recipient suppressed/)
    const args = ['-c', SEND, String(instance.ports.submission), ALICE, PASSWORD, ALICE, 'nobody@far.test']
    const { stdout, stderr } = await runProgram(python!, args, { stdin: 'Subject: x\r\n\r\nx\r\n' })
    assert.match(stdout + stderr, /5\.1\.1 This address has failed for good before/)
    assert.match((await instance.cli(['suppression', 'ls'])).stdout, /^nobody@far\.test {2}for domain example\.test/)
  })

  test('knows it by its Message-ID when nothing else is returned', async () => {
    const { id, taken } = await out('gone@far.test', 'two')
    const little = taken
      .split('\r\n')
      .filter(line => /^(Message-ID|From|To|Subject):/i.test(line))
      .join('\r\n')
    const notice = await comesBack(report(`${little}\r\n`, 'gone@far.test'))
    await instance.logged(new RegExp(`${notice}.*returned|returned.*${notice}`))
    assert.match(await trailOf(id), /Came back from inner\.far\.test for gone@far\.test/)
  })

  test('writes a complaint there too', async () => {
    const { id, taken } = await out('bob@far.test', 'three')
    const text = report(taken, 'x@y.test')
      .replace('delivery-status', 'feedback-report')
      .replace(/message\/delivery-status[\s\S]*?\r\n--b/, 'message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n--b')
    const notice = await comesBack(text)
    await instance.logged(new RegExp(`${notice}.*complained|complained.*${notice}`))
    assert.match(await trailOf(id), /Complaint \(abuse\) from bob@far\.test/)
  })

  test('says of one for mail that never left that it is forged', async () => {
    const strange = [
      'Received: from x by elsewhere.test id abc; Sat, 21 Nov 2026 10:00:00 +0000',
      `From: ${ALICE}`,
      'To: v@far.test',
      'Message-ID: <never@example.test>',
      'Subject: pills',
      '',
      'pills',
    ].join('\r\n')
    const notice = await comesBack(report(strange, 'v@far.test'))
    assert.match(await trailOf(notice), /bounce-forged 2\.5/)
    assert.doesNotMatch(await trailOf(notice), /Recognised/)
  })

  test('says so too of one that claims an id of ours that is none', async () => {
    const { taken } = await out('bob@far.test', 'four')
    const claimed = taken.replace(/(with \S+ id )\S+/, '$10000000000000000.1').replace('<four@', '<other@')
    const notice = await comesBack(report(claimed, 'bob@far.test'))
    assert.match(await trailOf(notice), /bounce-forged 2\.5/)
  })

  test('tells on the command line what it understands', async () => {
    const path = join(folder, 'bounce.eml')
    writeFileSync(path, report('Message-ID: <q@example.test>\r\n\r\nx', 'nobody@far.test'))
    const { stdout, code } = await instance.cli(['bounce', 'read', path])
    assert.equal(code, 0)
    assert.match(stdout, /^a bounce, by its report for programs\n {2}reported by {2}inner\.far\.test\n/)
    assert.match(stdout, /^nobody@far\.test {2}failed {2}5\.1\.1$/m)
    const json = JSON.parse((await instance.cli(['bounce', 'read', path, '--json'])).stdout) as { kind: string }
    assert.equal(json.kind, 'bounce')
  })
})

describe('a server that takes mail and finds out later', { skip }, () => {
  let sink: SmtpSink
  let ours: Instance
  let theirs: Instance

  before(async () => {
    const script = (stage: string) => (stage === 'rcpt' ? '552 5.2.2 mailbox is full' : undefined)
    sink = await new SmtpSink({ script }).start()
    ours = await Instance.make({ without: CONTENT, domain: 'a.test', users: [['alice@a.test', PASSWORD]] })
    theirs = await Instance.make({
      without: CONTENT,
      domain: 'b.test',
      users: [['bob@b.test', PASSWORD]],
      plugins: {
        mx: { routes: { 'c.test': `127.0.0.1:${sink.port}`, 'a.test': `127.0.0.1:${ours.ports.mx}` } },
      },
      files: { 'aliases.yaml': 'moved@b.test: bob@c.test\n' },
    })
    await ours.edit('plugins.yaml', text => setRoute(text, 'b.test', theirs.ports.mx))
    await Promise.all([ours.start(), theirs.start()])
  })
  after(async () => {
    await Promise.all([ours?.destroy(), theirs?.destroy()])
    await sink?.stop()
  })

  test('tells us by a notice of its own, which stands in the trail of the message', async () => {
    const text = 'From: alice@a.test\r\nTo: moved@b.test\r\nSubject: x\r\nMessage-ID: <far@a.test>\r\n\r\nhello\r\n'
    const args = ['-c', SEND, String(ours.ports.submission), 'alice@a.test', PASSWORD, 'alice@a.test', 'moved@b.test']
    const { stdout } = await runProgram(python!, args, { stdin: text })
    const id = stdout.match(/[0-9a-z]{16}\.\d+/g)!.at(-1)!
    await ours.logged(/"class":"mailbox-full"[^\n]*"msg":"returned"/)
    assert.match(
      (await ours.cli(['queue', 'show', id])).stdout,
      /Came back from mail\.b\.test for moved@b\.test \(mailbox-full\): 552 5\.2\.2 mailbox is full/,
    )
  })
})
