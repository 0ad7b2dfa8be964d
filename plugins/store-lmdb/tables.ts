/**
 * Tables of plugins, in an environment of their own: a long import never makes mail wait. It is opened when somebody wants a table, and most
 * installs have none.
 */
import { MAX_TABLE_KEY, type Table, type TableChange, type TableEntry, type Tables } from 'posthouse/api'
import type { Environment } from './environment.js'
import { openEnvironment } from './environments.js'

export interface LmdbTablesOptions {
  readonly path: string
  readonly mapBytes: number
  /** Told once, when the file is open. */
  readonly opened?: (path: string) => void
}

const DEFAULT_MOST = 1000

export class LmdbTables implements Tables {
  readonly #options: LmdbTablesOptions
  readonly #tables = new Map<string, LmdbTable>()
  #env: Environment | undefined

  constructor(options: LmdbTablesOptions) {
    this.#options = options
  }

  table(name: string): Table {
    const known = this.#tables.get(name)
    if (known !== undefined) return known
    const table = new LmdbTable(this.environment(), name)
    this.#tables.set(name, table)
    return table
  }

  environment(): Environment {
    if (this.#env !== undefined) return this.#env
    const { path, mapBytes, opened } = this.#options
    this.#env = openEnvironment({ path, mapBytes, kind: 'tables', version: 1 })
    opened?.(path)
    return this.#env
  }

  /** Resolves when all of it is on disk. */
  async close(): Promise<void> {
    await this.#env?.quiet()
  }
}

class LmdbTable implements Table {
  readonly #env: Environment
  readonly #db: ReturnType<typeof Environment.prototype.database<string, string>>

  constructor(env: Environment, name: string) {
    this.#env = env
    this.#db = env.database<string, string>(name)
  }

  async get(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    this.#env.refresh()
    return keys.map(key => this.#db.get(key))
  }

  async list(prefix: string, after = '', most = DEFAULT_MOST): Promise<readonly TableEntry[]> {
    this.#env.refresh()
    const start = after > prefix ? after : prefix
    const found: TableEntry[] = []
    for (const { key, value } of this.#db.getRange({ start })) {
      if (found.length >= most || !key.startsWith(prefix)) break
      if (key !== after) found.push({ key, value })
    }
    return found
  }

  async write(changes: readonly TableChange[]): Promise<void> {
    for (const { key } of changes) mustFit(key)
    await this.#env.write(() => {
      for (const { key, value } of changes) {
        if (value === undefined) this.#db.removeSync(key)
        else this.#db.putSync(key, value)
      }
    })
  }

  async size(): Promise<number> {
    this.#env.refresh()
    return (this.#db.getStats() as { readonly entryCount: number }).entryCount
  }
}

function mustFit(key: string): void {
  const octets = Buffer.byteLength(key)
  if (octets === 0 || octets > MAX_TABLE_KEY)
    throw new RangeError(`a key has 1 to ${MAX_TABLE_KEY} octets, not ${octets}`)
}
