/**
 * Requests for read receipts (RFC 8098) and receipts go through untouched, to mailboxes here and to others; `$MDNSent` (RFC 3503), by which mail programs
 * know that they have answered, is kept by copies, moves and restarts, so that nobody gets a second receipt. We never send one ourselves.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTENT, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const [ANN, PASSWORD] = ['ann@example.test', 'secret-words']

const REQUEST = [
  'From: Ann <ann@example.test>',
  'To: ann@example.test, someone@far.test',
  'Message-ID: <request@example.test>',
  'Date: Sun, 22 Nov 2026 10:00:00 +0000',
  'Subject: please read',
  'Disposition-Notification-To: Ann <ann@example.test>,',
  ' "B" <b@example.test>',
  'Disposition-Notification-Options: X-Odd=optional,one ; signed-receipt-protocol = optional, pkcs7-signature',
  'Original-Recipient: rfc822;someone@far.test',
  'Return-Receipt-To: ann@example.test',
  '',
  'hello',
  '',
].join('\r\n')

const RECEIPT = [
  'From: Ann <ann@example.test>',
  'To: someone@far.test',
  'Message-ID: <receipt@example.test>',
  'Date: Sun, 22 Nov 2026 10:00:00 +0000',
  'Subject: Read: please read',
  'MIME-Version: 1.0',
  'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"',
  '',
  '--b',
  '',
  'It was read.',
  '--b',
  'Content-Type: message/disposition-notification',
  '',
  'Reporting-UA: ann.example.test; Reader 1.0',
  'Original-Recipient: rfc822;ann@example.test',
  'Final-Recipient: rfc822;ann@example.test',
  'Original-Message-ID: <request@far.test>',
  'Disposition: manual-action/MDN-sent-manually; displayed',
  '',
  '--b--',
  '',
].join('\r\n')

const PYTHON = `
import imaplib, smtplib, sys
what, smtp, imap, login, password = sys.argv[1:6]
def ok(answer):
    assert answer[0] == 'OK', answer
    return answer[1]
if what == 'submit':
    client = smtplib.SMTP('127.0.0.1', int(smtp))
    client.starttls()
    client.login(login, password)
    # RFC 8098 section 3: a receipt has the null sender.
    client.sendmail(sys.argv[6], sys.argv[7].split(','), sys.stdin.buffer.read())
    client.quit()
else:
    client = imaplib.IMAP4('127.0.0.1', int(imap))
    ok(client.login(login, password))
    ok(client.select('INBOX'))
    assert b'\\\\*' in client.untagged_responses['PERMANENTFLAGS'][0]
    if what == 'mark':
        ok(client.store('1', '+FLAGS', '($mdnsent)'))
        ok(client.copy('1', 'Archive'))
        ok(client.copy('1', 'Trash'))
        ok(client.select('Archive'))
        ok(client.uid('MOVE', '1', 'Sent'))
        ok(client.append('Drafts', '($MDNSent \\\\Draft)', None, b'Subject: mine\\r\\n\\r\\n'))
    for name in ['INBOX', 'Trash', 'Sent', 'Drafts']:
        ok(client.select(name))
        print(name, ok(client.search(None, 'KEYWORD', '$MDNSent'))[0].decode(), ok(client.search(None, 'UNKEYWORD', '$MDNSENT'))[0].decode())
    ok(client.select('INBOX'))
    sys.stdout.flush()
    sys.stdout.buffer.write(ok(client.fetch('1', '(BODY.PEEK[])'))[0][1])
`

describe('read receipts', { skip: program('python3') === undefined && 'no python3' }, () => {
  let sink: SmtpSink
  let instance: Instance

  before(async () => {
    sink = await new SmtpSink().start()
    instance = await Instance.make({
      without: CONTENT,
      users: [[ANN, PASSWORD]],
      plugins: {
        mx: { routes: { '*': `127.0.0.1:${sink.port}` }, tls: 'never', keep_idle: '0s' },
        imap: { cleartext_auth: true },
        'auth-file': { demo: false },
      },
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await sink?.stop()
  })

  const python = async (what: string, stdin = '', ...more: readonly string[]): Promise<string> => {
    const { submission, imap } = instance.ports
    const args = ['-c', PYTHON, what, String(submission), String(imap), ANN, PASSWORD, ...more]
    const { code, stdout, stderr } = await runProgram('python3', args, { stdin })
    assert.equal(code, 0, stderr)
    return stdout
  }

  test('a request goes to a mailbox and to another server with all its fields as they were', async () => {
    await python('submit', REQUEST, ANN, `${ANN},someone@far.test`)
    const [sent] = await sink.received(1)
    assert.ok(sent!.data.toString('latin1').endsWith(REQUEST), sent!.data.toString('latin1'))
    const [filed] = [await python('look')]
    assert.ok(filed.endsWith(REQUEST), filed)
  })

  test('a receipt goes out with the null sender, untouched', async () => {
    sink.messages.length = 0
    await python('submit', RECEIPT, '', 'someone@far.test')
    const [sent] = await sink.received(1)
    assert.equal(sent!.sender, '')
    assert.ok(sent!.data.toString('latin1').endsWith(RECEIPT), sent!.data.toString('latin1'))
  })

  test('what was answered stays answered: in copies, when it moves, and after a restart', async () => {
    const lines = (text: string) =>
      text
        .split('\n')
        .slice(0, 4)
        .map(line => line.trimEnd())
    const wanted = ['INBOX 1', 'Trash 1', 'Sent 1', 'Drafts 1']
    assert.deepEqual(lines(await python('mark')), wanted)
    await instance.stop()
    await instance.start()
    assert.deepEqual(lines(await python('look')), wanted)
  })

  test('nobody gets a receipt from us', async () => {
    const { stdout } = await instance.cli(['queue', 'ls', '--json'])
    assert.deepEqual(JSON.parse(stdout).messages ?? JSON.parse(stdout), [])
    assert.equal(sink.messages.length, 1, 'the one of the user')
  })
})
