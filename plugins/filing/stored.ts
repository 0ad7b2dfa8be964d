/**
 * Rules by account, kept in a table of the store: a change holds in all workers with the next message. Reading them is a look-up; what was read
 * stays at hand as long as the text is the same, so that nothing can be out of date.
 */
import type { Bus, Clock, Table } from 'posthouse/api'
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
/** News may be lost: so long an empty table is believed to be empty. */
const EMPTY_MS = 5000
const MOST_AT_HAND = 1000
const PAGE = 1000

export class StoredRules {
  readonly #table: Table
  readonly #clock: Clock
  readonly #bus: Bus
  readonly #unsubscribe: () => void
  readonly #atHand = new Map<string, readonly Rule[]>()
  #emptyUntil = 0
  #news = 0

  constructor(table: Table, clock: Clock, bus: Bus) {
    this.#table = table
    this.#clock = clock
    this.#bus = bus
    this.#unsubscribe = bus.subscribe(CHANGED, () => this.#hear())
  }

  async rulesOf(accountId: string): Promise<readonly Rule[]> {
    if (await this.#isEmpty()) return []
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

  async #isEmpty(): Promise<boolean> {
    const now = this.#clock.now()
    if (now < this.#emptyUntil) return true
    const before = this.#news
    if ((await this.#table.size()) > 0) return false
    // What was counted while the news came may be from before it.
    if (this.#news === before) this.#emptyUntil = now + EMPTY_MS
    return true
  }

  #hear(): void {
    this.#news += 1
    this.#emptyUntil = 0
  }

  async get(accountId: string): Promise<Kept | undefined> {
    const [text] = await this.#table.get([accountId])
    return text === undefined ? undefined : (JSON.parse(text) as Kept)
  }

  async *all(): AsyncGenerator<readonly [accountId: string, Kept]> {
    for (let after = ''; ; ) {
      const page = await this.#table.list('', after, PAGE)
      for (const { key, value } of page) yield [key, JSON.parse(value) as Kept]
      if (page.length < PAGE) return
      after = page.at(-1)!.key
    }
  }

  /** Durable when it resolves. No rules: nothing is kept. */
  async put(accountId: string, kept: Kept): Promise<void> {
    const value = kept.rules.length === 0 ? undefined : JSON.stringify(kept)
    await this.#table.write([{ key: accountId, value }])
    this.#hear()
    this.#bus.publish(CHANGED, accountId)
  }

  close(): void {
    this.#unsubscribe()
  }
}
