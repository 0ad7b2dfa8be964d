/**
 * Aliases that are kept by command (`posthouse alias`): a table in the store, so that a change holds in all workers at once and without a
 * restart. Looking one up is a read; while there are none, not even that.
 */
import { type Bus, type Clock, type Table, WatchedTable } from 'posthouse/api'
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
export const MOST_ALIASES = 1_000_000

export class StoredAliases implements AliasSource {
  readonly #table: WatchedTable

  constructor(table: Table, clock: Clock, bus: Bus) {
    this.#table = new WatchedTable(table, CHANGED, { clock, bus })
  }

  async lookUp(keys: readonly string[], asked: AddressParts): Promise<Found | undefined> {
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

  async get(key: string): Promise<StoredAlias | undefined> {
    const value = await this.#table.read(key)
    return value === undefined ? undefined : aliasOf(key, value)
  }

  async *all(): AsyncGenerator<StoredAlias> {
    for await (const { key, value } of this.#table.all()) yield aliasOf(key, value)
  }

  size(): Promise<number> {
    return this.#table.size()
  }

  /** Durable when it resolves. Replaces one of the same name. */
  put({ name, targets, by, at }: StoredAlias): Promise<void> {
    return this.#table.put(name, JSON.stringify({ targets, by, at }))
  }

  remove(name: string): Promise<void> {
    return this.#table.put(name, undefined)
  }

  close(): void {
    this.#table.close()
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
