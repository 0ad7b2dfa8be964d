/** Clients nobody here wrote, against a started server: they send, read, move and mirror. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { eventually, Instance, PATIENCE_MS } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'

const LOGIN = 'alice@example.test'
const PASSWORD = 'correct horse'

const curl = program('curl')
const swaks = program('swaks')
const mbsync = program('mbsync')
const fetchmail = program('fetchmail')
const msmtp = program('msmtp')
const smtpSource = program('smtp-source')
const openssl = program('openssl')

function without(path: string | undefined, name: string): { skip: string | false } {
  return { skip: path === undefined ? `no ${name}` : false }
}

describe('a started server and', () => {
  let instance: Instance
  let dir: string

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'posthouse-clients-'))
    instance = await Instance.make({ users: [[LOGIN, PASSWORD]] })
    await instance.start()
  })
  after(async () => {
    await instance.destroy()
    await rm(dir, { recursive: true, force: true })
  })

  async function run(
    path: string | undefined,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await runProgram(path!, args, { env })
    assert.equal(code, 0, `${path} ${args.join(' ')}\n${stdout}\n${stderr}`)
    return stdout
  }

  function imap(path: string, ...more: string[]): Promise<string> {
    const { imaps } = instance.ports
    return run(curl, ['-sSk', `imaps://127.0.0.1:${imaps}/${path}`, '-u', `${LOGIN}:${PASSWORD}`, ...more])
  }

  test('curl sends by submission with STARTTLS and reads by IMAP and POP3', without(curl, 'curl'), async () => {
    const mail = join(dir, 'curl.eml')
    await writeFile(mail, `From: ${LOGIN}\r\nSubject: by curl\r\n\r\n.leading dot\r\n`)
    const { submission, pop3 } = instance.ports
    const user = ['-u', `${LOGIN}:${PASSWORD}`]
    const send = [
      `smtp://127.0.0.1:${submission}`,
      '--ssl-reqd',
      '--mail-from',
      LOGIN,
      '--mail-rcpt',
      LOGIN,
      '-T',
      mail,
    ]
    await run(curl, ['-sSk', ...send, ...user])
    const found = await imap('INBOX?SUBJECT%20%22by%20curl%22')
    const uid = /\* SEARCH (\d+)/.exec(found)?.[1]
    assert.ok(uid !== undefined, found)
    assert.match(await imap(`INBOX;UID=${uid}`), /\r\n\r\n\.leading dot\r\n$/)
    const list = await run(curl, ['-sSk', '--ssl-reqd', `pop3://127.0.0.1:${pop3}/`, ...user])
    const number = /(\d+) \d+\s*$/.exec(list.trim())?.[1]
    assert.match(
      await run(curl, ['-sSk', '--ssl-reqd', `pop3://127.0.0.1:${pop3}/${number}`, ...user]),
      /Subject: by curl/,
    )
  })

  test('swaks sends to the MX port, by LMTP and by implicit TLS', without(swaks, 'swaks'), async () => {
    const { mx, lmtp, submissions } = instance.ports
    const common = ['--to', LOGIN, '--timeout', '60']
    const stranger = ['--from', 'swaks@elsewhere.test']
    await run(swaks, ['--server', `127.0.0.1:${mx}`, ...common, ...stranger, '--header', 'Subject: swaks mx', '--tls'])
    await run(swaks, [
      '--server',
      `127.0.0.1:${lmtp}`,
      '--protocol',
      'LMTP',
      ...common,
      ...stranger,
      '--header',
      'Subject: swaks lmtp',
    ])
    const auth = [
      '--from',
      LOGIN,
      '--auth',
      'PLAIN',
      '--auth-user',
      LOGIN,
      '--auth-password',
      PASSWORD,
      '--tls-on-connect',
    ]
    await run(swaks, ['--server', `127.0.0.1:${submissions}`, ...common, ...auth, '--header', 'Subject: swaks tls'])
    for (const subject of ['swaks mx', 'swaks lmtp', 'swaks tls']) {
      const found = await imap(`INBOX?SUBJECT%20%22${encodeURIComponent(subject)}%22`)
      assert.match(found, /\* SEARCH \d+/, subject)
    }
  })

  test('swaks hears 550 5.7.1 when it tries to relay', without(swaks, 'swaks'), async () => {
    const args = ['--server', `127.0.0.1:${instance.ports.mx}`, '--to', 'x@world.test', '--from', 'y@world.test']
    const { code, stdout } = await runProgram(swaks!, args)
    assert.notEqual(code, 0)
    assert.match(stdout, /550 5\.7\.1 /)
  })

  test('msmtp sends with LOGIN', without(msmtp, 'msmtp'), async () => {
    const args = [
      '--host=127.0.0.1',
      `--port=${instance.ports.submission}`,
      '--tls=on',
      '--tls-certcheck=off',
      '--auth=login',
    ]
    const more = [`--user=${LOGIN}`, `--passwordeval=echo ${PASSWORD}`, `--from=${LOGIN}`, LOGIN]
    const mail = 'Subject: by msmtp\n\nhello\n'
    const { code, stderr } = await runProgram(msmtp!, [...args, ...more], { stdin: mail, env: { HOME: dir } })
    assert.equal(code, 0, stderr)
  })

  test('smtp-source pours 200 messages in over 20 sessions', without(smtpSource, 'smtp-source'), async () => {
    const before = await messages('INBOX')
    const args = ['-s', '20', '-m', '200', '-l', '4096', '-f', 'load@elsewhere.test', '-t', LOGIN]
    await run(smtpSource, [...args, `inet:127.0.0.1:${instance.ports.mx}`])
    assert.equal((await messages('INBOX')) - before, 200)
  })

  async function messages(mailbox: string): Promise<number> {
    const status = await imap('', '-X', `STATUS ${mailbox} (MESSAGES)`)
    return Number(/MESSAGES (\d+)/.exec(status)?.[1])
  }

  test('mbsync mirrors both ways, with flags and deletions', without(mbsync, 'mbsync'), async () => {
    const config = join(dir, 'mbsyncrc')
    const account = `IMAPAccount here\nHost 127.0.0.1\nPort ${instance.ports.imaps}\nUser ${LOGIN}\nPass "${PASSWORD}"\n`
    const tls = `SSLType IMAPS\nCertificateFile ${join(instance.dataDir, 'tls/self-signed/certificate.pem')}`
    const stores = `IMAPStore far\nAccount here\nMaildirStore near\nPath ${dir}/maildir/\nInbox ${dir}/maildir/INBOX\nSubFolders Verbatim\n`
    const channel =
      'Channel both\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSync All\nSyncState *\n'
    await writeFile(config, `${account}${tls}\n\n${stores.replace('MaildirStore', '\nMaildirStore')}\n${channel}`)
    await mkdir(join(dir, 'maildir'), { recursive: true })
    await run(mbsync, ['-c', config, 'both'])
    const count = async () => {
      const box = join(dir, 'maildir/INBOX')
      return (await readdir(join(box, 'cur'))).length + (await readdir(join(box, 'new'))).length
    }
    assert.equal(await count(), await messages('INBOX'))
    await writeFile(join(dir, 'maildir/INBOX/cur/1.local:2,S'), 'Subject: from the maildir\n\nup\n')
    await run(mbsync, ['-c', config, 'both'])
    const found = await imap('INBOX?SUBJECT%20%22from%20the%20maildir%22%20SEEN')
    assert.match(found, /\* SEARCH \d+/)
    const uid = /\* SEARCH (\d+)/.exec(found)![1]
    await imap('INBOX', '-X', `UID STORE ${uid} +FLAGS (\\Deleted)`)
    await run(mbsync, ['-c', config, 'both'])
    const again = await imap('INBOX?SUBJECT%20%22from%20the%20maildir%22')
    assert.doesNotMatch(again, /\* SEARCH \d+/)
    assert.equal(await count(), await messages('INBOX'))
  })

  test('fetchmail downloads by POP3 and deletes what it took', without(fetchmail, 'fetchmail'), async () => {
    const rc = join(dir, 'fetchmailrc')
    const poll = `poll 127.0.0.1 service ${instance.ports.pop3s} protocol POP3 user "${LOGIN}" password "${PASSWORD}" ssl sslproto "auto" no sslcertck fetchall mda "cat >> ${dir}/spool"\n`
    await writeFile(rc, poll, { mode: 0o600 })
    await runProgram(fetchmail!, ['-f', rc, '--nosyslog', '--pidfile', join(dir, 'fm.pid')], {
      env: { HOME: dir },
    })
    assert.match(await readFile(join(dir, 'spool'), 'latin1'), /Subject: by curl|Subject: swaks|smtp-source|From: /)
    await eventually(
      async () => ((await messages('INBOX')) === 0 ? true : undefined),
      PATIENCE_MS,
      () => 'INBOX is not empty',
    )
  })

  test('openssl shakes hands on every TLS port', without(openssl, 'openssl'), async () => {
    const { submission, submissions, imap: imapPort, imaps, pop3, pop3s } = instance.ports
    const doors: [number, string[]][] = [
      [submission, ['-starttls', 'smtp']],
      [submissions, []],
      [imapPort, ['-starttls', 'imap']],
      [imaps, []],
      [pop3, ['-starttls', 'pop3']],
      [pop3s, []],
    ]
    for (const [port, more] of doors) {
      const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-brief', ...more]
      const { stderr } = await runProgram(openssl!, args, { stdin: 'QUIT\r\n' })
      assert.match(stderr, /Protocol version: TLSv1\.3/, `port ${port}`)
    }
  })
})
