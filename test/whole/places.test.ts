/**
 * Mail for places outside of the store, through a whole server: into mbox files, a Maildir, a program and by LMTP; what becomes of it when a place is
 * in trouble; and programs of others that read the files.
 */
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { LmtpSink } from '../harness/lmtp-sink.js'
import { runProgram } from '../harness/programs.js'
import { sendMail } from '../harness/send-mail.js'
import { program } from '../harness/shared.js'

const mutt = program('mutt')
const FROM = 'carol@world.test'

describe('a server with places', () => {
  let dir: string
  let lmtp: LmtpSink
  let server: Instance

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'posthouse-places-'))
    await mkdir(join(dir, 'mail'))
    await writeFile(join(dir, 'ticket'), `#!/bin/sh\ntest -e "${dir}/closed" && exit 75\ncat > "${dir}/ticket-$1"\n`)
    await chmod(join(dir, 'ticket'), 0o755)
    lmtp = await new LmtpSink().start()
    const places = {
      spool: { mbox: `${dir}/mail/{user}`, for: ['bob@example.test', 'broken@example.test'] },
      homes: { maildir: `${dir}/{user}`, for: ['mary@example.test'] },
      tickets: { pipe: [`${dir}/ticket`, '{tag}'], for: ['tickets@example.test'] },
      other: { lmtp: `127.0.0.1:${lmtp.port}`, for: ['@second.test'], any_name: true },
    }
    server = await Instance.make({
      without: CONTENT,
      users: ['alice', 'bob', 'mary', 'broken'].map(name => [`${name}@example.test`, 'secret'] as const),
      files: { 'aliases.yaml': 'everybody: [alice, bob, mary, tickets+9, x@second.test]\n' },
      first: [{ use: 'places', with: { places } }],
      server: { domains: ['example.test', 'second.test'] },
    })
    await server.start()
  })
  after(async () => {
    await server?.destroy()
    await lmtp?.stop()
    await rm(dir, { recursive: true, force: true })
  })

  const send = (to: string, subject: string, text?: string) =>
    sendMail(server.ports.mx, { from: FROM, to: [to], subject, ...(text !== undefined && { text }) })

  test('one alias reaches a mailbox and places of all four kinds, each once', async () => {
    await send('everybody@example.test', 'all', 'hello\r\nFrom here')
    await eventually(() => lmtp.messages[0])
    const box = await eventually(() => whole(join(dir, 'mail/bob'), /\n>From here\n\n$/))
    assert.match(
      box,
      /^From carol@world\.test \w{3} \w{3} [ \d]\d .*\nReturn-Path: <carol@world\.test>\nDelivered-To: everybody@example\.test\n/,
    )
    assert.match(await eventually(() => whole(join(dir, 'ticket-9'), /From here\n$/)), /^Return-Path: /)
    const [name = ''] = await eventually(async () => {
      const names = await readdir(join(dir, 'mary/new')).catch(() => [])
      return names.length > 0 ? names : undefined
    })
    assert.match(await readFile(join(dir, 'mary/new', name), 'utf8'), /\n\nhello\nFrom here\n$/)
    assert.deepEqual(lmtp.messages[0]?.recipients, ['x@second.test'])
    await server.logged(/"to":"everybody@example\.test".*"mailbox":"INBOX".*filed/)
    await eventually(async () => ((await queued()) === 0 ? true : undefined))
  })

  test('a place in trouble keeps the mail in the queue with its reason, and it comes when the trouble is over', async () => {
    await mkdir(join(dir, 'mail/broken'))
    await send('broken@example.test', 'kept')
    await waiting(/broken@example\.test(?:.|\n)*the mailbox is not what it should be/)
    await rm(join(dir, 'mail/broken'), { recursive: true })
    assert.equal((await server.cli(['queue', 'retry', 'target=mbox', '--yes'])).code, 0)
    await eventually(() => whole(join(dir, 'mail/broken'), /Subject: kept/))
  })

  test('a program that wants it later gets it later', async () => {
    await writeFile(join(dir, 'closed'), '')
    await send('tickets+later@example.test', 'later')
    await waiting(/the program wants it later/)
    await rm(join(dir, 'closed'))
    assert.equal((await server.cli(['queue', 'retry', 'target=pipe', '--yes'])).code, 0)
    await eventually(() => whole(join(dir, 'ticket-later'), /Subject: later/))
  })

  test('posthouse address and why tell the place', async () => {
    const { stdout, code } = await server.cli(['address', 'bob@example.test'])
    assert.equal(code, 0)
    assert.match(stdout, /to the place spool: mbox .*\/mail\/\{user\}/)
    const [, id = ''] = await server.logged(/"id":"([^"]+)"[^\n]*"lane":"example.test"[^\n]*mail\/bob/)
    const why = await server.cli(['why', id])
    assert.match(why.stdout, /Delivered for everybody@example\.test into mbox .*\/mail\/bob \(spool\)\./)
  })

  test('mutt reads what we deliver, marks it as read while more comes, and nothing is lost', {
    skip: mutt === undefined ? 'no mutt' : false,
  }, async () => {
    const box = join(dir, 'mail/bob')
    const sent = Array.from({ length: 12 }, (_, i) => `round-${i}`)
    const sending = (async () => {
      for (const subject of sent) await send('bob@example.test', subject)
    })()
    for (let i = 0; i < 6; i += 1) await readAll(box)
    await sending
    await eventually(async () => ((await queued()) === 0 ? true : undefined))
    await readAll(box)
    const text = await readFile(box, 'utf8')
    for (const subject of sent) assert.equal(text.split(`\nSubject: ${subject}\n`).length, 2, subject)
    assert.match(text, /\nStatus: R?O\n/, 'mutt has written the file anew')
    const { length } = text.match(/^From /gm) ?? []
    assert.equal(length, text.match(/^Return-Path: /gm)?.length)
  })

  /** Until the queue says so. */
  function waiting(pattern: RegExp): Promise<true> {
    return eventually(async () => (pattern.test((await server.cli(['queue', 'ls'])).stdout) ? true : undefined))
  }

  async function queued(): Promise<number> {
    const { stdout } = await server.cli(['queue', 'ls', '--json'])
    return stdout.trim() === '' ? 0 : (JSON.parse(stdout) as readonly unknown[]).length
  }

  /** As somebody would who looks at all messages and leaves: mutt writes the file anew with their Status. */
  async function readAll(box: string): Promise<void> {
    const commands = 'set quit=yes; set move=no; set mark_old=yes; set sleep_time=0; set check_new=no'
    const keys = 'push "<tag-pattern>~A<enter><tag-prefix><clear-flag>N<sync-mailbox><quit>"'
    const { code, stderr } = await runProgram(
      '/usr/bin/script',
      ['-qec', `${mutt} -n -F /dev/null -e '${commands}' -e '${keys}' -f ${box}`, '/dev/null'],
      {
        env: { TERM: 'xterm', HOME: dir },
      },
    )
    assert.equal(code, 0, stderr)
  }
})

async function whole(path: string, wish: RegExp): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return wish.test(text) ? text : undefined
}
