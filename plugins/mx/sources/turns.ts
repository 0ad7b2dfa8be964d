/**
 * The sources of a pool for one delivery, one after the other: drawn by weight, and those whose warm-up is used up for today passed over.
 * A delivery goes on to the next only when it could not go out by the one before at all.
 */
import type { Clock } from 'posthouse/api'
import { inOrder } from '../hosts.js'
import type { ForAll } from '../ledger.js'
import type { Pool, Source } from './pools.js'
import { type Leave, nextDay, type WarmUp } from './warm-up.js'

/** After midnight not everything begins in the same second. */
const SPREAD_MS = 600_000

export interface Turn {
  readonly source: Source
  readonly leave: Extract<Leave, { kind: 'granted' }>
}

export class Turns {
  readonly #pool: Pool
  readonly #warmUp: WarmUp
  readonly #clock: Clock
  readonly #random: () => number
  readonly #usedUp: string[] = []

  constructor(pool: Pool, { warmUp, clock, random }: { warmUp: WarmUp; clock: Clock; random: () => number }) {
    this.#pool = pool
    this.#warmUp = warmUp
    this.#clock = clock
    this.#random = random
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Turn> {
    for (const source of inOrder(this.#pool.sources, this.#random)) {
      const leave = await this.#warmUp.ask(source)
      if (leave.kind === 'granted') yield { source, leave }
      else this.#usedUp.push(`${source.four ?? source.six} (${leave.limit} a day)`)
    }
  }

  /** What becomes of the mail when no source was left for it. */
  get nobody(): ForAll {
    const { name, sources } = this.#pool
    if (this.#usedUp.length < sources.length)
      return { kind: 'deferred', status: '4.3.5', text: `the mail cannot go out by any source of the pool "${name}"` }
    const text = `all sources of the pool "${name}" have sent what their warm-up allows for today: ${this.#usedUp.join(', ')}`
    const notBefore = nextDay(this.#clock.now()) + Math.round(this.#random() * SPREAD_MS)
    // RFC 3463 §3.5: X.4.5, congestion: there is no room for it now.
    return { kind: 'deferred', status: '4.4.5', text: text.slice(0, 900), notBefore }
  }
}
