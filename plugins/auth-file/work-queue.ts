/**
 * Password hashing costs some 50 ms of a libuv thread, and libuv has four of them for everybody (files, names, the store).
 * So few hashes run at a time and few may wait; whoever comes on top is told to come again instead of piling up.
 */

/** The waiting list is full. */
export class BusyError extends Error {
  constructor() {
    super('too many passwords are being checked')
    this.name = 'BusyError'
  }
}

interface Waiting {
  start(): void
  readonly signal: AbortSignal | undefined
}

export class WorkQueue {
  readonly #parallel: number
  readonly #most: number
  #running = 0
  readonly #waiting = new Set<Waiting>()

  constructor(parallel: number, most: number) {
    this.#parallel = parallel
    this.#most = most
  }

  /** Runs `work` when there is room. Throws `BusyError` when too many wait, and the signal's reason when it fires first. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    if (this.#running >= this.#parallel) await this.#turn(signal)
    else this.#running++
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size >= this.#most) return Promise.reject(new BusyError())
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(waiting)
        reject(signal?.reason)
      }
      const start = () => {
        signal?.removeEventListener('abort', giveUp)
        resolve()
      }
      const waiting: Waiting = { start, signal }
      this.#waiting.add(waiting)
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }

  /** Hands the place to the one who waited longest. */
  #next(): void {
    const [first] = this.#waiting
    if (first === undefined) {
      this.#running--
      return
    }
    this.#waiting.delete(first)
    first.start()
  }
}
