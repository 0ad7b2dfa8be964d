/**
 * A crash run over mailboxes: owners of accounts work in them by LMTP, POP3 and IMAP, and an import is brought in, while workers, the whole server and the
 * import are killed. In the end every mailbox holds what its owner knows, and `posthouse verify` finds that all of it adds up.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { eventually, Instance, ROOT } from '../harness/instance.js'
import { Gone } from './incoming.js'
import { type Chance, chanceOf } from './letters.js'
import { Owner } from './owner.js'
import { Wire } from './wire.js'

export interface MailboxReport {
  readonly seed: number
  readonly kills: number
  readonly importsKilled: number
  readonly steps: number
  readonly unheard: number
  readonly faults: readonly string[]
}

export interface MailboxOptions {
  readonly seed: number
  readonly kills: number
  readonly progress?: (line: string) => void
}

const PASSWORD = 'secret words'
const OWNERS = ['ann@example.test', 'bob@example.test', 'eve@example.test']
const IMPORTED = 'mia@example.test'
const PLUGINS = ['store-lmdb', 'auth-file', 'relay', 'mda', 'pop3', 'imap', 'import']
const SERVER = fileURLToPath(new URL('server.js', import.meta.url))
const MESSAGES = 2_000
const STEPS_BETWEEN = 2
const PATIENCE_MS = 180_000
const PAUSE_MS = 150

export async function crashMailboxes({
  seed,
  kills,
  progress = () => undefined,
}: MailboxOptions): Promise<MailboxReport> {
  const name = `crash-${randomUUID()}.example.test`
  const doors = { cleartext_auth: true, login_delay: '10ms' }
  const instance = await Instance.make({
    only: PLUGINS,
    users: [...OWNERS, IMPORTED].map(login => [login, PASSWORD]),
    plugins: { 'auth-file': { demo: false }, pop3: doors, imap: doors },
    server: { name, workers: 2, trusted: ['127.0.0.0/8'], drain_timeout: '1s', log: { level: 'warn' } },
    run: { script: SERVER, detached: true },
  })
  try {
    return await new Run(instance, name, seed, progress).all(kills)
  } finally {
    await instance.killAll().catch(() => undefined)
    await instance.destroy()
  }
}

class Run {
  readonly #instance: Instance
  readonly #name: string
  readonly #seed: number
  readonly #chance: Chance
  readonly #progress: (line: string) => void
  #kills = 0
  #importsKilled = 0

  constructor(instance: Instance, name: string, seed: number, progress: (line: string) => void) {
    this.#instance = instance
    this.#name = name
    this.#seed = seed
    this.#chance = chanceOf(seed)
    this.#progress = progress
  }

  async all(kills: number): Promise<MailboxReport> {
    const { ports } = this.#instance
    const folder = await layMaildir(join(this.#instance.dir, 'old'))
    await this.#instance.start()
    const owners = OWNERS.map((login, at) => {
      const chance = chanceOf(this.#seed * 100 + at)
      return new Owner({ login, password: PASSWORD, ports, name: this.#name, chance })
    })
    const importing = this.#import(folder)
    await this.#strike(kills, owners)
    const stopped = [...owners.map(owner => owner.stop()), importing]
    await this.#whileUp(Promise.all(stopped))
    const faults = [...owners.flatMap(owner => owner.faults), ...(await this.#imported())]
    const { code, stdout, stderr } = await this.#instance.program(['verify'])
    if (code !== 0) faults.push(`verify: ${stdout}${stderr}`)
    const sum = (what: 'steps' | 'unheard') => owners.reduce((total, owner) => total + owner[what], 0)
    const done = { seed: this.#seed, kills: this.#kills, importsKilled: this.#importsKilled }
    return { ...done, steps: sum('steps'), unheard: sum('unheard'), faults }
  }

  async #strike(kills: number, owners: readonly Owner[]): Promise<void> {
    const done = () =>
      owners.reduce((total, owner) => total + owner.steps + owner.unheard + 1e6 * owner.faults.length, 0)
    while (this.#kills < kills && owners.every(owner => owner.faults.length === 0)) {
      const before = done()
      await this.#whileUp(
        eventually(
          () => (done() >= before + STEPS_BETWEEN ? true : undefined),
          PATIENCE_MS,
          () => this.#instance.log.slice(-4000),
        ),
      )
      await sleep(this.#chance() * PAUSE_MS)
      await this.#killSome()
      this.#kills++
      if (this.#kills % 50 === 0) this.#progress(`${this.#kills} kills, ${done()} steps`)
    }
  }

  async #killSome(): Promise<void> {
    const [, ...workers] = await this.#instance.pids()
    if (this.#chance() < 0.05 || workers.length === 0) await this.#instance.killAll()
    else kill(workers[Math.floor(this.#chance() * workers.length)]!)
  }

  /** As an init system does: a server that has ended is started again. */
  async #whileUp<T>(work: Promise<T>): Promise<T> {
    let over = false
    const ended = work.finally(() => {
      over = true
    })
    // It is waited for below.
    ended.catch(() => undefined)
    while (!over) {
      if (this.#instance.over) await this.#instance.start().catch(() => undefined)
      await Promise.race([ended.catch(() => undefined), sleep(100)])
    }
    return ended
  }

  /** Killed some times on its way, and run again until it is done. */
  async #import(folder: string): Promise<void> {
    for (let times = 0; ; times++) {
      const args = [
        join(ROOT, 'dist/core/main.js'),
        'import',
        'maildir',
        IMPORTED,
        folder,
        '--config',
        this.#instance.configDir,
      ]
      const child = spawn(process.execPath, args, { stdio: 'ignore' })
      const ended = once(child, 'exit')
      if (times < 6 && (await this.#killOnItsWay(child))) this.#importsKilled++
      const [code] = (await ended) as [number | null]
      if (code === 0) return
      if (times > 50) throw new Error(`the import ends with ${code}`)
    }
  }

  /** As soon as something more has come, or it is over. */
  async #killOnItsWay(child: ChildProcess): Promise<boolean> {
    const before = await this.#count()
    while (child.exitCode === null && child.signalCode === null) {
      if ((await this.#count()) > before) return child.kill('SIGKILL')
      await sleep(5)
    }
    return false
  }

  /** Messages that have come; as many as before when the server cannot be asked. */
  #counted = 0
  async #count(): Promise<number> {
    try {
      const wire = await this.#open()
      const { 1: messages } = /MESSAGES (\d+)/.exec(await wire.imap('STATUS INBOX (MESSAGES)'))!
      wire.cut()
      this.#counted = Number(messages)
    } catch (error) {
      if (!(error instanceof Gone)) throw error
    }
    return this.#counted
  }

  async #open(): Promise<Wire> {
    const wire = await Wire.open(this.#instance.ports.imap)
    await wire.imap(`LOGIN ${IMPORTED} "${PASSWORD}"`)
    return wire
  }

  /** Every message once, under the UID it had. */
  async #imported(): Promise<readonly string[]> {
    const wire = await this.#open()
    await wire.imap('SELECT INBOX')
    const text = await wire.imap('UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])')
    wire.cut()
    const found = [...text.matchAll(/UID (\d+).*?Subject: old (\d+)/gs)].map(([, uid, n]) => `${uid} ${n}`)
    const wanted = Array.from({ length: MESSAGES }, (_, n) => `${uidOf(n)} ${n}`)
    return found.join() === wanted.join()
      ? []
      : [`the import has brought ${found.length} messages: ${found.slice(0, 50)}`]
  }
}

const uidOf = (n: number) => 3 * n + 5

async function layMaildir(folder: string): Promise<string> {
  await mkdir(join(folder, 'cur'), { recursive: true })
  const lines = ['3 V1500000000 N99999 Gx']
  for (let n = 0; n < MESSAGES; n++) {
    await writeFile(join(folder, `cur/${n}.old:2,S`), `Subject: old ${n}\n\n${'x'.repeat(n % 700)}\n`)
    lines.push(`${uidOf(n)} :${n}.old`)
  }
  await writeFile(join(folder, 'dovecot-uidlist'), `${lines.join('\n')}\n`)
  return folder
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has just ended by itself
  }
}
