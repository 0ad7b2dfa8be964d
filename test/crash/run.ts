/**
 * One crash run: a whole server under load is killed again and again, by worker, by supervisor and as a whole; then it may work off what
 * it has, ends, and what it holds is compared with what its clients heard.
 */
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { eventually, Instance } from '../harness/instance.js'
import { openHoldings } from './holdings.js'
import { bytesOf, type Chance, chanceOf } from './letters.js'
import { Load } from './load.js'
import { Receiver } from './receiver.js'
import { type Kill, reckon, type Verdict } from './reckoning.js'

export interface CrashOptions {
  readonly seed: number
  readonly kills: number
  /** With fewer kills when so much time has gone by. */
  readonly withinMs?: number
  /** Told now and then. */
  readonly progress?: (line: string) => void
}

export interface CrashReport extends Verdict {
  readonly seed: number
  readonly kills: number
  /** By what was killed. */
  readonly by: Readonly<Record<Blow, number>>
  readonly letters: number
  /** Attempts of clients that broke off before all was sent, sent all and heard nothing, or were put off. */
  readonly broken: number
  /** Of those broken off: that another server answered. */
  readonly strangers: number
  readonly unanswered: number
  readonly refused: number
  readonly messages: number
  readonly leftInQueue: number
  readonly loadSeconds: number
  readonly drainSeconds: number
}

type Blow = 'worker' | 'two workers' | 'whole server' | 'at its start' | 'supervisor alone'

const WORKERS = 3
const CONCURRENCY = 8
const PER_LANE = 2
/** Answers between two kills, so that every kill hits a server at work. */
const ANSWERS = 2
const ANSWER_MS = 180_000
const PAUSE_MS = 120
const DRAIN_MS = 200_000
const USERS = ['ann@example.test', 'bob@example.test']
const PLUGINS = ['store-lmdb', 'auth-file', 'relay', 'mda', 'mx']
const SERVER = fileURLToPath(new URL('server.js', import.meta.url))

export async function crash({ seed, kills, withinMs, progress = () => undefined }: CrashOptions): Promise<CrashReport> {
  const run = new Run(seed, progress)
  try {
    await run.begin()
    await run.strike(kills, withinMs)
    return await run.conclude()
  } finally {
    await run.clear()
  }
}

