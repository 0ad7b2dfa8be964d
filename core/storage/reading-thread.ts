/**
 * Large messages are read off the main thread, one after the other, so that no mail holds up all others and at most one is in memory for it.
 * The thread starts with the first of them and ends when there was none for a while. One that takes too long is ended with its thread, and
 * so is one that takes too much memory: the caller hears so and makes do with less.
 */
import { Worker } from 'node:worker_threads'
import type { Reading } from '../text/index.js'

export interface ReadingOrder {
  readonly id: number
  readonly octets: Uint8Array
}

export interface ReadingAnswer {
  readonly id: number
  readonly reading: Reading
}

export interface ReadingThreadTerms {
  /** For one message, from its turn on. */
  readonly giveUpAfterMs: number
  /** Waiting for the turn; who comes later than all of these is turned away at once. */
  readonly mostWaiting: number
  readonly idleMs: number
  readonly script?: URL
}

const TERMS: ReadingThreadTerms = { giveUpAfterMs: 5000, mostWaiting: 100, idleMs: 30_000 }
const MOST_MEMORY_MB = 512
const SCRIPT = new URL('./reading-worker.js', import.meta.url)

/** The message was not read: `message` says why, as a sentence goes on. */
export class NotRead extends Error {}

export class ReadingThread {
  readonly #terms: ReadingThreadTerms
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #id = 0

  constructor(terms: Partial<ReadingThreadTerms> = {}) {
    this.#terms = { ...TERMS, ...terms }
  }

  /** `load` is called when the turn has come; its octets are gone afterwards. Rejects with `NotRead`, or with what `load` threw. */
  async read(load: () => Promise<Uint8Array<ArrayBuffer>>): Promise<Reading> {
    if (this.#waiting >= this.#terms.mostWaiting) throw new NotRead('too many large messages came at once')
    this.#waiting += 1
    const turn = this.#last.then(async () => this.#ask(await load()))
    // The next one's turn comes whatever became of this one; who asked hears of it.
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    )
    try {
      return await turn
    } finally {
      this.#waiting -= 1
    }
  }

  async end(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  #ask(octets: Uint8Array<ArrayBuffer>): Promise<Reading> {
    clearTimeout(this.#idle)
    this.#worker ??= this.#start()
    const worker = this.#worker
    const id = ++this.#id
    worker.ref()
    return new Promise<Reading>((resolve, refuse) => {
      const done = (settle: () => void) => {
        clearTimeout(timer)
        worker.off('message', answered).off('error', failed).off('exit', ended)
        settle()
      }
      const failed = (error: Error) =>
        this.#drop(worker, () => done(() => refuse(new NotRead(`reading it failed: ${error.message}`))))
      const ended = () => this.#drop(worker, () => done(() => refuse(new NotRead('reading it ended the thread'))))
      const answered = ({ id: whose, reading }: ReadingAnswer) => {
        if (whose !== id) return
        this.#rest(worker)
        done(() => resolve(reading))
      }
      const timer = setTimeout(
        () => this.#drop(worker, () => done(() => refuse(new NotRead('reading it took too long')))),
        this.#terms.giveUpAfterMs,
      )
      worker.on('message', answered).on('error', failed).on('exit', ended)
      const order: ReadingOrder = { id, octets }
      worker.postMessage(order, [octets.buffer])
    })
  }

  #start(): Worker {
    const worker = new Worker(this.#terms.script ?? SCRIPT, {
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
      execArgv: [],
    })
    // Between messages nobody listens, and an error without listener would end the process.
    worker.on('error', () => this.#forget(worker))
    return worker
  }

  #drop(worker: Worker, then: () => void): void {
    this.#forget(worker)
    then()
    void worker.terminate()
  }

  #forget(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined
  }

  /** No process stays up for a thread that has nothing to do. */
  #rest(worker: Worker): void {
    worker.unref()
    this.#idle = setTimeout(() => this.#drop(worker, () => undefined), this.#terms.idleMs)
    this.#idle.unref()
  }
}
