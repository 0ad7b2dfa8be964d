/**
 * A Postfix of our own beside the system's: its configuration, queue and port are a test's and end with it; nothing leaves it, since
 * every mail it takes is discarded. `undefined` where it cannot be had (no program, not root, or it does not start).
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { selfSigned } from '../../core/net/certificate.js'
import { freePort } from './ports.js'
import { program } from './shared.js'

const postfix = program('postfix')

/** Why there is none, or false. */
export const noPostfix: string | false =
  postfix === undefined ? 'no Postfix here' : process.getuid?.() === 0 ? false : 'Postfix wants root'

export interface OwnPostfix {
  readonly port: number
  stop(): Promise<void>
}

export interface PostfixWish {
  readonly domain: string
  /** Local parts that are there. */
  readonly users: readonly string[]
  readonly messageBytes: number
}

/** A machine that does much else takes its time. */
const START_MS = 120_000

export async function startPostfix(wish: PostfixWish): Promise<OwnPostfix | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-postfix-'))
  await chmod(dir, 0o755)
  const [config, queue, data] = ['etc', 'queue', 'data'].map(name => join(dir, name)) as [string, string, string]
  for (const folder of [config, queue, data]) await mkdir(folder)
  const port = await freePort()
  const pair = selfSigned({ names: ['mail.example.test'], now: Date.now() })
  await writeFile(join(config, 'pair.pem'), `${pair.key}${pair.certificate}`, { mode: 0o600 })
  await writeFile(join(config, 'users'), wish.users.map(user => `${user}@${wish.domain} x\n`).join(''))
  await writeFile(join(config, 'main.cf'), mainCf(wish, config, queue, data))
  await writeFile(join(config, 'master.cf'), masterCf(port))
  await run('chown', ['postfix', data])
  const stop = async () => {
    await run(postfix!, ['-c', config, 'stop']).catch(() => undefined)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await run(postfix!, ['-c', config, 'start'])
    for (const until = Date.now() + START_MS; Date.now() < until; await sleep(50))
      if (await answers(port)) return { port, stop }
  } catch {
    // Said below: there is none.
  }
  await stop()
  return undefined
}

function mainCf({ domain, messageBytes }: PostfixWish, config: string, queue: string, data: string): string {
  return `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.${domain}
mydestination = ${domain}
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
local_recipient_maps = texthash:${config}/users
alias_maps =
alias_database =
local_transport = discard:
default_transport = discard:
relay_transport = discard:
message_size_limit = ${messageBytes}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_chain_files = ${config}/pair.pem
smtpd_forbid_bare_newline = reject
smtpd_error_sleep_time = 0
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_helo_required = yes
smtpd_recipient_limit = 5
smtpd_recipient_overshoot_limit = 5
header_size_limit = 10000
maillog_file = /dev/null
maillog_file_prefixes = /dev
`
}

/** `sends`: it may also deliver to other servers. */
export function masterCf(port: number, sends = false): string {
  const delivery = sends ? 'smtp unix - - n - - smtp\nrelay unix - - n - - smtp\n' : ''
  return `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
${delivery}showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
}

function run(name: string, args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    execFile(name, args, { timeout: 120_000 }, error => (error === null ? done() : fail(error)))
  })
}

function answers(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
}
