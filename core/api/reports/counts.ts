/**
 * Counts that reports are made of: each worker gathers for a few seconds and then adds to the state, which all of them share. What is counted is told
 * apart by facts, whose text is kept once under an id, below a place that begins with a kind and the name of a period: `row/2026-11-21/…`.
 */
import { createHash } from 'node:crypto'
import type { Clock, Log } from '../plugin.js'
import type { State } from '../stores.js'

export interface CountsParts {
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  /** For the log: `TLS`. */
  readonly about: string
  /** When what is known of a period may go. */
  expires(period: string): number
}

const FLUSH_MS = 5000

export class ReportCounts {
  readonly #parts: CountsParts
  #counts = new Map<string, number>()
  #texts = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> = Promise.resolve()

  constructor(parts: CountsParts) {
    this.#parts = parts
  }

  /** The id of facts among those that are known; `undefined`: it is a new one, and there are `most` already. */
  named(place: string, known: Set<string>, most: number, facts: object): string | undefined {
    const text = JSON.stringify(facts)
    const id = createHash('sha256').update(`${place} ${text}`).digest('hex').slice(0, 16)
    if (known.has(id)) return id
    if (known.size >= most) return undefined
    known.add(id)
    this.#texts.set(`${place}/${id}`, text)
    return id
  }

  count(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS)
  }

  /** What has been gathered is in the state. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const [counts, texts] = [this.#counts, this.#texts]
    ;[this.#counts, this.#texts] = [new Map(), new Map()]
    this.#flushing = this.#flushing.then(() => this.#write(counts, texts))
    return this.#flushing
  }

  async #write(counts: ReadonlyMap<string, number>, texts: ReadonlyMap<string, string>): Promise<void> {
    const { state, clock, log, about } = this.#parts
    const expires = (key: string) => this.#parts.expires(key.split('/')[1]!)
    try {
      await Promise.all([...texts].map(([key, text]) => state.put(key, text, expires(key))))
      await Promise.all([...counts].map(([key, by]) => state.add(key, by, clock.now(), expires(key))))
    } catch (error) {
      log.warn({ err: error }, `results of ${about} could not be counted`)
      // What was counted may be there in part and is let go; without the texts what comes after it could not be read.
      for (const [key, text] of texts) if (expires(key) > clock.now()) this.#texts.set(key, text)
    }
  }
}
