/**
 * Peers that offer CHUNKING and cannot do it: they hear DATA for a while. Kept in memory by each process, as a mistake costs one transaction.
 */
const KEEP_MS = 6 * 3_600_000
const MOST = 1000

export class Chunkless {
  readonly #until = new Map<string, number>()
  readonly #now: () => number
  readonly #all: boolean

  /** `all`: nobody is sent BDAT. */
  constructor(now: () => number, all = false) {
    this.#now = now
    this.#all = all
  }

  /** `remote`: `mx1.example.net [192.0.2.1]:25` */
  has(remote: string): boolean {
    return this.#all || (this.#until.get(remote) ?? 0) > this.#now()
  }

  note(remote: string): void {
    this.#until.delete(remote)
    // The one noted longest ago.
    const [oldest] = this.#until.keys()
    if (oldest !== undefined && this.#until.size >= MOST) this.#until.delete(oldest)
    this.#until.set(remote, this.#now() + KEEP_MS)
  }
}
