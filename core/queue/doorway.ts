/**
 * Mail that is being accepted and waits a moment for a place among the deliveries. While places come free faster than a claim is made, a
 * short wait is cheaper than a way through the queue; and who brings more than goes out is slowed down by it. No effects but its timers.
 */

/** Nobody was let in for so long: places do not come free faster than claims are made. */
const STALL_MS = 100
/** Longest wait of one. */
const LONGEST_MS = 500
/** After a wait that was in vain nobody waits for so long. */
const HURRY_MS = 1000

interface Waiting<K, P> {
  readonly key: K
  readonly since: number
  resolve(place: P | undefined): void
}

export class Doorway<K, P> {
  readonly #most: number
  readonly #now: () => number
  readonly #waiting = new Set<Waiting<K, P>>()
  #hurryUntil = Number.NEGATIVE_INFINITY
  #stalled: NodeJS.Timeout | undefined

  /** `most` may wait at a time. */
  constructor(most: number, now: () => number) {
    this.#most = most
    this.#now = now
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Resolves to nothing when none came free in time; nothing at once when a wait is of no use. */
  wait(key: K): Promise<P | undefined> | undefined {
    const since = this.#now()
    if (this.#waiting.size >= this.#most || since < this.#hurryUntil) return undefined
    if (this.#stalled === undefined) this.#watch()
    return new Promise(resolve => this.#waiting.add({ key, since, resolve }))
  }

  /** Something came free: whoever is given a place by `give` goes on, in their order. */
  open(give: (key: K) => P | undefined): void {
    const before = this.#waiting.size
    for (const one of this.#waiting) {
      const place = give(one.key)
      if (place !== undefined) this.#release(one, place)
    }
    if (this.#waiting.size < before) this.#watch()
    const [oldest] = this.#waiting
    if (oldest === undefined) this.close()
    else if (this.#now() - oldest.since > LONGEST_MS) this.#inVain()
  }

  /** All go on without a place. */
  close(): void {
    clearTimeout(this.#stalled)
    this.#stalled = undefined
    for (const one of this.#waiting) this.#release(one, undefined)
  }

  #watch(): void {
    clearTimeout(this.#stalled)
    this.#stalled = setTimeout(() => this.#inVain(), STALL_MS)
  }

  #inVain(): void {
    this.#hurryUntil = this.#now() + HURRY_MS
    this.close()
  }

  #release(one: Waiting<K, P>, place: P | undefined): void {
    this.#waiting.delete(one)
    one.resolve(place)
  }
}