class Run {
  readonly #seed: number
  readonly #progress: (line: string) => void
  readonly #chance: Chance
  readonly #receiver: Receiver
  readonly #kills: Kill[] = []
  readonly #by: Record<Blow, number> = {
    worker: 0,
    'two workers': 0,
    'whole server': 0,
    'at its start': 0,
    'supervisor alone': 0,
  }
  /** Nobody else's. */
  readonly #name = `crash-${randomUUID()}.example.test`
  #instance: Instance | undefined
  #load: Load | undefined
  #begun = Date.now()
  #kept = false

  constructor(seed: number, progress: (line: string) => void) {
    this.#seed = seed
    this.#progress = progress
    this.#chance = chanceOf(seed)
    this.#receiver = new Receiver(seed + 1, (n, bytes) => this.#same(n, bytes))
  }

  async begin(): Promise<void> {
    const port = await this.#receiver.start()
    this.#instance = await Instance.make({
      only: PLUGINS,
      users: USERS.map(login => [login, 'secret words']),
      plugins: { 'auth-file': { demo: false }, mx: { routes: { '*': `127.0.0.1:${port}` }, tls: 'never' } },
      server: {
        name: this.#name,
        workers: WORKERS,
        trusted: ['127.0.0.0/8'],
        drain_timeout: '1s',
        log: { level: 'warn' },
        queue: {
          retry: ['1s'],
          expire: '1h',
          warn_after: [],
          concurrency: CONCURRENCY,
          per_lane: PER_LANE,
          lease: '10s',
        },
      },
      run: { script: SERVER, detached: true },
    })
    await this.#server.start()
    this.#load = new Load({ seed: this.#seed, ports: this.#server.ports, users: USERS, name: this.#name })
    this.#begun = Date.now()
  }

  async strike(kills: number, withinMs = Number.POSITIVE_INFINITY): Promise<void> {
    const load = this.#load!
    const until = Date.now() + withinMs
    while (this.#kills.length < kills && Date.now() < until) {
      const before = load.acknowledged
      await this.#whileUp(() => load.acknowledged >= before + ANSWERS, ANSWER_MS)
      await sleep(this.#chance() * PAUSE_MS)
      await this.#strikeOnce()
      const count = this.#kills.length
      if (count % 50 === 0)
        this.#progress(`${count} kills, ${load.acknowledged} recipients acknowledged, ${this.#seconds} s`)
    }
  }

  async #strikeOnce(): Promise<void> {
    const dice = this.#chance()
    if (dice < 0.025) return this.#killWhole(false)
    if (dice < 0.035) return this.#killWhole(true)
    if (dice < 0.045) return this.#killSupervisor()
    const [, ...workers] = await this.#server.pids()
    const count = dice < 0.1 ? 2 : 1
    for (let at = 0; at < count && workers.length > 0; at++) {
      const [pid] = workers.splice(Math.floor(this.#chance() * workers.length), 1)
      kill(pid!)
    }
    this.#count(count === 1 ? 'worker' : 'two workers', count)
  }

  async #killWhole(atStart: boolean): Promise<void> {
    await this.#server.killAll()
    this.#count('whole server', WORKERS)
    if (atStart) {
      const starting = this.#server.start().catch(() => 'killed')
      await sleep(this.#chance() * 1500)
      await this.#server.killAll()
      await starting
      this.#count('at its start', WORKERS)
    }
    await this.#keepUp()
  }

  /** Its workers end by themselves when they are alone, and hold their ports until then. */
  async #killSupervisor(): Promise<void> {
    this.#count('supervisor alone', WORKERS)
    kill(this.#server.pid)
    await eventually(() => (this.#server.over ? true : undefined))
    await this.#keepUp()
  }

  /** Waits for something to come true, and keeps the server up meanwhile. */
  async #whileUp(isSo: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
    await eventually(
      async () => {
        await this.#keepUp()
        return (await isSo()) ? true : undefined
      },
      withinMs,
      () => `not so in ${withinMs} ms after ${this.#kills.length} kills:\n${this.#server.log.slice(-4000)}`,
    )
  }

  /**
   * As an init system does: a server that has ended is started again. One whose worker is killed while it starts ends by itself, and so
   * does one that finds its ports still taken.
   */
  async #keepUp(): Promise<void> {
    for (let tries = 0; this.#server.over; tries++) {
      await this.#server.start().catch(error => {
        if (tries > 50) throw error
      })
    }
  }

  #count(blow: Blow, workers: number): void {
    this.#by[blow]++
    this.#kills.push({ at: Date.now(), places: workers * CONCURRENCY })
  }

  async conclude(): Promise<CrashReport> {
    const load = this.#load!
    const loadSeconds = this.#seconds
    this.#progress(`${this.#kills.length} kills; the server may work off what it has`)
    this.#receiver.behave()
    let answered = false
    const stopped = load.stop().then(() => {
      answered = true
    })
    await this.#whileUp(() => answered, ANSWER_MS)
    await stopped
    const begun = Date.now()
    const path = join(this.#server.dataDir, 'mail.lmdb')
    const { store, read, history } = openHoldings(path, await this.#accounts())
    // what is left after that is counted as queued
    await this.#whileUp(async () => (await store.queue.totals()).messages === 0, DRAIN_MS).catch(() => undefined)
    const code = await this.#server.stop()
    const holdings = await read((n, bytes) => this.#same(n, bytes))
    const { faults, ...verdict } = reckon(load.heard, this.#receiver.arrivals, this.#kills, holdings)
    const wrong = [...faults, ...holdings.wrong, ...this.#receiver.damaged]
    if (code !== 0) wrong.push(`the server ended with ${code}`)
    if (wrong.length > 0) await this.#keep(wrong, history)
    const sum = (what: 'unanswered' | 'refused') => load.heard.reduce((total, one) => total + one[what], 0)
    return {
      ...verdict,
      seed: this.#seed,
      kills: this.#kills.length,
      by: this.#by,
      letters: load.letters.size,
      broken: load.broken,
      strangers: load.strangers,
      unanswered: sum('unanswered'),
      refused: sum('refused'),
      messages: holdings.messages,
      leftInQueue: holdings.queued.size + holdings.queuedNotices,
      loadSeconds,
      drainSeconds: Math.round((Date.now() - begun) / 1000),
      faults: wrong,
    }
  }

  async clear(): Promise<void> {
    await this.#receiver.stop()
    await this.#instance?.killAll().catch(() => undefined)
    if (!this.#kept) await this.#instance?.destroy()
  }

  /** Such a run may not come again for a long time: store, log and histories stay to be looked at. */
  async #keep(wrong: readonly string[], history: (address: string) => readonly string[]): Promise<void> {
    this.#kept = true
    const dir = this.#server.dir
    const addresses = new Set(wrong.flatMap(fault => fault.match(/\S+@\S+\.test/g) ?? []))
    const told = [...addresses].flatMap(address => ['', address, ...history(address)])
    await writeFile(join(dir, 'faults.txt'), `${[...wrong, ...told].join('\n')}\n`)
    await writeFile(join(dir, 'server.log'), this.#server.log)
    this.#progress(`faults, histories and the store are kept in ${dir}`)
  }

  #same(n: number, bytes: Buffer): boolean {
    const letter = this.#load?.letters.get(n)
    if (letter === undefined) return false
    const sent = bytesOf(letter)
    return bytes.length >= sent.length && bytes.subarray(bytes.length - sent.length).equals(sent)
  }

  /** Account ids and logins. */
  async #accounts(): Promise<ReadonlyMap<string, string>> {
    const text = await readFile(join(this.#server.dataDir, 'accounts.json'), 'utf8')
    const { accounts } = JSON.parse(text) as { accounts: readonly { id: string; login: string }[] }
    return new Map(accounts.map(({ id, login }) => [id, login]))
  }

  get #server(): Instance {
    return this.#instance!
  }

  get #seconds(): number {
    return Math.round((Date.now() - this.#begun) / 1000)
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has just ended by itself
  }
}
