/**
 * Which jobs run, and which wait because their lane is busy. A claim may bring more jobs of one lane than may run at once; they are
 * parked here, under lease, and a lane with parked jobs is not claimed from. Never more parked than a claim's worth. No effects.
 */
import { laneKey } from './job.js'
import type { Lease } from './lease.js'

export class Lanes {
  readonly #concurrency: number
  readonly #perLane: number
  readonly #running = new Map<string, number>()
  readonly #parked = new Map<string, Lease[]>()
  #runningCount = 0
  #parkedCount = 0

  constructor(concurrency: number, perLane: number) {
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

  /** Lanes not to be claimed from. */
  get busy(): ReadonlySet<string> {
    const full = [...this.#running].filter(([, count]) => count >= this.#perLane).map(([lane]) => lane)
    return new Set([...full, ...this.#parked.keys()])
  }

  /** True: run it. False: it is parked. */
  enter(lease: Lease): boolean {
    const lane = laneOf(lease)
    const running = this.#running.get(lane) ?? 0
    if (running < this.#perLane && this.#runningCount < this.#concurrency) {
      this.#running.set(lane, running + 1)
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
    const running = (this.#running.get(lane) ?? 1) - 1
    if (running === 0) this.#running.delete(lane)
    else this.#running.set(lane, running)
    this.#runningCount -= 1
  }

  /** Takes a parked job that may run now; the caller enters it again. */
  unpark(): Lease | undefined {
    if (this.#runningCount >= this.#concurrency) return undefined
    for (const [lane, list] of this.#parked) {
      if ((this.#running.get(lane) ?? 0) < this.#perLane) return this.#take(lane, list)
    }
    return undefined
  }

  /** Takes all that is parked, for giving back. */
  clear(): readonly Lease[] {
    const all = [...this.#parked.values()].flat()
    this.#parked.clear()
    this.#parkedCount = 0
    return all
  }

  #take(lane: string, list: Lease[]): Lease | undefined {
    const lease = list.shift()
    this.#parkedCount -= 1
    if (list.length === 0) this.#parked.delete(lane)
    return lease
  }
}

function laneOf(lease: Lease): string {
  return laneKey(lease.claimed.rows[0]!)
}
