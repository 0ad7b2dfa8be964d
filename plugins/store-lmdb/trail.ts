/** The decision records: one entry per key, in the order they came, kept for a while and up to a size. `note` belongs inside a write. */
import type { Database } from 'lmdb'
import type { Trail, TrailEntry, TrailFound, TrailQuery, TrailReach } from 'posthouse/api'
import { newId } from 'posthouse/text'
import { type Environment, firstKey } from './environment.js'
import { checkQueueId, isQueueId, under } from './keys.js'
import { TrailIndex } from './trail-index.js'
import { type TrailRecord, unindexed } from './trail-unindexed.js'

type TrailKey = [id: string, n: number]

export interface TrailBounds {
  readonly keepMs?: number
  readonly maxBytes?: number
}

const SWEEP_STEP = 500
const FEW = 5
/** What is too large is made so much smaller, or each sweep would find a little to do. */
const SPARE = 0.95
const DEFAULT_LIMIT = 100

export class LmdbTrail implements Trail {
  readonly #env: Environment
  readonly #entries: Database<TrailRecord, TrailKey>
  readonly #index: TrailIndex
  readonly #bounds: TrailBounds

  constructor(env: Environment, bounds: TrailBounds = {}) {
    this.#env = env
    this.#entries = env.database('trail')
    this.#index = new TrailIndex(env)
    this.#bounds = bounds
  }

  async add(entries: readonly TrailEntry[]): Promise<void> {
    this.check(entries)
    if (entries.length > 0) await this.#env.write(() => this.note(entries))
  }

  async of(id: string): Promise<readonly TrailEntry[]> {
    this.#env.refresh()
    if (!isQueueId(id)) return []
    return [...this.#entries.getRange(under(id))].map(({ value }) => ({ id, ...value }))
  }

  async find(query: TrailQuery): Promise<readonly TrailFound[]> {
    this.#env.refresh()
    const found = await this.#index.find(query)
    const { limit = DEFAULT_LIMIT } = query
    if (found.length >= limit) return found
    const known = new Set(found.map(({ id }) => id))
    const older = await unindexed(this.#entries, query, this.#index.oldestMinuteMs)
    return [...found, ...older.filter(({ id }) => !known.has(id))].slice(0, limit)
  }

  async reach(): Promise<TrailReach> {
    this.#env.refresh()
    const first = [...this.#entries.getRange({ limit: 1 })][0]
    return first === undefined ? this.#bounds : { ...this.#bounds, oldest: first.value.at }
  }

  check(entries: readonly TrailEntry[]): void {
    for (const { id } of entries) checkQueueId(id)
  }

  /** `fresh`: a message of which nothing was noted before. */
  note(entries: readonly TrailEntry[], fresh?: string): void {
    let last = 0
    for (const entry of entries) {
      const { id, at, event, says, facts } = entry
      // Behind the first of a message of which there was nothing, nothing is looked for.
      const n = id === fresh && last > 0 ? last + 1 : this.#next(id, id === fresh)
      if (id === fresh) last = n
      this.#entries.put([id, n], { at, event, says, facts })
      this.#index.note(entry)
    }
  }

  /**
   * Most messages have a few entries, and looking whether there is one costs a sixth of looking for the last. The first may have been swept away:
   * then the last is looked for as well.
   */
  #next(id: string, fresh: boolean): number {
    for (let n = 1; n <= FEW; n++)
      if (!this.#entries.doesExist([id, n])) return n === 1 && !fresh ? this.#afterLast(id) : n
    return this.#afterLast(id)
  }

  #afterLast(id: string): number {
    const { start, end } = under(id)
    const last = firstKey(this.#entries, { start: end, end: start, reverse: true })
    return (last?.[1] ?? 0) + 1
  }

  /**
   * Forgets what is older than `before`; resolves to how many went. Queue ids begin with their time, so the oldest come first, and the first
   * young entry ends the sweep, unless its message is old: what comes back late is noted there, and is stepped over.
   */
  async sweep(before: number): Promise<number> {
    const firstYoung = newId(before, () => 0)
    let gone = 0
    let after: TrailKey | undefined
    do {
      const place = after
      const step = await this.#env.write(() => this.#sweepStep(place, before, firstYoung))
      gone += step.gone
      after = step.last
    } while (after !== undefined)
    let more: boolean
    do more = await this.#env.write(() => this.#index.sweepStep(before))
    while (more)
    return gone + (await this.#trim())
  }

  /** The oldest go until the rest has room. */
  async #trim(): Promise<number> {
    const { maxBytes = Number.POSITIVE_INFINITY } = this.#bounds
    let gone = 0
    if (this.#bytes() <= maxBytes) return gone
    do {
      const step = await this.#env.write(() => this.#trimStep())
      gone += step
      if (step === 0) break
    } while (this.#bytes() > maxBytes * SPARE)
    return gone
  }

  #bytes(): number {
    return this.#env.bytesOf('trail') + this.#env.bytesOf('trail-index')
  }

  /** Whole records, with what the index has of that time. */
  #trimStep(): number {
    const next = [...this.#entries.getRange({ limit: SWEEP_STEP })]
    const last = next.at(-1)
    if (last === undefined) return 0
    const rest = [...this.#entries.getKeys({ start: last.key, exclusiveStart: true, end: under(last.key[0]).end })]
    const keys = [...next.map(({ key }) => key), ...rest]
    for (const key of keys) this.#entries.remove(key)
    this.#index.sweepStep(next.find(({ key }) => key[0] === last.key[0])?.value.at ?? 0)
    return keys.length
  }

  /** `last`: to go on after; none at the end. */
  #sweepStep(after: TrailKey | undefined, before: number, firstYoung: string) {
    const start = after === undefined ? {} : { start: after, exclusiveStart: true }
    const next = [...this.#entries.getRange({ ...start, limit: SWEEP_STEP })]
    const end = next.findIndex(({ key: [id], value }) => value.at >= before && id >= firstYoung)
    const seen = end < 0 ? next : next.slice(0, end)
    const old = seen.filter(({ value }) => value.at < before)
    for (const { key } of old) this.#entries.remove(key)
    return { gone: old.length, last: seen.length < SWEEP_STEP ? undefined : seen.at(-1)?.key }
  }
}
