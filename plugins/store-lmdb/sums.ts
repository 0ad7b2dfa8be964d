/**
 * Numbers that many changes add to, and records that many of them change, written once for all changes of a commit: reading, decoding, encoding and
 * writing a counter for each change costs more than the change. What an undone change has added is forgotten with it.
 */

/** What an environment tells those who sum up: each within the transaction. */
export interface Summed {
  /** The change under way is made: what it added counts. */
  keep(): void
  /** It is undone. */
  drop(): void
  /** All changes of this transaction are undone. */
  forget(): void
  /** No change follows in this transaction. Where one of them throws, all are told to forget. */
  write(): void
}

export class Sums<V> implements Summed {
  readonly #plus: (a: V, b: V) => V
  readonly #put: (key: string, sum: V) => void
  /** Of changes that are made, and of the one under way. */
  readonly #kept = new Map<string, V>()
  readonly #own = new Map<string, V>()
  #anew = false

  constructor(plus: (a: V, b: V) => V, put: (key: string, sum: V) => void) {
    this.#plus = plus
    this.#put = put
  }

  add(key: string, value: V): void {
    this.#addTo(this.#own, key, value)
  }

  /** What is not written yet. */
  pending(key: string): V | undefined {
    const own = this.#own.get(key)
    const kept = this.#anew ? undefined : this.#kept.get(key)
    return own === undefined || kept === undefined ? (own ?? kept) : this.#plus(kept, own)
  }

  /** The change under way has counted everything anew: what was added before is in it. */
  restart(): void {
    this.#own.clear()
    this.#anew = true
  }

  keep(): void {
    if (this.#anew) this.#kept.clear()
    if (this.#own.size > 0) for (const [key, value] of this.#own) this.#addTo(this.#kept, key, value)
    this.drop()
  }

  drop(): void {
    if (this.#own.size > 0) this.#own.clear()
    this.#anew = false
  }

  forget(): void {
    this.drop()
    this.#kept.clear()
  }

  write(): void {
    if (this.#kept.size === 0) return
    for (const [key, sum] of this.#kept) this.#put(key, sum)
    this.#kept.clear()
  }

  #addTo(sums: Map<string, V>, key: string, value: V): void {
    const there = sums.get(key)
    sums.set(key, there === undefined ? value : this.#plus(there, value))
  }
}
