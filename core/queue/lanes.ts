/**
 * Which jobs run, and which wait because their lane is busy. A claim may bring more jobs of one lane than may run at once; they are
 * parked here, under lease, and a lane with parked jobs is not claimed from. Never more parked than a claim's worth. No effects.
 */
import { laneKey } from './job.js'
import type { Place } from './lane-rules.js'
import type { Lease } from './lease.js'

export class Lanes {
  readonly #concurrency: number
  readonly #perLane: (place: Place) => number
  readonly #running = new Map<string, { count: number; readonly most: number }>()
  readonly #parked = new Map<string, Lease[]>()
  #runningCount = 0
  #parkedCount = 0
  /** Of those that run or are parked: jobs of rows that have been tried before. */
  #tried = 0

  /** `perLane`: how many jobs may run at once in a lane. */
  constructor(concurrency: number, perLane: (place: Place) => number) {
    this.#concurrency = concurrency
    this.#perLane = perLane
  }

  get running(): number {
    return this.#runningCount
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
    const kept = this.#concurrency < 2 ? 0 : Math.max(1, Math.floor(this.#concurrency / 4))
    return {
      mostTried: Math.max(0, this.#concurrency - kept - this.#tried),
      leastTried: Math.max(0, kept - this.#tried),
    }
  }

  /** Lanes not to be claimed from. */
  get busy(): ReadonlySet<string> {
    const full = [...this.#running].filter(([, { count, most }]) => count >= most).map(([lane]) => lane)
    return new Set([...full, ...this.#parked.keys()])
  }

  /** True: run it. False: it is parked. */
  enter(lease: Lease): boolean {
    const lane = laneOf(lease)
    const running = this.#running.get(lane) ?? { count: 0, most: this.#perLane(lease.claimed.rows[0]!) }
    this.#tried += triedOf(lease)
    if (running.count < running.most && this.#runningCount < this.#concurrency) {
      running.count += 1
      this.#running.set(lane, running)
      this.#runningCount += 1
      return true
    }
    const list = this.#parked.get(lane)
    if (list === undefined) this.#parked.set(lane, [lease])
    else list.push(lease)
    this.#parkedCount += 1
    return false
  }

  leave(lease: Lease): void {
    const lane = laneOf(lease)
    const running = this.#running.get(lane)
    if (running !== undefined) running.count -= 1
    if (running?.count === 0) this.#running.delete(lane)
    this.#runningCount -= 1
    this.#tried -= triedOf(lease)
  }

  /** Takes a parked job that may run now; the caller enters it again. */
  unpark(): Lease | undefined {
    if (this.#runningCount >= this.#concurrency) return undefined
    for (const [lane, list] of this.#parked) {
      const running = this.#running.get(lane)
      if (running === undefined || running.count < running.most) return this.#take(lane, list)
    }
    return undefined
  }

  /** Takes what is parked and fits, for giving back. */
  takeParked(fits: (lease: Lease) => boolean): readonly Lease[] {
    const taken: Lease[] = []
    for (const [lane, list] of this.#parked) {
      taken.push(...list.filter(fits))
      const left = list.filter(lease => !taken.includes(lease))
      if (left.length === 0) this.#parked.delete(lane)
      else this.#parked.set(lane, left)
    }
    this.#parkedCount -= taken.length
    for (const lease of taken) this.#tried -= triedOf(lease)
    return taken
  }

  /** Takes all that is parked, for giving back. */
  clear(): readonly Lease[] {
    return this.takeParked(() => true)
  }

  #take(lane: string, list: Lease[]): Lease | undefined {
    const lease = list.shift()
    this.#parkedCount -= 1
    if (lease !== undefined) this.#tried -= triedOf(lease)
    if (list.length === 0) this.#parked.delete(lane)
    return lease
  }
}

function laneOf(lease: Lease): string {
  return laneKey(lease.claimed.rows[0]!)
}

/** 1 for a job whose first row has been tried before. */
function triedOf(lease: Lease): 0 | 1 {
  return lease.claimed.rows[0]!.tries > 0 ? 1 : 0
}
