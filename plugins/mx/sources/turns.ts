/**
 * The sources of a pool for one delivery, one after the other: drawn by weight; those whose warm-up is used up for today are passed over, and
 * those that were no address of ours a moment ago.
 * A delivery goes on to the next only when it could not go out by the one before at all.
 */
import type { Clock } from 'posthouse/api'
import { inOrder } from '../hosts.js'
import type { ForAll } from '../ledger.js'
import type { Rests } from '../rests.js'
import type { Pool, Source } from './pools.js'
import { type Leave, nextDay, type WarmUp } from './warm-up.js'

/** After midnight not everything begins in the same second. */
const SPREAD_MS = 600_000

export interface TurnParts {
  readonly warmUp: WarmUp
  readonly rests: Rests
  readonly clock: Clock
  readonly random: () => number
}

export interface Turn {
  readonly source: Source
  readonly leave: Extract<Leave, { kind: 'granted' }>
}

export class Turns {
  readonly #pool: Pool
  readonly #warmUp: WarmUp
  readonly #rests: Rests
  readonly #clock: Clock
  readonly #random: () => number
  readonly #usedUp: string[] = []
  readonly #broken: string[] = []

  constructor(pool: Pool, { warmUp, rests, clock, random }: TurnParts) {
    this.#pool = pool
    this.#warmUp = warmUp
    this.#rests = rests
    this.#clock = clock
    this.#random = random
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Turn> {
    for (const source of inOrder(this.#pool.sources, this.#random)) {
      const broken = this.#rests.of(source.says)
      if (broken !== undefined) {
        this.#broken.push(broken)
        continue
      }
      const leave = await this.#warmUp.ask(source)
      if (leave.kind === 'granted') yield { source, leave }
      else this.#usedUp.push(`${source.four ?? source.six} (${leave.limit} a day)`)
    }
  }

  /** What becomes of the mail when no source was left for it. */
  get nobody(): ForAll {
    const { name } = this.#pool
    const broken = this.#broken.join(', ')
    if (this.#usedUp.length === 0) {
      const text = `the mail cannot go out by any source of the pool "${name}": ${broken}`
      return { kind: 'deferred', status: '4.3.5', text: text.slice(0, 900) }
    }
    const text = `all sources of the pool "${name}" have sent what their warm-up allows for today: ${this.#usedUp.join(', ')}`
    // RFC 3463 §3.5: X.4.5, congestion: there is no room for it now. What is broken may be mended before tomorrow.
    if (broken !== '') return { kind: 'deferred', status: '4.4.5', text: `${text}; ${broken}`.slice(0, 900) }
    const notBefore = nextDay(this.#clock.now()) + Math.round(this.#random() * SPREAD_MS)
    return { kind: 'deferred', status: '4.4.5', text: text.slice(0, 900), notBefore, untried: true }
  }
}
