/**
 * Who is inside at the other workers, as far as they have told. A worker says who it is, how many it has, and of some networks how many;
 * the last report of a round ends it, and what the round did not name is forgotten. So is a worker that falls silent. Nothing here waits.
 */

/** What one worker says of itself. */
export interface Report {
  readonly from: string
  /** Its number among the workers, where it takes connections from others. */
  readonly worker?: number
  /** Open connections of all its doors. */
  readonly total: number
  readonly counts: readonly (readonly [network: string, count: number])[]
  /** All networks have been named since the last end. */
  readonly end: boolean
}

interface Worker {
  number: number | undefined
  heard: number
  total: number
  networks: Map<string, number>
  /** Those named since the last end. */
  named: Map<string, number>
}

/** Longer without a word than any that lives. */
const SILENT_MS = 15_000
/** More than can be; whoever says more is not one of us. */
const MAX_WORKERS = 1000
const MAX_NETWORKS = 200_000

export class Others {
  readonly #workers = new Map<string, Worker>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  get total(): number {
    let sum = 0
    for (const { total } of this.#alive()) sum += total
    return sum
  }

  of(network: string): number {
    let sum = 0
    for (const { networks } of this.#alive()) sum += networks.get(network) ?? 0
    return sum
  }

  /** Those that take connections from others; `at` is when each said so last. */
  *takers(): Iterable<{ readonly worker: number; readonly total: number; readonly at: number }> {
    for (const { number, total, heard } of this.#alive())
      if (number !== undefined) yield { worker: number, total, at: heard }
  }

  /** True when nothing was known of that worker. */
  hear({ from, worker: number, total, counts, end }: Report): boolean {
    this.#forgetSilent()
    const known = this.#workers.get(from)
    if (known === undefined && this.#workers.size >= MAX_WORKERS) return false
    const worker = known ?? { number, heard: 0, total: 0, networks: new Map(), named: new Map() }
    this.#workers.set(from, worker)
    worker.number = number
    worker.heard = this.#now()
    worker.total = total
    for (const [network, count] of counts) {
      put(worker.networks, network, count)
      put(worker.named, network, count)
    }
    if (end) {
      worker.networks = worker.named
      worker.named = new Map()
    }
    return known === undefined
  }

  forget(from: string): void {
    this.#workers.delete(from)
  }

  *#alive(): Iterable<Worker> {
    const since = this.#now() - SILENT_MS
    for (const worker of this.#workers.values()) if (worker.heard > since) yield worker
  }

  #forgetSilent(): void {
    const since = this.#now() - SILENT_MS
    for (const [from, { heard }] of this.#workers) if (heard <= since) this.#workers.delete(from)
  }
}

function put(networks: Map<string, number>, network: string, count: number): void {
  if (count === 0) networks.delete(network)
  else if (networks.has(network) || networks.size < MAX_NETWORKS) networks.set(network, count)
}
