/**
 * Aliases that are kept by command (`posthouse alias`): a table in the store, so that a change holds in all workers at once and without a
 * restart. Looking one up is a read; while there are none, not even that.
 */
import type { Bus, Clock, Table } from 'posthouse/api'
import { type AddressParts, parseAddress } from 'posthouse/text'
import type { AliasSource, Found } from './found.js'
import { type AliasTarget, addressFrom, readTarget, writtenTarget } from './target.js'

export interface StoredAlias {
  /** The key: in lower case. */
  readonly name: string
  readonly targets: readonly string[]
  readonly by: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

export const BY_COMMAND = 'command'
const CHANGED = 'mda-aliases'
/** News may be lost: so long an empty table is believed to be empty. */
const EMPTY_MS = 5000
export const MOST_ALIASES = 1_000_000
const PAGE = 1000

export class StoredAliases implements AliasSource {
  readonly #table: Table
  readonly #clock: Clock
  readonly #bus: Bus
  readonly #unsubscribe: () => void
  #emptyUntil = 0
  /** How often it may have become other than empty. */
  #news = 0

  constructor(table: Table, clock: Clock, bus: Bus) {
    this.#table = table
    this.#clock = clock
    this.#bus = bus
    this.#unsubscribe = bus.subscribe(CHANGED, () => this.#hear())
  }

  async lookUp(keys: readonly string[], asked: AddressParts): Promise<Found | undefined> {
    if (await this.#isEmpty()) return undefined
    const values = await this.#table.get(keys)
    const at = values.findIndex(value => value !== undefined)
    if (at < 0) return undefined
    const { name, targets } = aliasOf(keys[at]!, values[at]!)
    const addresses = targets.map(text => readTarget(text)).filter((one): one is AliasTarget => one !== undefined)
    return {
      name,
      targets: addresses.map(target => addressFrom(target, asked)).filter(one => one !== undefined),
      origin: BY_COMMAND,
    }
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

  async get(key: string): Promise<StoredAlias | undefined> {
    const [value] = await this.#table.get([key])
    return value === undefined ? undefined : aliasOf(key, value)
  }

  async *all(): AsyncGenerator<StoredAlias> {
    let after = ''
    for (;;) {
      const page = await this.#table.list('', after, PAGE)
      for (const { key, value } of page) yield aliasOf(key, value)
      if (page.length < PAGE) return
      after = page.at(-1)!.key
    }
  }

  size(): Promise<number> {
    return this.#table.size()
  }

  /** Durable when it resolves. Replaces one of the same name. */
  async put({ name, targets, by, at }: StoredAlias): Promise<void> {
    await this.#table.write([{ key: name, value: JSON.stringify({ targets, by, at }) }])
    this.#hear()
    this.#bus.publish(CHANGED, name)
  }

  async remove(name: string): Promise<void> {
    await this.#table.write([{ key: name, value: undefined }])
    this.#bus.publish(CHANGED, name)
  }

  close(): void {
    this.#unsubscribe()
  }
}

function aliasOf(name: string, value: string): StoredAlias {
  return { name, ...(JSON.parse(value) as Omit<StoredAlias, 'name'>) }
}

/** As it is kept: `undefined` when it is neither an address nor a name. */
export function keptTarget(text: string): string | undefined {
  const target = readTarget(text)
  if (target === undefined) return undefined
  return target.domain === undefined ? writtenTarget(target) : parseAddress(text) && text
}
