/**
 * What an account's own teaching adds for its own mail, for the accounts seen last: read from the journal once, and kept up from then on. It is the sum of
 * what the journal knows, and not of what the table holds by now: what others have written is heard later, and would count twice.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import type { Table } from 'posthouse/api'
import { amountOf, type Entry, readEntry, type Standing, teacherOf } from './entry.js'
import type { Tokens } from './tokens/sink.js'
import { TaughtWeights } from './weights.js'

/** Room for a few hundred mails, folded. */
export const OWN_SIZE = 65_536
const KEPT = 24
/** Read without a pause for others: some milliseconds. */
const PAGE = 25

export interface Known extends Standing {
  /** Nothing any more. */
  readonly gone: boolean
}

/** What the journal knows. */
export interface Knowing {
  /** What an entry counts by now. */
  known(key: string): Known | undefined
  /** Entries that may not be in the table yet. */
  unwritten(): Iterable<readonly [string, Entry]>
}

interface Own {
  readonly loading: Promise<TaughtWeights>
  /** Once it is read. */
  weights?: TaughtWeights
}

export class OwnWeights {
  readonly #table: Table
  readonly #journal: Knowing
  /** By what all keys of a teacher begin with. */
  readonly #kept = new Map<string, Own>()

  constructor(table: Table, journal: Knowing) {
    this.#table = table
    this.#journal = journal
  }

  of(teacher: string, hasTaught: boolean): Promise<TaughtWeights> {
    const own = this.#kept.get(teacher) ?? this.#begin(teacher, hasTaught)
    this.#kept.delete(teacher)
    this.#kept.set(teacher, own)
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value!)
    return own.loading
  }

  #begin(teacher: string, hasTaught: boolean): Own {
    const waiting = new Map([...this.#journal.unwritten()].filter(([key]) => teacherOf(key) === teacher))
    const own: Own = { loading: this.#load(hasTaught ? teacher : undefined, waiting) }
    own.loading.then(
      weights => {
        own.weights = weights
      },
      () => this.#kept.delete(teacher),
    )
    return own
  }

  async #load(teacher: string | undefined, waiting: ReadonlyMap<string, Entry>): Promise<TaughtWeights> {
    const weights = new TaughtWeights(OWN_SIZE)
    const add = (key: string, entry: Entry | undefined) => {
      const known = this.#journal.known(key)
      if (entry === undefined || known === undefined || known.gone) return
      weights.add(entry.tokens, amountOf(known.label, known.own))
    }
    for (const [key, entry] of waiting) add(key, entry)
    for (let after = teacher; teacher !== undefined; ) {
      const page = await this.#table.list(teacher, after, PAGE)
      for (const { key, value } of page) if (!waiting.has(key)) add(key, readEntry(value))
      if (page.length < PAGE) break
      after = page.at(-1)!.key
      await breathe()
    }
    return weights
  }

  /** An entry counts differently now. */
  count(key: string, tokens: Tokens, before: Known | undefined, now: Known): void {
    const teacher = teacherOf(key)
    const own = this.#kept.get(teacher)
    // While it is being read nobody knows whether this is in it.
    if (own?.weights === undefined) return void this.#kept.delete(teacher)
    if (before !== undefined && !before.gone) own.weights.add(tokens, -amountOf(before.label, before.own))
    if (!now.gone) own.weights.add(tokens, amountOf(now.label, now.own))
  }

  clear(): void {
    this.#kept.clear()
  }
}
