/** Debian's Dovecot on loopback, in a folder of its own: the server people move from. It starts for root only. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './instance.js'
import { answers, freePort } from './ports.js'
import { program } from './shared.js'

/** Why there can be none here, or nothing. */
export function noDovecot(): string | false {
  const path = program('dovecot')
  if (path === undefined) return 'no Dovecot here (apt install dovecot-imapd dovecot-pop3d)'
  // Later ones have another configuration.
  const version = execFileSync(path, ['--version'], { encoding: 'utf8' })
  if (!version.startsWith('2.3.')) return `Dovecot 2.3 is wanted, and here is ${version.trim()}`
  return process.getuid?.() === 0 ? false : 'Dovecot starts for root only'
}

export interface DovecotOptions {
  /** Must exist and let other users through. */
  readonly folder: string
  /** `maildir:~/Maildir` */
  readonly location: string
  /** All users have it. */
  readonly password: string
}

export class Dovecot {
  readonly ports: { readonly imap: number; readonly pop3: number }
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(child: ChildProcess, folder: string, ports: Dovecot['ports']) {
    this.#child = child
    this.#folder = folder
    this.ports = ports
  }

  static async start(options: DovecotOptions): Promise<Dovecot> {
    const { folder } = options
    const ports = { imap: await freePort(), pop3: await freePort() }
    mkdirSync(join(folder, 'home'))
    // Its mail belongs to nobody.
    chmodSync(join(folder, 'home'), 0o777)
    writeFileSync(join(folder, 'dovecot.conf'), configOf(options, ports))
    const said = openSync(join(folder, 'said'), 'a')
    const child = spawn(program('dovecot')!, ['-F', '-c', join(folder, 'dovecot.conf')], {
      stdio: ['ignore', said, said],
    })
    closeSync(said)
    const dovecot = new Dovecot(child, folder, ports)
    for (const port of Object.values(ports))
      await eventually(
        async () => ((await answers(port)) ? true : undefined),
        undefined,
        () => `Dovecot does not answer:\n${readFileSync(join(folder, 'said'), 'utf8')}`,
      )
    return dovecot
  }

  /** Home of a user. */
  home(user: string): string {
    return join(this.#folder, 'home', user)
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(done => child.once('exit', done))
    child.kill('SIGTERM')
    await ended
  }
}

function configOf({ folder, location, password }: DovecotOptions, ports: Dovecot['ports']): string {
  const door = (name: string, port: number) => `service ${name}-login {
  inet_listener ${name} {
    port = ${port}
  }
  inet_listener ${name}s {
    port = 0
  }
}
`
  return `protocols = imap pop3
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
listen = 127.0.0.1
mail_location = ${location}
mbox_lazy_writes = no
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
}
${door('imap', ports.imap)}${door('pop3', ports.pop3)}`
}
