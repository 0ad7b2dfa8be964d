/**
 * A real file system that is full, with the log on it too: mail is put off, IMAP goes on, the server can even be started, and when there is
 * room it takes mail again by itself. It needs to mount a small file system in memory; where that is not allowed, `disk.test.ts` has shown
 * the same with a library that says ENOSPC.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CONTENT, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'
import { Talk } from './talk.js'

const ANN = 'ann@example.test'
const MOST = 200
const LINE = 'a line of a large message, and again a line of it\r\n'
const MAIL = `Subject: full\r\n\r\n${LINE.repeat(4000)}.\r\n`
const ROOM = 24 * 1024 ** 2
const FILLER = 8 * 1024 ** 2

/** Reads all, flags one and prints how many there are. */
const READ = `
import imaplib, ssl, sys
client = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]), timeout=60)
client.starttls(ssl._create_unverified_context())
client.login("${ANN}", "secret words")
client.select("INBOX")
found = client.fetch("1:*", "(BODY.PEEK[])")[1]
print(len([one for one in found if isinstance(one, tuple) and one[1].endswith(b"again a line of it\\r\\n")]))
client.logout()
`

test('a full file system puts mail off, lets people read, and takes mail again when there is room', async t => {
  const python = program('python3')
  const instance = await Instance.make({
    without: CONTENT,
    users: [[ANN, 'secret words']],
    plugins: { 'auth-file': { demo: false } },
    server: { log: { file: 'data/mail.log' } },
    run: { detached: true },
  })
  const mounted = python !== undefined && mountSmall(instance.dataDir)
  t.after(async () => {
    await instance.stop()
    if (mounted) execFileSync('umount', ['-l', instance.dataDir])
    await instance.destroy()
  })
  if (!mounted) {
    t.diagnostic('no file system can be mounted here')
    return
  }
  const filler = join(instance.dataDir, 'filler')
  writeFileSync(filler, Buffer.alloc(FILLER))
  await instance.start()
  const read = async () => {
    const { stdout, stderr } = await runProgram(python, ['-c', READ, String(instance.ports.imap)])
    return stderr === '' ? Number(stdout) : stderr
  }

  const [, worker] = await instance.pids()
  const talk = await Talk.open(instance.ports.mx, 'EHLO', 'mail.example.test')
  let taken = 0
  let code = 250
  for (; code === 250 && taken < MOST; taken++) code = await send(talk)
  taken--
  assert.equal(code, 452)
  assert.deepEqual([await send(talk), await send(talk)], [452, 452])
  assert.equal(await read(), taken)
  assert.equal((await instance.pids())[1], worker)
  assert.match(readFileSync(join(instance.dataDir, 'mail.log'), 'utf8'), /no room for the store/)

  await instance.killAll()
  await instance.start()
  const other = await Talk.open(instance.ports.mx, 'EHLO', 'mail.example.test')
  assert.equal(await send(other), 452)
  assert.equal(await read(), taken)

  rmSync(filler)
  assert.equal(await send(other), 250)
  assert.equal(await read(), taken + 1)
  talk.cut()
  other.cut()
})

async function send(talk: Talk): Promise<number> {
  assert.equal(await talk.ask('MAIL FROM:<>'), 250)
  assert.equal(await talk.ask(`RCPT TO:<${ANN}>`), 250)
  assert.equal(await talk.ask('DATA'), 354)
  await talk.send(MAIL)
  return talk.reply()
}

/** A small file system with what was in the folder. */
function mountSmall(folder: string): boolean {
  const kept = `${folder}-before`
  try {
    execFileSync('cp', ['-a', folder, kept], { stdio: 'ignore' })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${ROOM},mode=700`, 'none', folder], { stdio: 'ignore' })
  } catch {
    return false
  }
  execFileSync('cp', ['-a', `${kept}/.`, folder])
  return true
}
