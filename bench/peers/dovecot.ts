/**
 * Debian's Dovecot on loopback, beside the system's own: its configuration, users, mail and ports are the bench's and end with it. What is set stands
 * in `configOf` with its reason, so that its friends can say whether it is fair.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { answers, freePort } from '../../test/harness/ports.js'
import { program } from '../../test/harness/shared.js'
import { FlushCounter } from '../lib/flush.js'

/** `mbox` is what Debian ships; the others are what its documentation recommends in its place. */
export const DOVECOT_STORES = ['mbox', 'maildir', 'sdbox', 'mdbox'] as const
export type DovecotStore = (typeof DOVECOT_STORES)[number]

export interface DovecotOptions {
  /** Told how it ends as soon as there is something to end: it may be interrupted while it starts. */
  readonly spawned?: (stop: () => Promise<void>) => void
  /** Must exist and let other users through. */
  readonly folder: string
  readonly store: DovecotStore
  /** All users have it; their names are whatever they log in with. */
  readonly password: string
  readonly flushLibrary?: string | undefined
}

const LOCATIONS: Readonly<Record<DovecotStore, string>> = {
  mbox: 'mbox:~/mail:INBOX=~/inbox',
  maildir: 'maildir:~/Maildir',
  sdbox: 'sdbox:~/sdbox',
  mdbox: 'mdbox:~/mdbox',
}
/** Sessions it has room for: a process each. */
const SESSIONS = 12_000

/** Packages of their own in Debian. */
const PARTS = ['/usr/lib/dovecot/imap', '/usr/lib/dovecot/lmtp']

/** Why there can be none here, or nothing. */
export function noDovecot(): string | undefined {
  if (program('dovecot') === undefined || PARTS.some(part => !existsSync(part)))
    return 'Dovecot is not here (Debian: apt install dovecot-imapd dovecot-lmtpd)'
  return process.getuid?.() === 0 ? undefined : 'Dovecot starts for root only'
}

export class Dovecot {
  readonly ports: { readonly imap: number; readonly lmtp: number }
  readonly flushes: FlushCounter | undefined
  readonly #child: ChildProcess
  readonly #config: string

  private constructor(child: ChildProcess, config: string, ports: Dovecot['ports'], flushes: FlushCounter | undefined) {
    this.#child = child
    this.#config = config
    this.ports = ports
    this.flushes = flushes
  }

  static async start(options: DovecotOptions): Promise<Dovecot> {
    const { folder } = options
    const ports = { imap: await freePort(), lmtp: await freePort() }
    mkdirSync(join(folder, 'home'))
    // Its mail belongs to nobody.
    chmodSync(join(folder, 'home'), 0o777)
    const flushes = counter(options)
    const file = join(folder, 'dovecot.conf')
    writeFileSync(file, configOf(options, ports, flushes?.env ?? {}))
    const said = openSync(join(folder, 'said'), 'a')
    const child = spawn(program('dovecot')!, ['-F', '-c', file], { stdio: ['ignore', said, said], detached: true })
    closeSync(said)
    const dovecot = new Dovecot(child, file, ports, flushes)
    options.spawned?.(() => dovecot.stop())
    for (let tries = 0; !(await answers(ports.imap)) || !(await answers(ports.lmtp)); tries++) {
      if (tries < 200 && child.exitCode === null) await sleep(50)
      else
        throw new Error(`Dovecot does not answer:\n${['said', 'log'].map(name => endOf(join(folder, name))).join('')}`)
    }
    return dovecot
  }

  /** Process group of its master and of all that it starts. */
  get group(): number {
    return this.#child.pid!
  }

  /** Fills mailboxes of a user with those of an mbox folder, without flushing. */
  async import(user: string, folder: string): Promise<void> {
    const args = ['-c', this.#config, '-o', 'mail_fsync=never', 'import', '-u', user, `mbox:${folder}`, '', 'ALL']
    await promisify(execFile)(program('doveadm')!, args, { timeout: 600_000 })
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(done => child.once('exit', done))
    child.kill('SIGTERM')
    const timer = setTimeout(() => process.kill(-this.group, 'SIGKILL'), 20_000)
    await ended
    clearTimeout(timer)
  }
}

/** Its processes run as nobody and write into the counter's file. */
function counter({ folder, flushLibrary }: DovecotOptions): FlushCounter | undefined {
  if (flushLibrary === undefined) return undefined
  const file = join(folder, 'flushes')
  const flushes = new FlushCounter(flushLibrary, file)
  chmodSync(file, 0o666)
  return flushes
}

function configOf(
  { folder, store, password }: DovecotOptions,
  ports: Dovecot['ports'],
  env: Readonly<Record<string, string>>,
): string {
  const set = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const special = ['Drafts', 'Junk', 'Sent', 'Trash'].map(
    name => `  mailbox ${name} {\n    special_use = \\${name}\n    auto = create\n  }\n`,
  )
  return `protocols = imap lmtp
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
listen = 127.0.0.1
import_environment = TZ ${set.join(' ')}
mail_location = ${LOCATIONS[store]}
# No TLS on loopback, for nobody; one password that is compared as it is.
ssl = no
disable_plaintext_auth = no
passdb {
  driver = static
  args = password=${password}
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${folder}/home/%u
}
namespace inbox {
  inbox = yes
  separator = /
${special.join('')}}
# No limits of its own, and what its documentation calls high-performance mode: processes that log in and processes that serve are kept and used again.
mail_max_userip_connections = 0
default_client_limit = ${SESSIONS * 2}
default_process_limit = ${SESSIONS}
service imap-login {
  service_count = 0
  process_min_avail = ${availableParallelism()}
  process_limit = ${availableParallelism()}
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = 0
  }
}
service imap {
  service_count = 1000
  process_limit = ${SESSIONS}
}
service lmtp {
  inet_listener lmtp {
    port = ${ports.lmtp}
  }
}
`
}

function endOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-1000)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
