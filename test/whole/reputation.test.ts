/**
 * Reputation in a whole server with two workers, driven from outside: mail from other addresses (one client on loopback that says so by XCLIENT) with signatures
 * that a name service of ours proves, mail of people who log in, moves by IMAP, and what `posthouse sender` says, also after a restart and a crash.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { talk } from '../harness/relay-attempts.js'
import { program } from '../harness/shared.js'
import { recordOf, rsaKey, signed } from '../harness/signed-mail.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const PASSWORD = 'correct horse'
const ALICE = 'alice@example.test'
const key = rsaKey(2048)
const python = program('python3')

const SUBMIT = `
import smtplib, ssl, sys
port, login, password, to, header = sys.argv[1:6]
client = smtplib.SMTP("127.0.0.1", int(port), timeout=60)
client.starttls(context=ssl._create_unverified_context())
client.login(login, password)
client.sendmail(login, [to], "From: %s\\r\\nTo: %s\\r\\n%s\\r\\n\\r\\nhello\\r\\n" % (login, to, header))
client.quit()
`

const MOVE = `
import imaplib, ssl, sys
port, login, password, subject, source, target = sys.argv[1:7]
client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login(login, password)
client.select(source)
for number in client.search(None, "SUBJECT", '"%s"' % subject)[1][0].split():
    assert client._simple_command("MOVE", number, target)[0] == "OK"
client.logout()
`

interface Sender {
  readonly histories: readonly {
    kind: string
    name: string
    ham: number
    spam: number
    junked: number
    refused: number
  }[]
  readonly correspondent?: { written: number; replied: number; answered: number; accounts: number }
  readonly given: readonly { name: string; points: number; says: string }[]
  readonly unproven: readonly { name: string; points: number }[]
}

describe('a server that knows its senders', { skip: noInbox }, () => {
  let dns: DnsServer
  let sink: SmtpSink
  let a: Instance

  before(async () => {
    sink = await new SmtpSink().start()
    dns = await startDnsServer({
      'first.test': { txt: ['v=spf1 -all'] },
      '_dmarc.first.test': { txt: ['v=DMARC1; p=none'] },
      's1._domainkey.first.test': { txt: [recordOf(key)] },
    })
    a = await Instance.make({
      domain: 'example.test',
      users: [
        [ALICE, PASSWORD],
        ['bob@example.test', PASSWORD],
      ],
      first: [{ use: 'mail-auth' }],
      plugins: {
        mx: { routes: { '*': `127.0.0.1:${sink.port}` }, keep_idle: '0s' },
        reputation: { write_every: '50ms' },
      },
      server: { workers: 2, xclient: ['127.0.0.0/8'], dns: { servers: [dns.address], timeout: '10s', tries: 2 } },
      run: { detached: true },
    })
    await a.start()
  })
  after(async () => {
    await a?.destroy()
    await Promise.all([sink?.stop(), dns?.close()])
  })

  interface Mail {
    readonly subject: string
    readonly from?: string
    readonly sign?: boolean
    readonly more?: string
  }

  async function comes({ subject, from = 'carol@first.test', sign = true, more = '' }: Mail): Promise<string> {
    const mail = Buffer.from(`From: Carol <${from}>\r\nSubject: ${subject}\r\n${more}\r\nhello\r\n`)
    const octets = sign ? await signed(mail, { key }) : mail
    const heard = await talk(a.ports.mx, [
      ...['EHLO outer.test', 'XCLIENT ADDR=192.0.2.1', 'EHLO mx.first.test'],
      ...[`MAIL FROM:<${from}>`, `RCPT TO:<${ALICE}>`, 'DATA', `${octets.toString('latin1')}.`],
    ])
    return heard.at(-1)!
  }

  async function submits(to: string, header: string, login = ALICE): Promise<void> {
    const { code, stderr } = await runProgram(python!, [
      '-c',
      SUBMIT,
      String(a.ports.submission),
      login,
      PASSWORD,
      to,
      header,
    ])
    assert.equal(code, 0, stderr)
  }

  async function moves(subject: string, from: string, to: string): Promise<void> {
    const { code, stderr } = await runProgram(python!, [
      '-c',
      MOVE,
      String(a.ports.imap),
      ALICE,
      PASSWORD,
      subject,
      from,
      to,
    ])
    assert.equal(code, 0, stderr)
  }

  async function sender(who: string): Promise<Sender> {
    const { stdout, stderr } = await a.cli(['sender', who, '--json'])
    assert.match(stdout, /^\{/, stderr)
    return JSON.parse(stdout) as Sender
  }

  /** Once it is as `look` wants it: what was counted is written a moment later. */
  const known = (who: string, look: (sender: Sender) => boolean): Promise<Sender> =>
    eventually(async () => {
      const found = await sender(who)
      return look(found) ? found : undefined
    })

  const sumOf = ({ histories }: Sender, kind: string, sum: 'ham' | 'junked') =>
    Math.round((histories.find(one => one.kind === kind)?.[sum] ?? 0) * 10) / 10

  const headerOf = async (subject: string): Promise<string> => {
    const mail = (await inboxOf(a.ports.imap, ALICE, PASSWORD)).find(one => one.includes(`Subject: ${subject}\r\n`))
    assert.ok(mail !== undefined, `${subject} is not in INBOX`)
    return mail.slice(0, mail.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ')
  }

  test('somebody new is given nothing, and what comes of it is counted for all that is proved', async () => {
    const forged = 'X-Posthouse-Origin: ham; at=1; address=x%40y.test\r\n'
    assert.match(await comes({ subject: 'hello', more: forged }), /^250 /)
    const header = await headerOf('hello')
    assert.doesNotMatch(header, /known-correspondent|good-history|bad-history|y\.test/)
    assert.match(
      header,
      /^X-Posthouse-Origin: ham; at=\d+; network=192\.0\.2\.0%2F24; dkim=first\.test; organisation=first\.test; address=carol%40first\.test$/m,
    )
    const { histories, given } = await known('carol@first.test', one => sumOf(one, 'address', 'ham') > 0)
    assert.deepEqual(
      histories.map(({ kind, name }) => `${kind} ${name}`),
      ['organisation first.test', 'address carol@first.test', 'dkim first.test'],
    )
    assert.deepEqual(given, [])
  })

  test('whom our users write to is known, proved, and only then', async () => {
    await submits('carol@first.test', 'Subject: question\r\nMessage-ID: <question@example.test>')
    await submits('carol@first.test', 'Subject: again\r\nIn-Reply-To: <x@first.test>')
    await known('carol@first.test', ({ correspondent }) => (correspondent?.written ?? 0) > 1.9)
    assert.match(await comes({ subject: 'answer', more: 'In-Reply-To: <question@example.test>\r\n' }), /^250 /)
    const header = await headerOf('answer')
    assert.match(
      header,
      /known-correspondent -3\.\d \(Your users have written to carol@first\.test 2 times since \d+ \w+, 1 of them in answer/,
    )
    assert.match(await comes({ subject: 'forged', sign: false }), /^250 /)
    assert.doesNotMatch(await headerOf('forged'), /known-correspondent|good-history/)
    const { correspondent } = await known('carol@first.test', one => (one.correspondent?.answered ?? 0) > 0.9)
    assert.equal(correspondent?.accounts.toFixed(1), '1.0')
  })

  test('a move into Junk is counted against whom it came from, and back again is not', async () => {
    const before = sumOf(await known('carol@first.test', one => sumOf(one, 'address', 'ham') > 1.9), 'address', 'ham')
    await moves('hello', 'INBOX', 'Junk')
    const junked = await known('carol@first.test', one => sumOf(one, 'address', 'junked') > 0.9)
    assert.equal(sumOf(junked, 'address', 'ham').toFixed(1), (before - 1).toFixed(1))
    await moves('hello', 'Junk', 'INBOX')
    await known(
      'carol@first.test',
      one => sumOf(one, 'address', 'junked') < 0.1 && sumOf(one, 'address', 'ham') === before,
    )
  })

  test('what was counted is there after a restart, and after a crash', async () => {
    const before = await sender('carol@first.test')
    await comes({ subject: 'last' })
    assert.equal(await a.stop(), 0)
    const stopped = await sender('carol@first.test')
    assert.equal(
      sumOf(stopped, 'address', 'ham'),
      sumOf(before, 'address', 'ham') + 1,
      'the end of a worker loses nothing',
    )
    await a.start()
    await a.killAll()
    await a.start()
    const crashed = await sender('carol@first.test')
    for (const kind of ['address', 'organisation', 'dkim'])
      assert.equal(sumOf(crashed, kind, 'ham'), sumOf(stopped, kind, 'ham'), kind)
    assert.equal(crashed.correspondent?.written.toFixed(2), stopped.correspondent?.written.toFixed(2))
    assert.match(await comes({ subject: 'after' }), /^250 /)
    assert.match(await headerOf('after'), /known-correspondent -/)
  })

  test('the command says it in sentences, knows domains and networks, and forgets', async () => {
    const { stdout } = await a.cli(['sender', 'carol@first.test'])
    assert.match(
      stdout,
      /^Your users have written to carol@first\.test 2 times since \d+ \w+, 1 of them in answer \(1 account of yours; mails of theirs in answer: 1\)\.$/m,
    )
    assert.match(stdout, /^Of the sender carol@first\.test since \d+ \w+ count 0 as spam, \d as ham\.$/m)
    assert.match(stdout, /^Mail that is proved to be theirs would be given now:\n {2}-1\.\d {2}known-correspondent: /m)
    const domain = await a.cli(['sender', 'first.test'])
    assert.match(domain.stdout, /^Of the organisation first\.test /m)
    assert.match(domain.stdout, /^ {2}carol@first\.test {2}written to: 2$/m)
    const network = await a.cli(['sender', '192.0.2.77'])
    assert.match(network.stdout, /^Of the network 192\.0\.2\.0\/24 since /m)
    assert.match(
      (await a.cli(['sender', 'forget', 'carol@first.test'])).stdout,
      /^forgot carol@first\.test: \d entries$/m,
    )
    const after = await sender('carol@first.test')
    assert.equal(after.correspondent, undefined)
    assert.match((await a.cli(['sender', 'nobody@first.test'])).stdout, /would be given nothing for this now\.$/m)
    const wrong = await a.cli(['sender', 'what is this'])
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /expected an address, a domain or a network/)
  })

  test('two workers count together', async () => {
    const mails = Array.from({ length: 24 }, (_, at) => comes({ subject: `many ${at}`, from: 'dave@first.test' }))
    for (const reply of await Promise.all(mails)) assert.match(reply, /^250 /)
    await known('dave@first.test', one => sumOf(one, 'address', 'ham') === 24)
  })
})
