/**
 * A server whose disk is slow, fails, is full or cannot be written for a while: no 250 comes before its flush, what cannot be kept is put
 * off, what is there can be read, and when the disk is well again the service goes on by itself.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'
import { SmtpSink } from '../harness/smtp-sink.js'
import { Disk, noDisk } from './disk.js'
import { Talk } from './talk.js'

const python = program('python3')
const ANN = 'ann@example.test'
const LARGE = 300_000

const READ = `
import imaplib, json, ssl, sys
client = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login(sys.argv[2], "secret words")
client.select("INBOX", readonly=True)
found = client.search(None, "ALL")[1][0].split()
print(json.dumps([client.fetch(n, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1].decode() for n in found]))
client.logout()
`

let disk: Disk
let instance: Instance
let sink: SmtpSink
/** Subjects that got their 250. */
const accepted: string[] = []

describe('a disk with troubles', { skip: noDisk || (python === undefined ? 'no python3' : false) }, () => {
  before(async () => {
    disk = new Disk('.lmdb')
    sink = await new SmtpSink().start()
    instance = await Instance.make({
      without: CONTENT,
      users: [[ANN, 'secret words']],
      plugins: { 'auth-file': { demo: false }, mx: { routes: { '*': `127.0.0.1:${sink.port}` }, tls: 'never' } },
      server: { trusted: ['127.0.0.0/8'], drain_timeout: '2s', queue: { retry: ['1s'] } },
      run: { env: disk.env, detached: true },
    })
    await instance.start()
  })
  after(async () => {
    disk?.heal()
    await instance?.destroy()
    await sink?.stop()
  })

  test('no 250 comes before its flush, for small and large mail, by SMTP, BDAT and LMTP', async () => {
    const talks = await Promise.all([smtp(), smtp(), smtp(), lmtp()])
    const before = disk.read('flushes')
    disk.holdFlushes()
    const answers: (number | undefined)[] = [undefined, undefined, undefined, undefined]
    const sent = [
      data(talks[0]!, 'held small'),
      data(talks[1]!, 'held large', LARGE),
      bdat(talks[2]!, 'held in a chunk'),
      data(talks[3]!, 'held by LMTP'),
    ].map((answer, at) => answer.then(code => (answers[at] = code)))
    await eventually(() => (disk.read('held') > 0 ? true : undefined))
    // The server goes on with everything else: it has had the time to answer.
    assert.deepEqual([...new Set(await aliveFor(20))], [250])
    assert.deepEqual(answers, [undefined, undefined, undefined, undefined])
    assert.equal(disk.read('flushes'), before)
    disk.heal()
    assert.deepEqual(await Promise.all(sent), [250, 250, 250, 250])
    assert.ok(disk.read('flushes') > before)
    for (const talk of talks) talk.cut()
    await inboxIsRight()
  })

  for (const [what, how, error, code] of [
    ['a flush that fails', 'flush', 'io', 451],
    ['a write that fails', 'write', 'io', 451],
    ['a full disk', 'write', 'full', 452],
    ['a disk that cannot be written', 'write', 'readOnly', 451],
  ] as const) {
    test(`${what} puts mail off, large and small, and nothing of it is filed; then the same worker takes mail again`, async () => {
      const [, worker] = await instance.pids()
      const talk = await smtp()
      await quiet()
      disk.fail(how, error)
      assert.equal(await data(talk, `${what}, small`), code)
      assert.equal(await data(talk, `${what}, large`, LARGE), code)
      await instance.logged(code === 452 ? /no room for the store/ : /the store cannot be written/)
      await inboxIsRight()
      disk.heal()
      assert.equal(await data(talk, `after ${what}`), 250)
      await instance.logged(/the store can be written again/)
      assert.equal((await instance.pids())[1], worker)
      talk.cut()
      await inboxIsRight()
    })
  }

  test('mail that waits to go out while the disk is full goes out when there is room', async () => {
    const talk = await smtp()
    sink.options = { ...sink.options, script: stage => (stage === 'mail' ? '451 4.3.0 not now' : undefined) }
    assert.equal(await data(talk, 'patient', 0, 'far@elsewhere.test'), 250)
    await instance.logged(/"msg":"deferred"/)
    await quiet()
    disk.fail('write', 'full')
    sink.options = { ...sink.options, script: () => undefined }
    const failed = disk.read('writesFailed')
    await eventually(() => (disk.read('writesFailed') > failed ? true : undefined))
    disk.heal()
    await sink.received(1)
    assert.match(sink.messages[0]!.data.toString(), /Subject: patient\r\n/)
    talk.cut()
  })

  test('when the page that names the current tree cannot be written, the worker is replaced and nothing is lost', async () => {
    const [, worker] = await instance.pids()
    const talk = await smtp()
    disk.fail('meta', 'io')
    assert.equal(await data(talk, 'unlucky'), 451)
    await instance.logged(/unusable for this process, which ends to be replaced/)
    disk.heal()
    await instance.logged(/"msg":"worker is back"/)
    assert.notEqual((await instance.pids())[1], worker)
    const other = await eventually(() => smtp().catch(() => undefined))
    assert.equal(await data(other, 'after the replacement'), 250)
    other.cut()
    await inboxIsRight()
  })

  test('after all of it and a SIGKILL everything that got its 250 is there once, and nothing else', async () => {
    await instance.killAll()
    await instance.start()
    await inboxIsRight()
  })
})

