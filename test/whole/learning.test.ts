/**
 * The classifier in a whole server with two workers, from outside: what a user moves into Junk changes the next mail in every worker, commands teach beside a
 * running server, and mail forwarded as an attachment teaches; nobody else may.
 */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { talk } from '../harness/relay-attempts.js'
import { program } from '../harness/shared.js'
import { mailOf } from '../plugins/learning/scene.js'

const PASSWORD = 'correct horse'
const ALICE = 'alice@example.test'
const BOB = 'bob@example.test'
const python = program('python3')

const MOVE = `
import imaplib, ssl, sys
port, login, password, subject, source, target = sys.argv[1:7]
client = imaplib.IMAP4("127.0.0.1", int(port), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login(login, password)
client.select(source)
numbers = client.search(None, "SUBJECT", '"%s"' % subject)[1][0].split()
assert numbers
for number in numbers:
    assert client._simple_command("MOVE", number, target)[0] == "OK"
client.logout()
`

const FORWARD = `
import smtplib, ssl, sys
from email.message import EmailMessage
from email import message_from_bytes, policy
port, login, password, to = sys.argv[1:5]
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = login, to, "look at this"
mail.set_content("see below")
inner = sys.stdin.buffer.read()
if inner: mail.add_attachment(message_from_bytes(inner, policy=policy.default))
client = smtplib.SMTP("127.0.0.1", int(port), timeout=60)
client.starttls(context=ssl._create_unverified_context())
client.login(login, password)
client.send_message(mail)
client.quit()
`

