/**
 * Keeps log-ins that share something apart: however many connections guess at once, one waits out its delay after the other. In memory,
 * per worker: who is spread over all workers is so many times faster until the counts in State lock it.
 */
const MOST_KEYS = 10_000

export class Spacing {
  readonly #mostMs: number
  /** When the next may go; oldest use first. */
  readonly #free = new Map<string, number>()

  /** `mostMs`: nobody waits longer. */
  constructor(mostMs: number) {
    this.#mostMs = mostMs
  }

  /** How long to wait; `undefined` when too many wait already. */
  reserve(key: string, delayMs: number, now: number): number | undefined {
    if (delayMs === 0) return 0
    const at = Math.max(now, this.#free.get(key) ?? 0) + delayMs
    if (at - now > this.#mostMs) return undefined
    this.#free.delete(key)
    this.#free.set(key, at)
    if (this.#free.size > MOST_KEYS) this.#free.delete(this.#free.keys().next().value!)
    return at - now
  }
}

/** Ends early, and says so by `false`, when the signal fires. */
export function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve(false)
    const end = (whole: boolean) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', early)
      resolve(whole)
    }
    const early = () => end(false)
    const timer = setTimeout(() => end(true), ms)
    signal.addEventListener('abort', early)
  })
}
