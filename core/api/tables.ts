/**
 * Tables of plugins (service `tables`): small records by key that are kept for good, unlike those of the state, which expires and is bounded. A
 * distributed store can supply it as well. The suite in `test/contracts/tables.ts` says what every backend promises.
 */
export interface TableEntry {
  readonly key: string
  readonly value: string
}

export interface TableChange {
  /** At most `MAX_TABLE_KEY` octets, and not empty. */
  readonly key: string
  /** `undefined`: the key goes. */
  readonly value: string | undefined
}

export interface Table {
  /** What stands under each key now, whichever process has written it. */
  get(keys: readonly string[]): Promise<readonly (string | undefined)[]>
  /** Keys with this beginning that come after `after`, in order of their octets; at most `most` (default 1,000). */
  list(prefix: string, after?: string, most?: number): Promise<readonly TableEntry[]>
  /** All of it or nothing; on disk when it resolves. */
  write(changes: readonly TableChange[]): Promise<void>
  /** How many keys there are. */
  size(): Promise<number>
}

export interface Tables {
  /** The same table for the same name, which is the plugin's with something behind it: `local-list`. */
  table(name: string): Table
}

/** Octets of a key. */
export const MAX_TABLE_KEY = 1000
