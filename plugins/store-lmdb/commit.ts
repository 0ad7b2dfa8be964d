/**
 * The changes of one commit: each is all or nothing for itself, and those that are made are on disk together. Whoever asks for a change while
 * the commit waits for its turn has it made in this one.
 */
import type { Summed } from './sums.js'

type Made = { readonly kind: 'made'; readonly result: unknown } | { readonly kind: 'undone'; readonly error: unknown }

/** Runs a change as a transaction within the one under way; what it throws undoes it. */
export type Nested = (change: () => unknown) => unknown

export class Commit {
  /** Resolves when it is on disk. */
  onDisk: Promise<void> = Promise.resolve()
  /** How many of its changes somebody waits for. */
  urgent = 0
  readonly #changes: { readonly change: () => unknown; made?: Made }[] = []

  /** The result, to be asked for when all is on disk; throws what the change has thrown. */
  add<T>(change: () => T): () => T {
    const entry: { readonly change: () => T; made?: Made } = { change }
    this.#changes.push(entry)
    return () => {
      if (entry.made?.kind === 'undone') throw entry.made.error
      return entry.made?.result as T
    }
  }

  /** Inside the transaction. What it throws itself undoes all of them. */
  make(nested: Nested, sums: Iterable<Summed>): void {
    if (!this.#together(nested, sums)) this.#apart(nested, sums)
    try {
      for (const one of sums) one.write()
    } catch (error) {
      // Nothing of it may come back with the next commit.
      for (const one of sums) one.forget()
      throw error
    }
  }

  /**
   * All of them as one: a transaction of its own for each costs a tenth of the change, and hardly any throws. False: one has, nothing is made,
   * and each has to be made for itself. So a change is run twice now and then, the second time on the same data as the first.
   */
  #together(nested: Nested, sums: Iterable<Summed>): boolean {
    if (this.#changes.length === 1) return false
    try {
      nested(() => {
        for (const entry of this.#changes) {
          entry.made = { kind: 'made', result: entry.change() }
          for (const one of sums) one.keep()
        }
      })
      return true
    } catch {
      for (const one of sums) one.forget()
      return false
    }
  }

  #apart(nested: Nested, sums: Iterable<Summed>): void {
    for (const entry of this.#changes) {
      try {
        entry.made = { kind: 'made', result: nested(entry.change) }
        for (const one of sums) one.keep()
      } catch (error) {
        entry.made = { kind: 'undone', error }
        for (const one of sums) one.drop()
      }
    }
  }
}