describe('a server that learns', { skip: noInbox }, () => {
  let a: Instance
  let count = 0

  before(async () => {
    a = await Instance.make({
      domain: 'example.test',
      users: [
        [ALICE, PASSWORD],
        [BOB, PASSWORD],
      ],
      plugins: {
        'spam-action': { junk: 100, reject: 100 },
        learning: { model: 'none', addresses: { spam: 'spam@example.test', ham: 'ham@example.test' } },
      },
      server: { workers: 2 },
      run: { detached: true },
    })
    await a.start()
  })
  after(() => a?.destroy())

  /** Sends a mail of that kind to Alice, with a subject of its own. Returns the subject. */
  async function comes(kind: 'spam' | 'ham', n: number): Promise<string> {
    const subject = `mail ${++count}`
    const mail = mailOf(kind, n).replace(/^Subject: /m, `Subject: ${subject} `)
    const heard = await talk(a.ports.mx, [
      ...['EHLO outer.test', `MAIL FROM:<p${n}@${kind}.test>`, `RCPT TO:<${ALICE}>`, 'DATA'],
      `${mail.replace(/\n/g, '\r\n')}.`,
    ])
    assert.match(heard.at(-1)!, /^250 /)
    return subject
  }

  async function foundIn(subject: string): Promise<string> {
    const mail = (await inboxOf(a.ports.imap, ALICE, PASSWORD)).find(one => one.includes(`Subject: ${subject} `))
    const header = mail?.slice(0, mail.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ') ?? ''
    return /learned -?[\d.]+ [^;]*/.exec(header)?.[0] ?? ''
  }

  async function moves(subject: string, from: string, to: string): Promise<void> {
    const args = ['-c', MOVE, String(a.ports.imap), ALICE, PASSWORD, subject, from, to]
    const { code, stderr } = await runProgram(python!, args)
    assert.equal(code, 0, stderr)
  }

  const taught = async () =>
    (JSON.parse((await a.cli(['learn', 'status', '--json'])).stdout) as { taught: { spam: number; ham: number } })
      .taught

  const knows = (spam: number, ham: number) =>
    eventually(async () => {
      const now = await taught()
      return now.spam === spam && now.ham === ham ? now : undefined
    })

  async function forwards(to: string, mail: string): Promise<string> {
    const args = ['-c', FORWARD, String(a.ports.submission), ALICE, PASSWORD, to]
    return (await runProgram(python!, args, { stdin: mail })).stderr
  }

  test('nothing is said before anything was taught; after a move into Junk the next mail of that kind is told', async () => {
    const first = await comes('spam', 1)
    assert.equal(await foundIn(first), '')
    await moves(first, 'INBOX', 'Junk')
    await knows(1, 0)
    const said = await eventually(async () => (await foundIn(await comes('spam', 2))) || undefined)
    assert.match(said, /^learned \d\.\d \(\d+\.\d % spam by what was learned: for spam/)
    const pointsIn = (finding: string) => Number(/-?\d+\.\d/.exec(finding)?.[0] ?? 0)
    assert.ok(pointsIn(await foundIn(await comes('ham', 1))) < pointsIn(said), 'another kind of mail is given less')
  })

  test('moved back, it is unlearned', async () => {
    await moves('mail 1 ', 'Junk', 'INBOX')
    await knows(0, 1)
  })

  test('a command teaches a whole mbox beside the running server, passes over what is known, and takes it back', async () => {
    const folder = join(a.configDir, '..', 'teach')
    await mkdir(folder, { recursive: true })
    for (const kind of ['spam', 'ham'] as const) {
      const mails = Array.from({ length: 12 }, (_, n) => `From x Mon Jan  1 00:00:00 2026\n${mailOf(kind, n + 100)}\n`)
      await writeFile(join(folder, `${kind}.mbox`), mails.join(''))
    }
    const teach = (kind: string, ...more: string[]) => a.cli(['learn', kind, join(folder, `${kind}.mbox`), ...more])
    assert.match((await teach('spam')).stdout, /^12 mails: 12 learned as spam/)
    assert.match((await teach('ham')).stdout, /^12 mails: 12 learned as ham/)
    assert.match((await teach('ham')).stdout, /0 learned as ham .*, 12 known already/)
    const said = await eventually(async () => {
      const found = await foundIn(await comes('ham', 200))
      return found.startsWith('learned -') ? found : undefined
    })
    assert.match(said, /against/)
    assert.match((await teach('spam', '--undo')).stdout, /^12 mails: 12 taken back, 0 not known/)
    await knows(0, 13)
  })

  test('a mailbox teaches, and with --account for that account; what its owner said by moving is known', async () => {
    const subject = await comes('spam', 400)
    await moves(subject, 'INBOX', 'Junk')
    await knows(1, 13)
    const learn = (label: string, ...more: string[]) => a.cli(['learn', label, ...more])
    assert.match((await learn('spam', `${ALICE}:Junk`, '--account', ALICE)).stdout, /^1 mail: 0 learned .*, 1 known/)
    assert.match((await learn('spam', `${ALICE}:Junk`, '--account', BOB)).stdout, /^1 mail: 1 learned as spam/)
    await knows(2, 13)
    for (const who of [ALICE, BOB])
      assert.match((await learn('spam', `${ALICE}:Junk`, '--account', who, '--undo')).stdout, /1 taken back/)
    await knows(0, 13)
    assert.match((await learn('ham', `${ALICE}:Nowhere`)).stderr, /alice@example\.test has no mailbox Nowhere/)
    assert.match((await learn('ham', `${ALICE}:Junk`, '--account', 'carol')).stderr, /there is no account carol/)
  })

  test('mail forwarded as an attachment teaches, and only by those who are logged in', async () => {
    assert.equal(await forwards('spam@example.test', mailOf('spam', 300)), '')
    await knows(1, 13)
    const heard = await talk(a.ports.mx, ['EHLO outer.test', 'MAIL FROM:<x@outer.test>', 'RCPT TO:<spam@example.test>'])
    assert.match(heard.at(-1)!, /^550 5\.7\.1 Only users of this server may teach/)
  })

  test('a forward without an attachment is refused with a word on how to do it', async () => {
    assert.match(
      await forwards('ham@example.test', ''),
      /550.*5\.6\.0 no mail is attached: forward it as an attachment/,
    )
  })
})

describe('a server that learns by itself', { skip: noInbox }, () => {
  let a: Instance
  before(async () => {
    a = await Instance.make({
      domain: 'example.test',
      users: [[ALICE, PASSWORD]],
      plugins: {
        'spam-action': { junk: 6, reject: 30 },
        learning: { model: 'none', autolearn: true, autolearn_after: 2 },
      },
      run: { detached: true },
    })
    const rule = (name: string, points: number, word: string) =>
      `  - name: ${name}\n    points: ${points}\n    says: '{found}'\n    words: [${word}]\n    hits: [${word}]\n    misses: [other]\n`
    await writeFile(
      join(a.configDir, 'local.yaml'),
      `rules:\n${rule('of-junk', 15, 'blatant')}${rule('of-refused', 50, 'outrageous')}${rule('of-friends', -10, 'trustworthy')}`,
    )
    await a.start()
  })
  after(() => a?.destroy())

  async function comes(kind: 'spam' | 'ham', n: number, word: string): Promise<string> {
    const heard = await talk(a.ports.mx, [
      ...['EHLO outer.test', `MAIL FROM:<p${n}@${kind}.test>`, `RCPT TO:<${ALICE}>`, 'DATA'],
      `${mailOf(kind, n, word).replace(/\n/g, '\r\n')}.`,
    ])
    return heard.at(-1)!
  }

  const knows = (spam: number, ham: number) =>
    eventually(async () => {
      const { taught } = JSON.parse((await a.cli(['learn', 'status', '--json'])).stdout) as Taught
      return (taught.spam === spam && taught.ham === ham) || undefined
    })

  test('mail that is put into Junk, refused or welcome for sure teaches, once people have taught; other mail does not', async () => {
    assert.match(await comes('spam', 10, 'blatant'), /^250 /)
    for (const kind of ['spam', 'ham'] as const) {
      const file = join(a.configDir, `${kind}.eml`)
      await writeFile(file, mailOf(kind, 1))
      assert.match((await a.cli(['learn', kind, file])).stdout, /^1 mail: 1 learned/)
    }
    await knows(1, 1)
    await eventually(async () => {
      assert.match(await comes('spam', 11, 'blatant'), /^250 /)
      const { taught } = JSON.parse((await a.cli(['learn', 'status', '--json'])).stdout) as Taught
      return taught.spam === 2 || undefined
    })
    assert.match(await comes('spam', 12, 'outrageous'), /^550 /)
    await knows(3, 1)
    assert.match(await comes('ham', 13, 'trustworthy'), /^250 /)
    await knows(3, 2)
    assert.match(await comes('ham', 14, 'nothing of the kind'), /^250 /)
    assert.match(await comes('spam', 15, 'blatant'), /^250 /)
    await knows(4, 2)
  })
})

interface Taught {
  readonly taught: { readonly spam: number; readonly ham: number }
}
