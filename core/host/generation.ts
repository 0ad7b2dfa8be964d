/**
 * The workers of one configuration. The first one tries it out; only when it is ready are the others started. A worker that ends
 * unasked is replaced after a growing wait, one whose event loop stands still is killed and replaced.
 */
import type { SendHandle } from 'node:child_process'
import cluster, { type Worker } from 'node:cluster'
import type { Fault, Log } from '../api/index.js'
import type { KnownConfig } from '../config/types.js'
import type { RawConnection } from '../net/passing.js'
import type { TlsMaterial } from '../net/types.js'
import type { OpenDoor } from './app-types.js'
import type { FromWorker, ToWorker } from './messages.js'
import type { Spare } from './spare.js'

const WATCH_MS = 1000
/** Opening a large store or loading large rule sets is done before the first turn of the loop. */
const START_TICKS = 120
/** All of a start: a plugin may wait for something that never comes while the loop turns. */
const START_MS = 180_000
const RESTART_MS = [200, 500, 1000, 2000, 5000, 10_000, 30_000] as const
/** A worker that lived this long was no failure of its start. */
const LIVED_MS = 60_000

export type Trouble =
  | { readonly kind: 'faults'; readonly faults: readonly Fault[] }
  | { readonly kind: 'failed'; readonly message: string }

export type Launch = { readonly kind: 'ready'; readonly doors: readonly OpenDoor[] } | Trouble

export interface GenerationParts {
  readonly number: number
  readonly configDir: string
  readonly known: KnownConfig | undefined
  readonly workers: number
  /** Becomes the first worker, if it is still there. */
  readonly spare?: Spare
  /** As it is when a worker starts. */
  tls(): TlsMaterial
  readonly hangMs: number
  readonly restartMs?: readonly number[]
  log(): Log
}

interface Crew {
  readonly worker: Worker
  readonly slot: number
  readonly since: number
  /** Started in place of one that ended. */
  readonly replaces: boolean
  ready: boolean
  quietTicks: number
  /** On their way to it, with their doors. */
  readonly handed: Map<RawConnection, string>
}

type Handed = Pick<Extract<FromWorker, { kind: 'pass' }>, 'door' | 'worker'>

/** How long to wait before the next start, after so many in a row that failed. */
export function restartWait(failures: number, ladder: readonly number[] = RESTART_MS): number {
  return ladder[Math.min(failures, ladder.length - 1)]!
}

export class Generation {
  readonly number: number
  readonly #parts: GenerationParts
  readonly #crew = new Map<number, Crew>()
  readonly #failures = new Map<number, number>()
  readonly #restarts = new Set<NodeJS.Timeout>()
  readonly #watch: NodeJS.Timeout
  #over = false
  readonly #waiting: (() => void)[] = []

  constructor(parts: GenerationParts) {
    this.#parts = parts
    this.number = parts.number
    this.#watch = setInterval(() => this.#lookForHanging(), WATCH_MS)
  }

