/**
 * A crash run over places outside of the store: mail for an mbox file, a Maildir that is read meanwhile and a program, while workers and the whole server are
 * killed. In the end every place has what was acknowledged; twice only where that cannot be helped (an mbox, a program), and no message in parts.
 */
import { randomUUID } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { eventually, Instance } from '../harness/instance.js'
import { Gone } from './incoming.js'
import { type Chance, chanceOf } from './letters.js'
import { Talk } from './talk.js'

export interface PlaceReport {
  readonly seed: number
  readonly kills: number
  readonly acknowledged: number
  /** Copies beyond those that were handed in. */
  readonly twice: Readonly<Record<Kind, number>>
  readonly faults: readonly string[]
}

export interface PlaceOptions {
  readonly seed: number
  readonly kills: number
  readonly progress?: (line: string) => void
}

const KINDS = ['mbox', 'maildir', 'pipe'] as const
type Kind = (typeof KINDS)[number]

/** A message, and what its client knows of it. */
interface Sent {
  readonly kind: Kind
  accepted: boolean
  unanswered: number
}

const PLUGINS = ['store-lmdb', 'auth-file', 'relay', 'places', 'mda', 'mx']
const SERVER = fileURLToPath(new URL('server.js', import.meta.url))
const CONCURRENCY = 8
const CLIENTS = 4
const PATIENCE_MS = 180_000
const PAUSE_MS = 150
const BODY_LINES = 400

export async function crashPlaces({ seed, kills, progress = () => undefined }: PlaceOptions): Promise<PlaceReport> {
  const name = `crash-${randomUUID()}.example.test`
  const run = new Run(name, seed, progress)
  try {
    await run.begin()
    await run.strike(kills)
    return await run.conclude()
  } finally {
    await run.clear()
  }
}

class Run {
  readonly #name: string
  readonly #seed: number
  readonly #chance: Chance
  readonly #progress: (line: string) => void
  readonly #sent: Sent[] = []
  #server!: Instance
  #folder = ''
  #kills = 0
  #acknowledged = 0
  readonly #began = Date.now()
  #stopping = false
  /** Nothing serves them any more: clients with a message nobody has taken give up. */
  #over = false
  #clients: Promise<void>[] = []
  #reader: Promise<void> = Promise.resolve()

  constructor(name: string, seed: number, progress: (line: string) => void) {
    this.#name = name
    this.#seed = seed
    this.#chance = chanceOf(seed)
    this.#progress = progress
  }

