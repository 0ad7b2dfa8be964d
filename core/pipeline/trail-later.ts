/**
 * Entries of the trail that may lag: what is noted within a second is written together, in steps that hold up nobody for long. Nobody waits, and a crash
 * loses that second. What tells of an accepted or settled message is never written so: it is committed with it.
 */
import type { Log, Trail, TrailEntry } from '../api/index.js'

const GATHER_MS = 1000
const STEP = 200
/** While the store takes nothing, what comes is lost rather than held. */
const MAX_WAITING = 20_000

export class TrailLater {
  readonly #trail: Pick<Trail, 'add'>
  readonly #log: Pick<Log, 'warn'>
  #gathered: TrailEntry[] = []
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #lost = 0

  constructor(trail: Pick<Trail, 'add'>, log: Pick<Log, 'warn'>) {
    this.#trail = trail
    this.#log = log
  }

  /** Never throws. */
  note(entry: TrailEntry): void {
    if (this.#gathered.length >= MAX_WAITING) {
      this.#lost += 1
      return
    }
    this.#gathered.push(entry)
    this.#timer ??= setTimeout(() => this.#begin(), GATHER_MS).unref()
  }

  /** Resolves when what was noted is on disk. */
  async close(): Promise<void> {
    this.#begin()
    await this.#writing
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
  }

  async #write(): Promise<void> {
    const entries = this.#gathered
    this.#gathered = []
    try {
      for (let at = 0; at < entries.length; at += STEP) await this.#trail.add(entries.slice(at, at + STEP))
    } catch (error) {
      this.#lost += entries.length
      this.#log.warn({ err: error, lost: this.#lost }, 'entries of the trail could not be written')
      this.#lost = 0
    }
  }
}