  /** Resolves when all workers are ready, or with what the first trouble was; after trouble nothing of it is left. */
  async launch(): Promise<Launch> {
    const first = await this.#start(1)
    const others = this.#over ? [] : Array.from({ length: this.#parts.workers - 1 }, (_, i) => i + 2)
    const all =
      first.kind === 'ready' ? [first, ...(await Promise.all(others.map(slot => this.#start(slot))))] : [first]
    const trouble = all.find(one => one.kind !== 'ready')
    // told to drain meanwhile: that waits for the workers by itself
    if (trouble !== undefined && !this.#over) await this.abandon()
    return trouble ?? first
  }

  /** Stops accepting and lets workers finish, but not longer than `withinMs`. Resolves when all are gone. */
  async drain(withinMs: number): Promise<void> {
    this.#end()
    for (const { worker } of this.#crew.values()) send(worker, { kind: 'drain' })
    const timer = setTimeout(() => this.kill(), withinMs)
    await this.#gone()
    clearTimeout(timer)
  }

  async abandon(): Promise<void> {
    this.#end()
    this.kill()
    await this.#gone()
  }

  kill(): void {
    for (const { worker } of this.#crew.values()) worker.process.kill('SIGKILL')
  }

  tellAll(order: ToWorker): void {
    for (const { worker } of this.#crew.values()) send(worker, order)
  }

  get pids(): readonly number[] {
    return [...this.#crew.values()].map(({ worker }) => worker.process.pid ?? 0)
  }

  #end(): void {
    this.#over = true
    for (const timer of this.#restarts) clearTimeout(timer)
    this.#restarts.clear()
  }

  async #gone(): Promise<void> {
    if (this.#crew.size > 0) {
      await new Promise<void>(resolve => {
        this.#waiting.push(resolve)
      })
    }
    clearInterval(this.#watch)
  }

  /** Resolves when the worker is ready or has ended. */
  #start(slot: number, replaces = false): Promise<Launch> {
    return new Promise(resolve => {
      const spare = this.#parts.spare?.take()
      const worker = spare?.worker ?? cluster.fork()
      const crew: Crew = { worker, slot, since: Date.now(), replaces, ready: false, quietTicks: 0, handed: new Map() }
      this.#crew.set(worker.id, crew)
      let trouble: Trouble = { kind: 'failed', message: 'the worker ended before it was ready' }
      const late = setTimeout(() => {
        trouble = { kind: 'failed', message: `the worker was not ready after ${START_MS / 1000} seconds` }
        worker.process.kill('SIGKILL')
      }, START_MS)
      worker.on('message', (message: FromWorker, connection?: RawConnection) => {
        crew.quietTicks = 0
        if (message.kind === 'pass') this.#pass(message, connection)
        else if (message.kind === 'here') send(worker, this.#firstOrder(crew))
        else if (message.kind === 'ready') {
          clearTimeout(late)
          crew.ready = true
          resolve(message)
        } else if (message.kind !== 'beat') trouble = message
      })
      if (spare?.here === true) send(worker, this.#firstOrder(crew))
      worker.on('error', error => this.#parts.log().error({ err: error }, 'worker could not be reached'))
      worker.on('exit', (code, signal) => {
        clearTimeout(late)
        this.#ended(crew, { code, signal }, trouble)
        resolve(trouble)
      })
    })
  }

  /** The worker it is meant for may have ended meanwhile: then any other that is ready, and with none the client has to come again. */
  #pass({ door, worker: slot }: Handed, connection: RawConnection | undefined): void {
    if (connection === undefined) return
    const ready = [...this.#crew.values()].filter(crew => crew.ready && crew.worker.isConnected())
    const taker = ready.find(crew => crew.slot === slot) ?? ready[0]
    const order: ToWorker = { kind: 'take', door }
    if (taker === undefined) {
      connection.close()
      return
    }
    taker.handed.set(connection, door)
    taker.worker.process.send(order, connection as SendHandle, error => {
      // after an error the worker ends, and what it was handed goes to another
      if (error === null && taker.handed.delete(connection)) connection.close()
    })
  }

  /** Node sends one after the other, and forgets those that wait for a worker that ends: nobody would ever hear of them. */
  #passAgain({ handed, slot }: Crew): void {
    const left = [...handed]
    handed.clear()
    for (const [connection, door] of left) this.#pass({ door, worker: slot }, connection)
  }

  #firstOrder({ slot, replaces }: Crew): ToWorker {
    const { configDir, known, workers, number } = this.#parts
    if (this.#over) return { kind: 'drain' }
    // At a reload those before serve on: should it be refused after all, no client was cut off.
    const doorsFirst = replaces ? workers === 1 : number === 1 && slot === 1
    return { kind: 'start', configDir, known, worker: slot, workers, tls: this.#parts.tls(), doorsFirst }
  }

  #ended(crew: Crew, how: { code: number | null; signal: string | null }, trouble: Trouble): void {
    this.#crew.delete(crew.worker.id)
    this.#passAgain(crew)
    // one that could not even start stops the launch; one that was ready is replaced, also while the others still start
    if (!this.#over && (crew.ready || crew.replaces)) this.#replace(crew, how, trouble)
    if (this.#crew.size > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #replace(crew: Crew, how: object, trouble: Trouble): void {
    const { slot } = crew
    const livedMs = Date.now() - crew.since
    const failures = livedMs > LIVED_MS ? 0 : (this.#failures.get(slot) ?? 0)
    this.#failures.set(slot, failures + 1)
    const waitMs = restartWait(failures, this.#parts.restartMs)
    const facts = { worker: slot, pid: crew.worker.process.pid, ...how, livedMs, waitMs }
    if (crew.ready) this.#parts.log().error(facts, 'worker ended unasked and is replaced')
    else this.#parts.log().error({ ...facts, trouble: toldOf(trouble) }, 'worker could not start and is tried again')
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      void this.#start(slot, true).then(launch => {
        if (launch.kind === 'ready') this.#parts.log().info({ worker: slot }, 'worker is back')
      })
    }, waitMs)
    this.#restarts.add(timer)
  }

  /** Counts our own ticks and not the clock: after a sleep of the whole machine nobody was quiet for long. */
  #lookForHanging(): void {
    for (const crew of this.#crew.values()) {
      crew.quietTicks++
      const limit = crew.ready ? Math.max(2, Math.ceil(this.#parts.hangMs / WATCH_MS)) : START_TICKS
      if (crew.quietTicks <= limit) continue
      const { pid } = crew.worker.process
      this.#parts.log().error({ worker: crew.slot, pid, quietSeconds: crew.quietTicks }, 'worker hangs and is killed')
      crew.worker.process.kill('SIGKILL')
    }
  }
}

export function toldOf(trouble: Trouble): string {
  if (trouble.kind === 'failed') return trouble.message
  return trouble.faults.map(f => `${f.file}:${f.line}:${f.column}: ${f.message}`).join('; ')
}

function send(worker: Worker, order: ToWorker): void {
  // an error means that it is gone, and 'exit' tells the rest
  if (worker.isConnected()) worker.process.send(order, () => undefined)
}
