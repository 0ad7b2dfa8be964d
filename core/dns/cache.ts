/**
 * Answers kept for as long as their TTL says, bounded in number and in octets: a hundred TXT records are 800 KB.
 * Apart, so that time is an argument and the eviction rule can be seen: the map keeps insertion order, the oldest entry goes first.
 */
interface Kept<T> {
  readonly answer: T
  readonly until: number
  readonly octets: number
}

/** What an entry costs beside its text, roughly. */
const OVERHEAD = 200

export class AnswerCache<T> {
  readonly #entries = new Map<string, Kept<T>>()
  readonly #maxEntries: number
  readonly #maxOctets: number
  #octets = 0

  constructor(maxEntries: number, maxOctets = Number.POSITIVE_INFINITY) {
    this.#maxEntries = maxEntries
    this.#maxOctets = maxOctets
  }

  get(key: string, now: number): T | undefined {
    const kept = this.#entries.get(key)
    if (kept === undefined) return undefined
    if (kept.until > now) return kept.answer
    this.#drop(key, kept)
    return undefined
  }

  /** An answer larger than the whole bound is not kept. */
  put(key: string, answer: T, until: number): void {
    const there = this.#entries.get(key)
    if (there !== undefined) this.#drop(key, there)
    const octets = octetsOf(key, answer)
    if (octets > this.#maxOctets) return
    for (const [oldest, kept] of this.#entries) {
      if (this.#entries.size < this.#maxEntries && this.#octets + octets <= this.#maxOctets) break
      this.#drop(oldest, kept)
    }
    this.#entries.set(key, { answer, until, octets })
    this.#octets += octets
  }

  get size(): number {
    return this.#entries.size
  }

  get octets(): number {
    return this.#octets
  }

  #drop(key: string, { octets }: Kept<T>): void {
    this.#entries.delete(key)
    this.#octets -= octets
  }
}

function octetsOf(key: string, answer: unknown): number {
  return OVERHEAD + 2 * (key.length + JSON.stringify(answer).length)
}
