/**
 * Two Posthouse servers on loopback: the first sends by routes. The second is its smarthost, with a login and a pinned key, and the mailbox
 * server behind it, by LMTP. Seen in the log, the trail and the mailboxes.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { digestsOf } from '../../plugins/mx/routes/pin.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'

const python = program('python3')
const skip = python === undefined ? 'no python3' : false
const SECRET = 'open sesame to all'

const SEND = `
import smtplib, ssl, sys
port, *to = sys.argv[1:]
client = smtplib.SMTP("127.0.0.1", int(port), timeout=60)
client.starttls(context=ssl._create_unverified_context())
client.login("alice@a.test", "secret a")
client.sendmail("alice@a.test", to, "From: alice@a.test\\r\\nTo: x@a.test\\r\\nSubject: hello\\r\\n\\r\\nhello\\r\\n")
client.quit()
`

const READ = `
import imaplib, json, ssl, sys
port, login, password = sys.argv[1:4]
client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login(login, password)
client.select("INBOX")
print(json.dumps([client.fetch(n, "(BODY.PEEK[])")[1][0][1].decode("latin1") for n in client.search(None, "ALL")[1][0].split()]))
client.logout()
`

describe('a server that sends by routes', { skip }, () => {
  let a: Instance
  let b: Instance
  const secret = () => join(a.configDir, 'smart.password')

  before(async () => {
    b = await Instance.make({
      without: CONTENT,
      domain: 'b.test',
      users: [
        ['bob@b.test', 'secret b'],
        ['relay@b.test', SECRET],
      ],
      plugins: { submission: { sender: 'any', from: 'any' } },
    })
    await b.start()
    const shown = await readFile(join(b.dataDir, 'tls', 'self-signed', 'certificate.pem'))
    const key = digestsOf(new X509Certificate(shown)).key.toString('base64')
    const smart = {
      hosts: [`127.0.0.1:${b.ports.submissions}`],
      implicit_tls: true,
      pin: [`sha256//${key}`],
      auth: { user: 'relay@b.test', password_file: 'smart.password' },
    }
    const mx = {
      routes: {
        'b.test': `lmtp:127.0.0.1:${b.ports.lmtp}`,
        '.smart.test': [
          { from: ['nobody.test'], hosts: ['127.0.0.1:1'] },
          { login: ['alice@a.test'], ...smart },
          '127.0.0.1:2',
        ],
        'cold.test': { hosts: [`127.0.0.1:${b.ports.mx}`], pool: 'cold' },
      },
      pools: {
        bulk: { sources: [{ address: '127.0.0.77', helo: 'out77.a.test' }] },
        cold: { sources: [{ address: '127.0.0.78', warm_up: { since: '2026-01-01', per_day: Array(366).fill(0) } }] },
      },
      pool_rules: [{ class: ['authenticated'], to: ['mail.smart.test'], pool: 'bulk' }],
    }
    const server = { queue: { retry: ['1s'], expire: '3d', warn_after: [] } }
    const files = { 'smart.password': `${SECRET}\n` }
    a = await Instance.make({
      without: CONTENT,
      domain: 'a.test',
      users: [['alice@a.test', 'secret a']],
      plugins: { mx },
      server,
      files,
    })
    await a.start()
  })
  after(async () => {
    await Promise.all([a?.destroy(), b?.destroy()])
  })

  async function send(...to: string[]): Promise<void> {
    const { code, stderr } = await runProgram(python!, ['-c', SEND, String(a.ports.submission), ...to])
    assert.equal(code, 0, stderr)
  }

  async function inbox(instance: Instance, login: string, password: string): Promise<string[]> {
    const args = ['-c', READ, String(instance.ports.imap), login, password]
    const { code, stdout, stderr } = await runProgram(python!, args)
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  async function line(to: string, sentence: string): Promise<Record<string, unknown>> {
    return eventually(
      () =>
        a.log
          .split('\n')
          .filter(text => text.startsWith('{'))
          .map(text => JSON.parse(text) as Record<string, unknown>)
          .find(one => one.to === to && one.msg === sentence),
      20_000,
      () => `no ${sentence} of ${to} in:\n${a.log}`,
    )
  }

  test('has mail by LMTP in the mailbox, and tells of the one recipient who is not there', async () => {
    await send('bob@b.test', 'nobody@b.test')
    const { lane, remote } = await line('bob@b.test', 'delivered')
    assert.equal(lane, `lmtp:127.0.0.1:${b.ports.lmtp}`)
    assert.equal(remote, `127.0.0.1 [127.0.0.1]:${b.ports.lmtp}`)
    assert.equal((await inbox(b, 'bob@b.test', 'secret b')).length, 1)
    assert.match(String((await line('nobody@b.test', 'failed')).status), /^5\.1\.1$/)
    const bounce = await eventually(async () => (await inbox(a, 'alice@a.test', 'secret a'))[0])
    assert.match(bounce, /nobody@b\.test/)
    assert.doesNotMatch(bounce, /Final-Recipient: rfc822; ?bob@b\.test/i)
  })

  test('logs in at its smarthost, whose key is pinned, and goes out by its own address and name', async () => {
    await send('x@mail.smart.test')
    const { security, source, tls, id, lane } = await line('x@mail.smart.test', 'delivered')
    assert.equal(lane, `127.0.0.1:${b.ports.submissions}`)
    assert.equal(tls, 'TLSv1.3')
    assert.equal(security, 'TLS 1.3, verified by its pinned key as the route asks')
    assert.equal(source, 'bulk: 127.0.0.77 (out77.a.test)')
    await b.logged(/"mechanism":"SCRAM-SHA-256-PLUS"/)
    await b.logged(/127\.0\.0\.77/)
    const { stdout } = await a.cli(['queue', 'show', String(id)])
    assert.match(stdout, /from bulk: 127\.0\.0\.77 \(out77\.a\.test\)/)
    assert.ok(!a.log.includes(SECRET))
  })

  test('says which way mail would go, and which line of the config says so', async () => {
    const explain = async (...options: string[]) =>
      (await a.cli(['delivery', 'explain', 'mail.smart.test', ...options])).stdout
    const logged = await explain('--login', 'alice@a.test')
    assert.match(logged, /route "\.smart\.test"\[1\] \(plugins\.yaml:\d+:\d+\), logs in as relay@b\.test/)
    assert.match(logged, /TLS .*required and proven/)
    assert.match(
      logged,
      /pool bulk \(rule 1 of pool_rules \(plugins\.yaml:\d+:\d+\)\): bulk: 127\.0\.0\.77 \(out77\.a\.test\)/,
    )
    assert.match(await explain('--from', 'x@nobody.test'), /route "\.smart\.test"\[0\]/)
    assert.match(await explain('--from', '<>'), /route "\.smart\.test"\[2\]/)
    assert.ok(!logged.includes(SECRET))
  })

  test('waits when the login is refused, and says so to the admin', async () => {
    await writeFile(secret(), 'another password\n')
    await send('x@other.smart.test')
    const { status, text } = await line('x@other.smart.test', 'deferred')
    assert.equal(status, '4.7.0')
    assert.match(String(text), /the login of relay@b\.test by SCRAM-SHA-256-PLUS is refused: 535/)
    await a.logged(/"level":"error"[^\n]*"msg":"cannot log in at the mail host"/)
    assert.ok(!a.log.includes('another password'))
  })

  test('waits for the next day when no source may send any more', async () => {
    const midnight = (Math.floor(Date.now() / 86_400_000) + 1) * 86_400_000
    await send('x@cold.test')
    const { status, text, due } = await line('x@cold.test', 'deferred')
    assert.equal(status, '4.4.5')
    assert.match(String(text), /all sources of the pool "cold" have sent what their warm-up allows for today/)
    assert.ok(Number(due) >= midnight, `${due} is not tomorrow`)
  })
})
