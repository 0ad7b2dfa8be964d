/**
 * Answers kept for as long as their TTL says, bounded in number.
 * Apart, so that time is an argument and the eviction rule can be seen: the map keeps insertion order, the oldest entry goes first.
 */
interface Kept {
  readonly answer: readonly unknown[]
  readonly until: number
}

export class AnswerCache {
  readonly #entries = new Map<string, Kept>()
  readonly #maxEntries: number

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }

  get(key: string, now: number): readonly unknown[] | undefined {
    const kept = this.#entries.get(key)
    if (kept === undefined) return undefined
    if (kept.until > now) return kept.answer
    this.#entries.delete(key)
    return undefined
  }

  put(key: string, answer: readonly unknown[], until: number): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.#maxEntries) {
      const oldest = this.#entries.keys().next()
      if (!oldest.done) this.#entries.delete(oldest.value)
    }
    this.#entries.set(key, { answer, until })
  }

  get size(): number {
    return this.#entries.size
  }
}
