/** Programs that fetch mail and keep a state of what they have, as a user has them: nothing may come twice when the server behind the name changes. */
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'

export interface MailPorts {
  readonly imap: number
  readonly pop3: number
}

export interface Client {
  readonly name: string
  readonly path: string | undefined
  /** Keeps its state and what it has fetched in `dir`, made at the first time. */
  fetch(dir: string, ports: MailPorts): Promise<void>
  /** What it has fetched. */
  state(dir: string): Promise<readonly string[]>
}

async function folders(dir: string): Promise<void> {
  for (const sub of ['cur', 'new', 'tmp']) await mkdir(join(dir, 'mail', sub), { recursive: true })
}

async function run(path: string, args: readonly string[], dir: string, good: readonly number[] = [0]): Promise<void> {
  const { code, stdout, stderr } = await runProgram(path, args, { env: { HOME: dir } })
  assert.ok(good.includes(code!), `${path}: ${code}\n${stdout}\n${stderr}`)
}

const inNew = (dir: string) => readdir(join(dir, 'mail/new'))

interface Who {
  readonly login: string
  readonly password: string
}

export function clientsOf(who: Who): readonly Client[] {
  return [fetchmail(who), mpop(who), mbsync(who)]
}

const fetchmail = ({ login, password }: Who, path = program('fetchmail')): Client => ({
  name: 'fetchmail',
  path,
  async fetch(dir, { pop3 }) {
    await folders(dir)
    const mda = `cat > ${dir}/mail/new/$(date +%s%N).$$`
    const poll = `poll 127.0.0.1 service ${pop3} protocol POP3 uidl user "${login}" password "${password}" sslproto "" keep mda "${mda}"\n`
    await writeFile(join(dir, 'rc'), poll, { mode: 0o600 })
    const files = ['--pidfile', join(dir, 'pid'), '--idfile', join(dir, 'ids')]
    // 1: there was no mail
    await run(path!, ['-f', join(dir, 'rc'), '--nosyslog', '--invisible', ...files], dir, [0, 1])
  },
  state: inNew,
})

const mpop = ({ login, password }: Who, path = program('mpop')): Client => ({
  name: 'mpop',
  path,
  async fetch(dir, { pop3 }) {
    await folders(dir)
    const server = ['--host=127.0.0.1', `--port=${pop3}`, '--tls=off', '--auth=user', `--user=${login}`]
    const what = [
      '--keep=on',
      `--uidls-file=${dir}/uidls`,
      `--delivery=maildir,${dir}/mail`,
      `--passwordeval=echo ${password}`,
    ]
    await run(path!, [...server, ...what, '--received-header=off'], dir)
  },
  state: inNew,
})

const mbsync = ({ login, password }: Who, path = program('mbsync')): Client => ({
  name: 'mbsync',
  path,
  async fetch(dir, { imap }) {
    await mkdir(join(dir, 'mail'), { recursive: true })
    const config = `IMAPAccount a
Host 127.0.0.1
Port ${imap}
User ${login}
Pass ${password}
SSLType None
AuthMechs LOGIN

IMAPStore server
Account a

MaildirStore here
Path ${dir}/mail/
Inbox ${dir}/mail/INBOX
SubFolders Verbatim

Channel c
Far :server:
Near :here:
Patterns INBOX Work Sent
Create Both
Expunge None
Sync All
SyncState *
`
    await writeFile(join(dir, 'rc'), config)
    await run(path!, ['-c', join(dir, 'rc'), '-a'], dir)
  },
  /** Files by name, flags and all, and its own lists of UIDs. */
  async state(dir) {
    const found: string[] = []
    for (const name of await readdir(join(dir, 'mail')))
      for (const sub of ['cur', 'new'])
        for (const file of await readdir(join(dir, 'mail', name, sub))) found.push(`${name}/${file}`)
    return found.sort()
  },
})
