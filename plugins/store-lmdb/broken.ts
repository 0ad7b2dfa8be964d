/**
 * What could not be read and was put aside, with a copy of its octets: for people, and for whoever knows how to mend it. It is never
 * cleared by itself, for each entry is mail that somebody still waits for. Writes belong inside a write.
 */
import type { Database } from 'lmdb'
import type { BrokenRow } from 'posthouse/api'
import { newId } from 'posthouse/text'
import type { Environment } from './environment.js'

/** As it lies in the store. */
export interface Kept extends BrokenRow {
  /** The database it was in. */
  readonly from: string
  /** The first of them. */
  readonly octets?: Buffer
  /** How many there were. */
  readonly size: number
}

export const MOST_LISTED = 10_000
const MOST_OCTETS = 64 * 1024

export class Broken {
  /** By an id that sorts by time. */
  readonly #kept: Database<Kept, string>

  constructor(env: Environment) {
    this.#kept = env.database('broken')
  }

  put(from: string, what: BrokenRow, octets: Buffer | undefined): void {
    const copy = octets === undefined ? {} : { octets: Buffer.from(octets.subarray(0, MOST_OCTETS)) }
    this.#kept.put(newId(what.at), { ...what, from, ...copy, size: octets?.length ?? 0 })
  }

  list(): readonly BrokenRow[] {
    return [...this.#kept.getRange({ limit: MOST_LISTED })].map(({ value: { id, row, at, why } }) => ({
      id,
      ...(row === undefined ? {} : { row }),
      at,
      why,
    }))
  }

  get count(): number {
    return (this.#kept.getStats() as { readonly entryCount: number }).entryCount
  }
}
