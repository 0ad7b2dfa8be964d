/** The decision records: one entry per key, in the order they came, kept for a while. `note` belongs inside a write. */
import type { Database } from 'lmdb'
import type { Trail, TrailEntry } from 'posthouse/api'
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
   * Forgets what is older than `before`. Queue ids begin with their time, so the oldest come first, and the first young entry ends the
   * sweep. Resolves to how many went.
   */
  async sweep(before: number): Promise<number> {
    let gone = 0
    for (;;) {
      const step = await this.#env.write(() => {
        const oldest = [...this.#entries.getRange({ limit: SWEEP_STEP })]
        const young = oldest.findIndex(({ value }) => value.at >= before)
        const old = young < 0 ? oldest : oldest.slice(0, young)
        for (const { key } of old) this.#entries.remove(key)
        return old.length
      })
      gone += step
      if (step < SWEEP_STEP) return gone
    }
  }
}
