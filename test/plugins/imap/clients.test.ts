/** Clients we did not write, against the plugin on the memory store: Python's imaplib, curl and mbsync, each where it is installed. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runProgram } from '../../harness/programs.js'
import { program } from '../../harness/shared.js'
import { CERTIFICATE, type Rig, startRig } from './rig.js'

let rig: Rig
let folder: string

before(async () => {
  rig = await startRig({ config: { cleartext_auth: false } })
  folder = await mkdtemp(join(tmpdir(), 'posthouse-imap-'))
  await writeFile(join(folder, 'cert.pem'), CERTIFICATE.certificate)
})
after(async () => {
  await rig.end()
  await rm(folder, { recursive: true, force: true })
})

const without = (name: string) => program(name) === undefined && `${name} is not installed`

const PYTHON = `
import imaplib, ssl, sys, time
host, port, tls_port, cert = '127.0.0.1', int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=cert)
message = b'From: a@example.test\\r\\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\\r\\n\\r\\nbody \\xff\\r\\n'

def ok(answer):
    assert answer[0] == 'OK', answer
    return answer[1]

m = imaplib.IMAP4(host, port)
assert 'LOGINDISABLED' in m.capabilities
ok(m.starttls(context))
assert 'AUTH=PLAIN' in m.capabilities
ok(m.authenticate('PLAIN', lambda _: b'\\0ann\\0secret'))
ok(m.create('py'))
ok(m.append('py', '(\\\\Flagged)', imaplib.Time2Internaldate(1000000000), message))
assert ok(m.select('py')) == [b'1']
data = ok(m.fetch('1', '(INTERNALDATE RFC822.SIZE FLAGS BODY[])'))
assert data[0][1] == message, data
assert b'09-Sep-2001' in data[0][0].replace(b'" 9-', b'"09-')
assert ok(m.search('UTF-8', 'SUBJECT', '"x"')) == [b'']
m.literal = 'grüße'.encode()
assert ok(m.search('UTF-8', 'SUBJECT')) == [b'1']
assert ok(m.uid('SEARCH', 'FLAGGED')) == [b'1']
ok(m.store('1', '+FLAGS', '(\\\\Deleted)'))
ok(m.copy('1', 'Archive'))
assert ok(m.expunge()) == [b'1']
assert ok(m.status('py', '(MESSAGES)')) == [b'"py" (MESSAGES 0)']
ok(m.noop()); ok(m.check()); ok(m.close())
ok(m.subscribe('py')); ok(m.unsubscribe('py')); ok(m.rename('py', 'py2')); ok(m.delete('py2'))
assert len(ok(m.list())) == 6
ok(m.namespace()); m.logout()

s = imaplib.IMAP4_SSL(host, tls_port, ssl_context=context)
try:
    s.login('ann', 'wrong')
    raise SystemExit('a wrong password was taken')
except imaplib.IMAP4.error as e:
    assert 'AUTHENTICATIONFAILED' in str(e), e
ok(s.login('ann', 'secret'))
s.logout()
print('fine')
`

test("Python's imaplib does everything it knows", { skip: without('python3') }, async () => {
  const script = join(folder, 'script.py')
  await writeFile(script, PYTHON)
  const { stdout, stderr } = await runProgram('python3', [
    script,
    `${rig.port}`,
    `${rig.tlsPort}`,
    join(folder, 'cert.pem'),
  ])
  assert.equal(`${stderr}${stdout}`, 'fine\n')
})

test('curl lists, uploads, searches and reads', { skip: without('curl') }, async () => {
  const curl = async (url: string, ...args: string[]) => {
    const common = ['-sS', '--cacert', join(folder, 'cert.pem'), '-u', 'bob:secret']
    const { code, stdout, stderr } = await runProgram('curl', [...common, ...args, url])
    assert.equal(`${code}${stderr}`, '0')
    return stdout
  }
  const message = 'Subject: from curl\r\n\r\nhello\r\n'
  await writeFile(join(folder, 'mail'), message)
  const clear = `imap://127.0.0.1:${rig.port}`
  const secure = `imaps://127.0.0.1:${rig.tlsPort}`
  assert.match(await curl(`${clear}/`, '--ssl-reqd'), /\* LIST \(\\HasNoChildren\) "\/" "INBOX"/)
  await curl(`${secure}/INBOX`, '-T', join(folder, 'mail'))
  assert.match(await curl(`${secure}/INBOX?SUBJECT%20curl`), /\* SEARCH 1/)
  assert.equal(await curl(`${secure}/INBOX;UID=1`), message)
  assert.equal(await curl(`${secure}/INBOX;MAILINDEX=1;SECTION=TEXT`), 'hello\r\n')
  assert.match(await curl(`${clear}/INBOX`, '--ssl-reqd', '-X', 'FETCH 1 FLAGS'), /\* 1 FETCH \(FLAGS \(\\Seen\)\)/)
})

test('mbsync pushes a maildir up, pulls it down elsewhere, and moves changes both ways', {
  skip: without('mbsync'),
}, async () => {
  const messages = Array.from({ length: 30 }, (_, i) => `Subject: m${i}\nMessage-ID: <${i}@x>\n\nbody ${i}\n`)
  const near = await maildir('near')
  for (const [i, text] of messages.entries()) await writeFile(join(near, 'INBOX', 'cur', `${i}.x:2,S`), text)
  await mbsync('near')
  const far = await maildir('far')
  await mbsync('far')
  assert.deepEqual(await contents(far), [...messages].sort())
  const [first] = await readdir(join(far, 'INBOX', 'cur'))
  await rm(join(far, 'INBOX', 'cur', first!))
  await mbsync('far')
  await mbsync('near')
  assert.equal((await contents(near)).length, 29)
  assert.deepEqual(await contents(near), await contents(far))
})

async function maildir(name: string): Promise<string> {
  const root = join(folder, name)
  for (const sub of ['cur', 'new', 'tmp']) await mkdir(join(root, 'INBOX', sub), { recursive: true })
  const config = `
IMAPAccount a
Host localhost
Port ${rig.port}
User ann
Pass secret
SSLType STARTTLS
CertificateFile ${join(folder, 'cert.pem')}

IMAPStore server
Account a

MaildirStore here
Path ${root}/
Inbox ${root}/INBOX
SubFolders Verbatim

Channel c
Far :server:
Near :here:
Patterns INBOX Archive
Create Both
Expunge Both
Sync All
SyncState *
`
  await writeFile(join(folder, `${name}.rc`), config)
  return root
}

async function mbsync(name: string): Promise<void> {
  const { code, stdout, stderr } = await runProgram('mbsync', ['-q', '-c', join(folder, `${name}.rc`), '-a'])
  assert.equal(code, 0, `${stdout}${stderr}`)
}

/** All messages of INBOX, without the mark mbsync leaves. */
async function contents(root: string): Promise<string[]> {
  const files = await Promise.all(
    ['cur', 'new'].map(async sub =>
      (await readdir(join(root, 'INBOX', sub))).map(name => join(root, 'INBOX', sub, name)),
    ),
  )
  const texts = await Promise.all(files.flat().map(path => readFile(path, 'latin1')))
  return texts.map(text => text.replaceAll('\r\n', '\n').replace(/^X-TUID: .*\n/m, '')).sort()
}