  async begin(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'posthouse-places-'))
    const at = (what: string) => join(this.#folder, what)
    const places = {
      box: { mbox: at('mbox'), for: ['mbox@example.test'], owner: 'any' },
      dir: { maildir: at('Maildir'), for: ['maildir@example.test'], owner: 'any' },
      program: { pipe: [at('take')], for: ['pipe@example.test'] },
    }
    this.#server = await Instance.make({
      only: PLUGINS,
      first: [{ use: 'places', with: { places } }],
      users: KINDS.map(kind => [`${kind}@example.test`, 'secret words']),
      plugins: { 'auth-file': { demo: false } },
      server: {
        name: this.#name,
        workers: 3,
        trusted: ['127.0.0.0/8'],
        drain_timeout: '1s',
        log: { level: 'warn' },
        queue: { retry: ['1s'], expire: '1h', warn_after: [], concurrency: CONCURRENCY, lease: '10s' },
      },
      run: { script: SERVER, detached: true },
    })
    await mkdir(at('taken'))
    // Whoever is killed on the way has not taken it: only what is whole gets its name.
    await writeFile(
      at('take'),
      `#!/bin/sh\ncat > "${at('taken')}/.$$" && mv "${at('taken')}/.$$" "${at('taken')}/$$.$(date +%s%N)"\n`,
    )
    await chmod(at('take'), 0o755)
    await this.#server.start()
    this.#clients = Array.from({ length: CLIENTS }, (_, n) => this.#client(chanceOf(this.#seed * 10 + n)))
    this.#reader = this.#read()
  }

  async strike(kills: number): Promise<void> {
    while (this.#kills < kills) {
      const before = this.#acknowledged
      await this.#whileUp(async () => this.#acknowledged >= before + 3)
      await sleep(this.#chance() * PAUSE_MS)
      const [, ...workers] = await this.#server.pids()
      if (workers.length === 0 || this.#chance() < 0.1) await this.#server.killAll()
      else kill(workers[Math.floor(this.#chance() * workers.length)]!)
      this.#kills++
      if (this.#kills % 5 === 0) this.#tell(`${this.#kills} kills`)
    }
  }

  async conclude(): Promise<PlaceReport> {
    this.#stopping = true
    this.#tell('no more kills: the clients end')
    let answered = false
    const stopped = Promise.all(this.#clients).then(() => {
      answered = true
    })
    await this.#whileUp(async () => answered)
    await stopped
    this.#tell('the clients have ended: the queue is to become empty')
    await this.#drained()
    const faults: string[] = []
    const code = await this.#server.stop()
    if (code !== 0) faults.push(`the server ended with ${code}`)
    await this.#reader
    const twice = { mbox: 0, maildir: 0, pipe: 0 }
    const there = await this.#there(faults)
    for (const [n, { kind, accepted, unanswered }] of this.#sent.entries()) {
      const copies = there.get(`${kind} ${n}`) ?? 0
      if (accepted && copies === 0) faults.push(`lost: ${n} for ${kind}`)
      twice[kind] += Math.max(0, copies - unanswered - (accepted ? 1 : 0))
    }
    if (twice.maildir > 0) faults.push(`${twice.maildir} messages are twice in the Maildir`)
    const most = this.#kills * 3 * CONCURRENCY
    if (twice.mbox + twice.pipe > most) faults.push(`more duplicates than deliveries under way: ${most}`)
    return { seed: this.#seed, kills: this.#kills, acknowledged: this.#acknowledged, twice, faults }
  }

  /** However long that takes on a busy machine, as long as less and less waits. */
  async #drained(): Promise<void> {
    for (let [waits, before] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]; waits > 0; before = waits) {
      await this.#whileUp(async () => {
        const { stdout } = await this.#server.program(['queue', 'ls', '--json', '--limit', '100000'])
        if (stdout.trim() === '') return false
        waits = (JSON.parse(stdout) as unknown[]).length
        return waits < before
      })
      this.#tell(`${waits} wait`)
    }
  }

  #tell(what: string): void {
    this.#progress(`${Math.round((Date.now() - this.#began) / 1000)} s: ${what}, ${this.#acknowledged} acknowledged`)
  }

  async clear(): Promise<void> {
    this.#stopping = true
    this.#over = true
    await this.#server?.killAll().catch(() => undefined)
    await this.#server?.destroy()
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** Copies by place and number; what is in parts is a fault. */
  async #there(faults: string[]): Promise<ReadonlyMap<string, number>> {
    const copies = new Map<string, number>()
    const add = (kind: Kind, text: string): void => {
      const [first, last] = [/^Subject: place (\d+)\r?$/m.exec(text)?.[1], /^last of (\d+)\r?$/m.exec(text)?.[1]]
      if (first === undefined || first !== last) faults.push(`a message in parts in the ${kind}: ${text.slice(0, 300)}`)
      else copies.set(`${kind} ${first}`, (copies.get(`${kind} ${first}`) ?? 0) + 1)
    }
    const box = await readFile(join(this.#folder, 'mbox'), 'latin1')
    for (const text of box.split(/^From /m).slice(1)) add('mbox', text)
    for (const name of await readdir(join(this.#folder, 'Maildir/new')))
      add('maildir', await readFile(join(this.#folder, 'Maildir/new', name), 'latin1'))
    for (const name of await readdir(join(this.#folder, 'Maildir/cur')))
      add('maildir', await readFile(join(this.#folder, 'Maildir/cur', name), 'latin1'))
    for (const name of await readdir(join(this.#folder, 'taken')))
      if (!name.startsWith('.')) add('pipe', await readFile(join(this.#folder, 'taken', name), 'latin1'))
    return copies
  }

  /** Moves what is new, as mail programs do. */
  async #read(): Promise<void> {
    const dir = join(this.#folder, 'Maildir')
    while (!this.#stopping) {
      const fresh = await readdir(join(dir, 'new')).catch(() => [])
      for (const name of fresh) await rename(join(dir, 'new', name), join(dir, 'cur', `${name}:2,S`))
      await sleep(30)
    }
  }

  async #client(chance: Chance): Promise<void> {
    while (!this.#stopping) {
      const n = this.#sent.length
      const one: Sent = { kind: KINDS[Math.floor(chance() * KINDS.length)]!, accepted: false, unanswered: 0 }
      this.#sent.push(one)
      while (!one.accepted && !this.#over) {
        await this.#hand(n, one).catch(async (error: unknown) => {
          if (!(error instanceof Gone)) throw error
          await sleep(50 + chance() * 200)
        })
      }
      if (one.accepted) this.#acknowledged++
    }
  }

  async #hand(n: number, one: Sent): Promise<void> {
    const talk = await Talk.open(this.#server.ports.mx, 'EHLO', this.#name)
    try {
      for (const [command, code] of [
        ['MAIL FROM:<someone@far.test>', 250],
        [`RCPT TO:<${one.kind}@example.test>`, 250],
        ['DATA', 354],
      ] as const)
        if ((await talk.ask(command)) !== code) throw new Gone('not now')
      const body = `line of ${n}\r\n`.repeat(BODY_LINES)
      await talk.send(`Subject: place ${n}\r\n\r\n${body}last of ${n}\r\n`)
      one.unanswered++
      const code = await talk.ask('.')
      one.unanswered--
      one.accepted = code === 250
      if (!one.accepted) throw new Gone('not now')
    } finally {
      talk.cut()
    }
  }

  /** As an init system does: a server that has ended is started again. */
  async #whileUp(isSo: () => Promise<boolean>): Promise<void> {
    await eventually(
      async () => {
        if (this.#server.over) await this.#server.start().catch(() => undefined)
        return (await isSo()) ? true : undefined
      },
      PATIENCE_MS,
      () => this.#server.log.slice(-4000),
    )
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has just ended by itself
  }
}