function smtp(): Promise<Talk> {
  return Talk.open(instance.ports.mx, 'EHLO', 'mail.example.test')
}

function lmtp(): Promise<Talk> {
  return Talk.open(instance.ports.lmtp, 'LHLO', 'mail.example.test')
}

/** Nothing is written in the background: where the last page of a commit is what fails, that is another trouble, which the worker does not survive. */
async function quiet(): Promise<void> {
  let [last, still] = [-1, 0]
  await eventually(() => {
    const flushes = disk.read('flushes')
    still = flushes === last ? still + 1 : 0
    last = flushes
    return still >= 15 ? true : undefined
  })
}

/** Answers to so many commands that want nothing of the store, one after the other. */
async function aliveFor(commands: number): Promise<number[]> {
  const talk = await smtp()
  const codes: number[] = []
  for (let at = 0; at < commands; at++) codes.push(await talk.ask('NOOP'))
  talk.cut()
  return codes
}

async function data(talk: Talk, subject: string, more = 0, to = ANN): Promise<number> {
  await envelope(talk, to)
  assert.equal(await talk.ask('DATA'), 354)
  await talk.send(`${mail(subject, more)}.\r\n`)
  return heard(subject, await talk.reply(), to)
}

async function bdat(talk: Talk, subject: string): Promise<number> {
  await envelope(talk, ANN)
  const bytes = mail(subject, 0)
  await talk.send(`BDAT ${bytes.length} LAST\r\n${bytes}`)
  return heard(subject, await talk.reply(), ANN)
}

async function envelope(talk: Talk, to: string): Promise<void> {
  assert.equal(await talk.ask('MAIL FROM:<>'), 250)
  assert.equal(await talk.ask(`RCPT TO:<${to}>`), 250)
}

function heard(subject: string, code: number, to: string): number {
  if (code === 250 && to === ANN) accepted.push(subject)
  return code
}

function mail(subject: string, more: number): string {
  const lines = 'a line of a large message, and again a line of it\r\n'
  return `From: <x@load.test>\r\nSubject: ${subject}\r\n\r\nhello\r\n${lines.repeat(Math.ceil(more / lines.length))}`
}

/** By IMAP, with a client that is not ours: what got its 250 is there once, and nothing else. */
async function inboxIsRight(): Promise<void> {
  const { code, stdout, stderr } = await runProgram(python!, ['-c', READ, String(instance.ports.imap), ANN])
  assert.equal(code, 0, stderr)
  const subjects = (JSON.parse(stdout) as string[]).map(text => /^Subject: (.*?)\r\n/.exec(text)?.[1])
  assert.deepEqual(subjects.sort(), [...accepted].sort())
}
