/**
 * Rules by account, kept in a table of the store: a change holds in all workers with the next message. Reading them is a look-up; what was read
 * stays at hand as long as the text is the same, so that nothing can be out of date.
 */
import { type Bus, type Clock, type Table, WatchedTable } from 'posthouse/api'
import { readRules } from './read.js'
import type { Given, Rule } from './rule.js'

export interface Kept {
  readonly rules: readonly Given[]
  readonly by: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

export const MAX_KEPT_BYTES = 32 * 1024
const CHANGED = 'filing-rules'
const MOST_AT_HAND = 1000

export class StoredRules {
  readonly #table: WatchedTable
  readonly #atHand = new Map<string, readonly Rule[]>()

  constructor(table: Table, clock: Clock, bus: Bus) {
    this.#table = new WatchedTable(table, CHANGED, { clock, bus })
  }

  async rulesOf(accountId: string): Promise<readonly Rule[]> {
    const [text] = await this.#table.get([accountId])
    if (text === undefined) return []
    const known = this.#atHand.get(text)
    if (known !== undefined) return known
    const read = readRules((JSON.parse(text) as Kept).rules)
    if (read.kind === 'faults') throw new Error(`rules of ${accountId} cannot be read: ${read.faults[0]}`)
    if (this.#atHand.size >= MOST_AT_HAND) this.#atHand.delete(this.#atHand.keys().next().value!)
    this.#atHand.set(text, read.rules)
    return read.rules
  }

  async get(accountId: string): Promise<Kept | undefined> {
    const text = await this.#table.read(accountId)
    return text === undefined ? undefined : (JSON.parse(text) as Kept)
  }

  async *all(): AsyncGenerator<readonly [accountId: string, Kept]> {
    for await (const { key, value } of this.#table.all()) yield [key, JSON.parse(value) as Kept]
  }

  /** Durable when it resolves. No rules: nothing is kept. */
  put(accountId: string, kept: Kept): Promise<void> {
    return this.#table.put(accountId, kept.rules.length === 0 ? undefined : JSON.stringify(kept))
  }

  close(): void {
    this.#table.close()
  }
}
