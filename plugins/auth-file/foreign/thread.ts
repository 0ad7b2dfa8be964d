/**
 * Hashes of other servers are checked off the main thread: most of them are loops in JavaScript or WebAssembly that would hold up everybody else
 * for up to seconds. One at a time; who may wait, the queue of log-ins says. The thread starts with the first and ends when there was none for a
 * while. It is started with the octets of a password and gives back yes or no.
 */
import { Worker } from 'node:worker_threads'

export interface CheckOrder {
  readonly id: number
  readonly password: string
  readonly stored: string
}

export interface CheckAnswer {
  readonly id: number
  readonly right: boolean
}

const SCRIPT = new URL('./worker.js', import.meta.url)
const GIVE_UP_MS = 30_000
const IDLE_MS = 60_000
const MOST_MEMORY_MB = 512

export class ForeignThread {
  readonly #script: URL
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #last: Promise<unknown> = Promise.resolve()
  #id = 0

  constructor(script: URL = SCRIPT) {
    this.#script = script
  }

  /** Throws when the thread ended or took too long: that is no answer about the password. */
  matches(password: string, stored: string): Promise<boolean> {
    const turn = this.#last.then(() => this.#ask(password, stored))
    // The next one's turn comes whatever became of this one; who asked hears of it.
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    )
    return turn
  }

  async end(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  #ask(password: string, stored: string): Promise<boolean> {
    clearTimeout(this.#idle)
    this.#worker ??= this.#start()
    const worker = this.#worker
    const id = ++this.#id
    worker.ref()
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => {
        clearTimeout(timer)
        worker.off('message', answered).off('error', failed).off('exit', ended)
        settle()
      }
      const fail = (why: string) => {
        this.#drop(worker)
        done(() => reject(new Error(why)))
      }
      const failed = (error: Error) => fail(`checking a hash failed: ${error.message}`)
      const ended = () => fail('checking a hash ended its thread')
      const answered = ({ id: whose, right }: CheckAnswer) => {
        if (whose !== id) return
        this.#rest(worker)
        done(() => resolve(right))
      }
      const timer = setTimeout(() => fail('checking a hash took too long'), GIVE_UP_MS)
      worker.on('message', answered).on('error', failed).on('exit', ended)
      const order: CheckOrder = { id, password, stored }
      worker.postMessage(order)
    })
  }

  #start(): Worker {
    const worker = new Worker(this.#script, {
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
      execArgv: [],
    })
    // Between log-ins nobody listens, and an error without listener would end the process.
    worker.on('error', () => this.#forget(worker))
    return worker
  }

  #drop(worker: Worker): void {
    this.#forget(worker)
    void worker.terminate()
  }

  #forget(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined
  }

  /** No process stays up for a thread that has nothing to do. */
  #rest(worker: Worker): void {
    worker.unref()
    this.#idle = setTimeout(() => this.#drop(worker), IDLE_MS)
    this.#idle.unref()
  }
}
