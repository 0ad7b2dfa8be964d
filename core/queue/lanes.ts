/**
 * Which jobs run, and which wait because their destination is busy. A claim may bring more jobs of one destination than may run at once; they are
 * parked here, under lease, and a lane with parked jobs is not claimed from. Never more parked than a claim's worth. No effects.
 * Destinations are lanes, or sites of several lanes: `traffic` says which, and how many at once.
 */
import type { Place } from './lane-rules.js'
import type { Lease } from './lease.js'

export interface LaneTerms {
  keyOf(place: Place): string
  /** How many jobs may run at once. */
  most(key: string, place: Place): number
  /** All lanes that are meant by a key. */
  lanesOf(key: string): Iterable<string>
}

interface Running {
  count: number
  /** One of its jobs is for here. */
  readonly place: Place
}

export class Lanes {
  readonly #concurrency: number
  readonly #terms: LaneTerms
  readonly #running = new Map<string, Running>()
  readonly #parked = new Map<string, Lease[]>()
  /** What a job was counted under: its site may become known while it runs. */
  readonly #keys = new Map<Lease, string>()
  #runningCount = 0
  #parkedCount = 0
  /** Of those that run: jobs of rows that have been tried before. What is parked for one slow destination takes no place from others. */
  #tried = 0

  constructor(concurrency: number, terms: LaneTerms) {
    this.#concurrency = concurrency
    this.#terms = terms
  }

  get running(): number {
    return this.#runningCount
  }

  /** By destination, for people. */
  get counts(): ReadonlyMap<string, Readonly<Running>> {
    return this.#running
  }

  /** How many jobs to claim now. */
  get room(): number {
    const free = this.#concurrency - this.#runningCount
    return free <= 0 ? 0 : Math.max(1, Math.min(free, this.#concurrency - this.#parkedCount))
  }

  /**
   * A quarter of the places is kept for mail that was never tried, and a quarter for mail that was: after an outage a million rows are due at
   * once, and neither may new mail wait for them, nor they for an hour without new mail.
   */
  get shares(): { readonly mostTried: number; readonly leastTried: number } {
    return {
      mostTried: Math.max(0, this.#concurrency - this.#kept - this.#tried),
      leastTried: Math.max(0, this.#kept - this.#tried),
    }
  }

  get #kept(): number {
    return this.#concurrency < 2 ? 0 : Math.max(1, Math.floor(this.#concurrency / 4))
  }

  /** Lanes not to be claimed from. */
  get busy(): Set<string> {
    const lanes = new Set<string>()
    const add = (key: string) => {
      for (const lane of this.#terms.lanesOf(key)) lanes.add(lane)
    }
    for (const [key, running] of this.#running) if (this.#isFull(key, running)) add(key)
    for (const key of this.#parked.keys()) add(key)
    return lanes
  }

  /** Whether a job for there would have to wait. */
  isBusy(place: Place): boolean {
    const key = this.#terms.keyOf(place)
    const running = this.#running.get(key)
    return this.#parked.has(key) || (running !== undefined && this.#isFull(key, running))
  }

  /** `run` it, or it is parked; `back`: it is neither, as there are lanes of a busy site without end. */
  enter(lease: Lease): 'run' | 'parked' | 'back' {
    const place = lease.claimed.rows[0]!
    const key = this.#terms.keyOf(place)
    const running = this.#running.get(key) ?? { count: 0, place }
    if (!this.#isFull(key, running) && this.#runningCount < this.#concurrency) {
      running.count += 1
      this.#running.set(key, running)
      this.#keys.set(lease, key)
      this.#runningCount += 1
      this.#tried += triedOf(lease)
      return 'run'
    }
    if (this.#parkedCount >= this.#concurrency) return 'back'
    const list = this.#parked.get(key)
    if (list === undefined) this.#parked.set(key, [lease])
    else list.push(lease)
    this.#parkedCount += 1
    return 'parked'
  }

  leave(lease: Lease): void {
    const key = this.#keys.get(lease)
    if (key === undefined) return
    this.#keys.delete(lease)
    const running = this.#running.get(key)
    if (running !== undefined) running.count -= 1
    if (running?.count === 0) this.#running.delete(key)
    this.#runningCount -= 1
    this.#tried -= triedOf(lease)
  }

  /** Takes a parked job that may run now; the caller enters it again. */
  unpark(): Lease | undefined {
    if (this.#runningCount >= this.#concurrency) return undefined
    const fullOfTried = this.#tried >= this.#concurrency - this.#kept
    for (const [key, list] of this.#parked) {
      // Were claims held to their share and this were not, the places kept for new mail would go to what was parked.
      if (fullOfTried && list[0] !== undefined && triedOf(list[0]) === 1) continue
      const running = this.#running.get(key)
      if (running === undefined || !this.#isFull(key, running)) return this.#take(key, list)
    }
    return undefined
  }

  /** Takes what is parked and fits, for giving back. */
  takeParked(fits: (lease: Lease) => boolean): readonly Lease[] {
    const taken: Lease[] = []
    for (const [key, list] of this.#parked) {
      taken.push(...list.filter(fits))
      const left = list.filter(lease => !taken.includes(lease))
      if (left.length === 0) this.#parked.delete(key)
      else this.#parked.set(key, left)
    }
    this.#parkedCount -= taken.length
    return taken
  }

  /** Takes all that is parked, for giving back. */
  clear(): readonly Lease[] {
    return this.takeParked(() => true)
  }

  #isFull(key: string, { count, place }: Running): boolean {
    return count >= this.#terms.most(key, place)
  }

  #take(key: string, list: Lease[]): Lease | undefined {
    const lease = list.shift()
    this.#parkedCount -= 1
    if (list.length === 0) this.#parked.delete(key)
    return lease
  }
}

/** 1 for a job whose first row has been tried before. */
function triedOf(lease: Lease): 0 | 1 {
  return lease.claimed.rows[0]!.tries > 0 ? 1 : 0
}
