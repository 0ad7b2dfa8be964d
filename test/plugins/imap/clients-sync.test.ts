/** Clients we did not write that keep a copy of their own, both ways with deletions and flags: mbsync, offlineimap, mutt. Each where it is installed. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runProgram } from '../../harness/programs.js'
import { program } from '../../harness/shared.js'
import { type Client, type Rig, startRig } from './rig.js'

let rig: Rig
let folder: string

before(async () => {
  rig = await startRig()
  folder = await mkdtemp(join(tmpdir(), 'posthouse-imap-sync-'))
})
after(async () => {
  await rig.end()
  await rm(folder, { recursive: true, force: true })
})

const without = (name: string) => program(name) === undefined && `${name} is not installed`
const message = (name: string) =>
  `Message-ID: <${name}@example.test>\r\nFrom: a@example.test\r\nSubject: ${name}\r\n\r\nbody of ${name}\r\n`

/** A mailbox of `login` with messages of these names. */
async function filled(login: string, names: readonly string[]): Promise<Client> {
  const client = await rig.client(login)
  await client.ok('SELECT INBOX')
  await client.ok('STORE 1:* +FLAGS.SILENT (\\Deleted)')
  await client.ok('EXPUNGE')
  for (const name of names) await client.append('INBOX', message(name))
  return client
}

/** `name:flags` of all that is in a mailbox. */
async function there(client: Client, mailbox = 'INBOX'): Promise<readonly string[]> {
  await client.ok(`EXAMINE ${mailbox}`)
  const told = await client.ok('FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])')
  const names = told.flatMap(line => {
    const subject = /Subject: (\S+)/.exec(line)?.[1]
    const flags = /FLAGS \(([^)]*)\)/
      .exec(line)?.[1]
      ?.replace(/\\Recent ?/, '')
      .trim()
    return subject === undefined ? [] : [`${subject}:${flags}`]
  })
  return names.sort()
}

/** The file of a message in a maildir. */
async function fileOf(maildir: string, name: string): Promise<string> {
  for (const sub of ['cur', 'new'])
    for (const file of await readdir(join(maildir, sub))) {
      const path = join(maildir, sub, file)
      if ((await readFile(path, 'latin1')).includes(`Subject: ${name}`)) return path
    }
  throw new Error(`no ${name} in ${maildir}`)
}

/** Gives a message of a maildir these flags. */
async function flag(maildir: string, name: string, letters: string): Promise<void> {
  const path = await fileOf(maildir, name)
  const base = path
    .split('/')
    .at(-1)!
    .replace(/:2,.*$/, '')
  await rename(path, join(maildir, 'cur', `${base}:2,${letters}`))
}

/** What both do with one maildir: deletions, flags and new messages go in both directions. */
async function bothWays(login: string, maildir: string, sync: () => Promise<void>): Promise<void> {
  const client = await filled(login, ['a', 'b', 'c', 'd'])
  await sync()
  await rm(await fileOf(maildir, 'a'))
  await flag(maildir, 'b', 'FS')
  await writeFile(join(maildir, 'new', '1.new.example'), message('e').replaceAll('\r\n', '\n'))
  await client.ok('SELECT INBOX')
  await client.ok('STORE 3 FLAGS (\\Answered)')
  await client.ok('STORE 4 FLAGS (\\Deleted)')
  await client.ok('EXPUNGE')
  await sync()
  assert.deepEqual(await there(client), ['b:\\Flagged \\Seen', 'c:\\Answered', 'e:'])
  await sync()
  assert.match(await fileOf(maildir, 'c'), /:2,R$/)
  await assert.rejects(fileOf(maildir, 'd'), /no d in/)
  assert.deepEqual(await there(client), ['b:\\Flagged \\Seen', 'c:\\Answered', 'e:'])
}

test('mbsync carries deletions, flags and messages both ways', { skip: without('mbsync') }, async () => {
  const near = join(folder, 'mbsync')
  for (const sub of ['cur', 'new', 'tmp']) await mkdir(join(near, 'INBOX', sub), { recursive: true })
  const config = join(folder, 'mbsync.rc')
  await writeFile(
    config,
    `IMAPAccount a\nHost 127.0.0.1\nPort ${rig.port}\nUser ann\nPass secret\nSSLType None\nAuthMechs LOGIN\n
IMAPStore server\nAccount a\n
MaildirStore here\nPath ${near}/\nInbox ${near}/INBOX\n
Channel c\nFar :server:\nNear :here:\nPatterns INBOX\nCreate Both\nExpunge Both\nSync All\nSyncState *\n`,
  )
  await bothWays('ann', join(near, 'INBOX'), () => run('mbsync', ['-q', '-c', config, '-a']))
})

test('offlineimap carries deletions, flags and messages both ways', { skip: without('offlineimap') }, async () => {
  const config = join(folder, 'offlineimap.rc')
  const near = join(folder, 'offlineimap')
  await writeFile(
    config,
    `[general]\naccounts = a\nmetadata = ${folder}/offlineimap-state\nui = quiet\nsocktimeout = 60\n
[Account a]\nlocalrepository = near\nremoterepository = far\n
[Repository near]\ntype = Maildir\nlocalfolders = ${near}\n
[Repository far]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = ${rig.port}\nremoteuser = bob\nremotepass = secret\nssl = no\nstarttls = no
auth_mechanisms = PLAIN\nmaxconnections = 1\nfolderfilter = lambda name: name == 'INBOX'\n`,
  )
  await bothWays('bob', join(near, 'INBOX'), () => run('offlineimap', ['-o', '-c', config]))
})

/** A terminal for a program that wants one; ends with its answer. */
const TERMINAL = `
import os, pty, sys
os.environ['TERM'] = 'xterm'
os.environ['HOME'] = sys.argv[1]
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[2:], lambda fd: os.read(fd, 65536), lambda fd: b'')))
`

test('mutt copies, flags and deletes, compressed and with QRESYNC', {
  skip: without('mutt') || without('python3'),
}, async () => {
  const client = await filled('ann', ['a', 'b', 'c'])
  await client.ok('CREATE Kept')
  const config = join(folder, 'muttrc')
  await writeFile(
    config,
    `set folder="imap://ann@127.0.0.1:${rig.port}/"
set imap_pass=secret ssl_starttls=no ssl_force_tls=no spoolfile=+INBOX
set confirmappend=no confirmcreate=no delete=yes move=no sleep_time=0 quit=yes wait_key=no mark_old=no
set imap_deflate=yes imap_condstore=yes imap_qresync=yes header_cache="${folder}/mutt-cache"
push "<tag-pattern>~A<enter><tag-prefix><copy-message>=Kept<enter><first-entry><delete-message><last-entry><flag-message><sync-mailbox><quit>"
`,
  )
  const script = join(folder, 'terminal.py')
  await writeFile(script, TERMINAL)
  await run('python3', [script, folder, 'mutt', '-n', '-F', config])
  assert.deepEqual(await there(client), ['b:', 'c:\\Flagged'])
  assert.deepEqual(await there(client, 'Kept'), ['a:', 'b:', 'c:'])
})

async function run(name: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runProgram(name, [...args])
  assert.equal(code, 0, `${stdout.slice(-2000)}${stderr}`)
}
