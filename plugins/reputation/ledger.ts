/**
 * What is kept, in the state: histories, correspondents and a few notes. Counting costs no write of its own: sums wait in memory and are added together
 * every few seconds, each in the transaction that reads it, so workers count together. A crash loses the last seconds and nothing else.
 */
import type { Clock, Log, State } from 'posthouse/api'
import { readTally, type Tally, type TallyTerms } from 'posthouse/text'

export type Amounts = Readonly<Record<string, number>>

interface Waiting {
  readonly terms: TallyTerms
  readonly sums: Map<string, number>
}

export interface LedgerParts {
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly writeEveryMs: number
  /** Tallies written, for the metrics. */
  readonly wrote: (tallies: number) => void
}

/** More than these are written at once. */
const MOST_WAITING = 2000
/** The average of the whole site moves slowly, and every message asks for it. */
const FRESH_MS = 5000

export class Ledger {
  readonly #parts: LedgerParts
  #waiting = new Map<string, Waiting>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  readonly #fresh = new Map<string, { readonly until: number; readonly kept: string | undefined }>()

  constructor(parts: LedgerParts) {
    this.#parts = parts
  }

  /** Adds; written with what else comes within the next seconds. */
  count(key: string, amounts: Amounts, terms: TallyTerms): void {
    const waiting = this.#waiting.get(key) ?? { terms, sums: new Map<string, number>() }
    for (const [name, by] of Object.entries(amounts)) waiting.sums.set(name, (waiting.sums.get(name) ?? 0) + by)
    this.#waiting.set(key, waiting)
    if (this.#waiting.size >= MOST_WAITING) void this.write()
    else this.#timer ??= setTimeout(() => void this.write(), this.#parts.writeEveryMs).unref()
  }

  async read(key: string, terms: TallyTerms): Promise<Tally | undefined> {
    const now = this.#parts.clock.now()
    return readTally(await this.#parts.state.get(key, now), terms, now)
  }

  /** Whether anything is kept, or waits to be: what has been counted a moment ago is there. */
  async has(key: string, terms: TallyTerms): Promise<boolean> {
    if (this.#waiting.has(key)) return true
    await this.#writing
    return (await this.read(key, terms)) !== undefined
  }

  /** In the order of their keys. */
  async list(prefix: string, terms: TallyTerms, most: number): Promise<readonly Tally[]> {
    const now = this.#parts.clock.now()
    const entries = await this.#parts.state.list(prefix, now, most)
    return entries.flatMap(({ value }) => readTally(value, terms, now) ?? [])
  }

  /** As `read`, for a key everybody asks for: a few seconds old. */
  async readSoon(key: string, terms: TallyTerms): Promise<Tally | undefined> {
    const now = this.#parts.clock.now()
    const fresh = this.#fresh.get(key)
    if (fresh !== undefined && fresh.until > now && fresh.until <= now + FRESH_MS)
      return readTally(fresh.kept, terms, now)
    const kept = await this.#parts.state.get(key, now)
    this.#fresh.set(key, { until: now + FRESH_MS, kept })
    return readTally(kept, terms, now)
  }

  /** Resolves when all that was counted so far is in the state, or lost, which the log says. Never rejects. */
  write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#waiting
    this.#waiting = new Map()
    if (batch.size > 0) this.#writing = this.#writing.then(() => this.#add(batch))
    return this.#writing
  }

  async #add(batch: ReadonlyMap<string, Waiting>): Promise<void> {
    const { state, clock, log, wrote } = this.#parts
    const now = clock.now()
    const added = await Promise.allSettled(
      [...batch].map(([key, { terms, sums }]) => state.tally(key, Object.fromEntries(sums), terms, now)),
    )
    const failed = added.filter(one => one.status === 'rejected')
    wrote(added.length - failed.length)
    if (failed.length > 0) log.warn({ lost: failed.length, err: failed[0]!.reason }, 'reputation could not be kept')
  }
}
