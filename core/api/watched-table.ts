/**
 * A table whose changes are told to all processes. It mostly answers for mail, and on most sites nothing stands in it: that it is empty is believed for a
 * while, and no longer once somebody has told of a change. What stands in it is read anew each time.
 */
import type { Bus, Clock } from './plugin.js'
import type { Table, TableEntry } from './tables.js'

/** News may be lost: so long an empty table is believed to be empty. */
const EMPTY_MS = 5000
const PAGE = 1000

export class WatchedTable {
  readonly #table: Table
  readonly #clock: Clock
  readonly #bus: Bus
  readonly #topic: string
  readonly #unsubscribe: () => void
  #emptyUntil = 0
  #news = 0

  /** `close` must follow. */
  constructor(table: Table, topic: string, { clock, bus }: { readonly clock: Clock; readonly bus: Bus }) {
    this.#table = table
    this.#clock = clock
    this.#bus = bus
    this.#topic = topic
    this.#unsubscribe = bus.subscribe(topic, () => this.#hear())
  }

  /** What stands under each key; nothing is looked for in a table that is empty. */
  async get(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    return (await this.#isEmpty()) ? keys.map(() => undefined) : this.#table.get(keys)
  }

  /** What stands under it now, whatever is believed: for commands. */
  async read(key: string): Promise<string | undefined> {
    return (await this.#table.get([key]))[0]
  }

  /** In order of the keys. */
  async *all(): AsyncGenerator<TableEntry> {
    for (let after = ''; ; ) {
      const page = await this.#table.list('', after, PAGE)
      yield* page
      if (page.length < PAGE) return
      after = page.at(-1)!.key
    }
  }

  size(): Promise<number> {
    return this.#table.size()
  }

  /** Durable, and told, when it resolves. `undefined`: the key goes. */
  async put(key: string, value: string | undefined): Promise<void> {
    await this.#table.write([{ key, value }])
    this.#hear()
    this.#bus.publish(this.#topic, key)
  }

  close(): void {
    this.#unsubscribe()
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
}
