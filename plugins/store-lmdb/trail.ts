/** The decision records: one entry per key, in the order they came, kept for a while. `note` belongs inside a write. */
import type { Database } from 'lmdb'
import type { Trail, TrailEntry } from 'posthouse/api'
import { newId } from 'posthouse/text'
import { type Environment, firstKey } from './environment.js'
import { checkQueueId, isQueueId, under } from './keys.js'

type TrailKey = [id: string, n: number]
type TrailRecord = Omit<TrailEntry, 'id'>

const SWEEP_STEP = 500
const FEW = 5

export class LmdbTrail implements Trail {
  readonly #env: Environment
  readonly #entries: Database<TrailRecord, TrailKey>

  constructor(env: Environment) {
    this.#env = env
    this.#entries = env.database('trail')
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

  check(entries: readonly TrailEntry[]): void {
    for (const { id } of entries) checkQueueId(id)
  }

  /** `fresh`: a message of which nothing was noted before. */
  note(entries: readonly TrailEntry[], fresh?: string): void {
    for (const { id, ...entry } of entries) this.#entries.put([id, this.#next(id, id === fresh)], entry)
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
    return gone
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
