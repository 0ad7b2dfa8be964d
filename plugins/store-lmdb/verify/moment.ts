/**
 * The store as it is at one moment, however long it takes to look at all of it: others go on with their work, and what they change is not seen. Meanwhile
 * the file cannot use freed pages again, so it grows by what is changed.
 */
import type { Database, Transaction } from 'lmdb'
import type { Environment } from '../environment.js'
import type { Key, KeyRange } from '../keys.js'

const STEP = 2_000

export class Moment {
  readonly #transaction: Transaction

  constructor(env: Environment) {
    this.#transaction = env.moment()
  }

  end(): void {
    this.#transaction.done()
  }

  get<V, K extends Key>(db: Database<V, K>, key: K): V | undefined {
    return db.get(key, { transaction: this.#transaction })
  }

  /** Of one mailbox or so. */
  now<V, K extends Key>(db: Database<V, K>, range: KeyRange): Iterable<{ readonly key: K; readonly value: V }> {
    return db.getRange({ ...range, transaction: this.#transaction })
  }

  /** The first key, or the first behind `after`. */
  first<K extends Key>(db: Database<unknown, K>, after?: Key): K | undefined {
    const range = after === undefined ? {} : { start: after }
    for (const key of db.getKeys({ ...range, limit: 1, transaction: this.#transaction })) return key
    return undefined
  }

  /** All there is, with others' turns between. */
  async *all<V, K extends Key>(db: Database<V, K>): AsyncGenerator<readonly { readonly key: K; readonly value: V }[]> {
    for await (const keys of this.#slices(range => [...db.getRange({ ...range, transaction: this.#transaction })]))
      yield keys
  }

  /** Only keys: values may be large. */
  async *keys<K extends Key>(db: Database<unknown, K>): AsyncGenerator<readonly K[]> {
    const read = (range: object) => [...db.getKeys({ ...range, transaction: this.#transaction })].map(key => ({ key }))
    for await (const some of this.#slices(read)) yield some.map(({ key }) => key)
  }

  async *#slices<T extends { readonly key: Key }>(read: (range: object) => T[]): AsyncGenerator<readonly T[]> {
    let last: Key | undefined
    for (;;) {
      const range = last === undefined ? {} : { start: last, exclusiveStart: true }
      const slice = read({ ...range, limit: STEP })
      if (slice.length > 0) yield slice
      if (slice.length < STEP) return
      last = slice.at(-1)!.key
      await new Promise(setImmediate)
    }
  }
}
