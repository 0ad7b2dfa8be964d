/**
 * Ends work that takes too long, or that must end because the server stops. Every attempt is given a signal of its own; one clock and one listener
 * for the stop serve all that are under way, and a signal that never fired and that nobody listens to or follows any more is given to the next: making one,
 * listening and setting a timer for each attempt cost more than what they are for.
 */
import { getEventListeners } from 'node:events'
import { isFollowed } from '../pipeline/followers.js'

/** Work that ignores its signal is left behind after this. */
const GRACE_MS = 5000
/** Signals kept for the next. */
const MOST_SPARE = 100

interface Work {
  readonly until: number
  readonly controller: AbortController
  leave(): void
  grace?: NodeJS.Timeout
}

export class Limits {
  readonly #ms: number
  /** The oldest first, so that its time is over first. */
  readonly #all = new Set<Work>()
  /** By the signal that ends them all. */
  readonly #byStop = new WeakMap<AbortSignal, Set<Work>>()
  readonly #spare: AbortController[] = []
  #clock: NodeJS.Timeout | undefined

  /** `ms`: the longest that work may take. */
  constructor(ms: number) {
    this.#ms = ms
  }

  /** Runs `work` with a signal that fires at the time limit or with `stop`; what ignores it is left behind a little later. */
  within<T>(stop: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = this.#spare.pop() ?? new AbortController()
    const group = this.#groupOf(stop)
    return new Promise<T>((resolve, reject) => {
      const end = () => this.#end(work, group)
      const leave = () => {
        end()
        reject(new Error('the target does not heed its signal'))
      }
      const work: Work = { until: performance.now() + this.#ms, controller, leave }
      this.#all.add(work)
      group.add(work)
      this.#watch()
      if (stop.aborted) cut(work)
      run(controller.signal).finally(end).then(resolve, reject)
    })
  }

  #groupOf(stop: AbortSignal): Set<Work> {
    const known = this.#byStop.get(stop)
    if (known !== undefined) return known
    const group = new Set<Work>()
    this.#byStop.set(stop, group)
    stop.addEventListener('abort', () => group.forEach(cut), { once: true })
    return group
  }

  #end(work: Work, group: Set<Work>): void {
    this.#all.delete(work)
    group.delete(work)
    clearTimeout(work.grace)
    // A clock that nobody needs keeps no process alive.
    if (this.#all.size === 0) this.#clock?.unref()
    if (isFree(work.controller.signal) && this.#spare.length < MOST_SPARE) this.#spare.push(work.controller)
  }

  #watch(): void {
    if (this.#clock === undefined) this.#wind(this.#ms)
    else if (this.#all.size === 1) this.#clock.ref()
  }

  #wind(ms: number): void {
    this.#clock = setTimeout(() => this.#look(), ms)
  }

  #look(): void {
    this.#clock = undefined
    const now = performance.now()
    for (const work of this.#all) {
      if (work.controller.signal.aborted) continue
      // A timer may ring a moment early.
      if (work.until - now > 1) {
        this.#wind(work.until - now)
        return
      }
      cut(work)
    }
  }
}

/** What follows it would fire with the next attempt. */
function isFree(signal: AbortSignal): boolean {
  return !signal.aborted && !isFollowed(signal) && getEventListeners(signal, 'abort').length === 0
}

function cut(work: Work): void {
  if (work.grace !== undefined) return
  work.grace = setTimeout(() => work.leave(), GRACE_MS)
  work.controller.abort()
}
