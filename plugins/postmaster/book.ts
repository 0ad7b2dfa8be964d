/**
 * What waits for the next digest, in the state that all workers share: per kind a count, and the first lines. News about the same is
 * written once. Bounded by the number of lines, whatever happens.
 */
import { createHash } from 'node:crypto'
import type { Clock, State, StateEntry } from 'posthouse/api'
import { KINDS, type News, type NewsKind } from './news.js'

export interface BookTerms {
  readonly lines: number
  readonly keepMs: number
}

export interface Page {
  readonly kind: NewsKind
  readonly count: number
  readonly lines: readonly string[]
}

/** For a digest; `told`: when it is accepted. */
export interface Due {
  readonly pages: readonly Page[]
  told(): Promise<void>
}

interface Waiting {
  readonly kind: NewsKind
  readonly counted: number
  readonly entries: readonly StateEntry[]
}

const DIGEST_BYTES = 9
const KNOWN_BEYOND = 20

export class Book {
  readonly #state: State
  readonly #clock: Clock
  readonly #terms: BookTerms

  constructor(state: State, clock: Clock, terms: BookTerms) {
    this.#state = state
    this.#clock = clock
    this.#terms = terms
  }

  async note({ kind, says, about }: News): Promise<void> {
    const now = this.#clock.now()
    const expires = now + this.#terms.keepMs
    const key = `line/${kind}/${createHash('sha256').update(about).digest().subarray(0, DIGEST_BYTES).toString('base64url')}`
    if ((await this.#state.get(key, now)) !== undefined) return
    const count = await this.#state.add(`count/${kind}`, 1, now, expires)
    if (count <= this.#most) await this.#state.put(key, JSON.stringify({ number: count, says }), expires)
  }

  /** What waits; stays there. */
  async pages(): Promise<readonly Page[]> {
    return (await this.#waiting()).map(one => this.#pageOf(one))
  }

  /** What waits, and stays until it is told: nothing when there is none, or when somebody has had one within that time. */
  async due(everyMs: number): Promise<Due | undefined> {
    const waiting = await this.#waiting()
    if (waiting.length === 0) return undefined
    const turn = await this.#state.spend('sent', 1, { limit: 1, windowMs: everyMs }, this.#clock.now())
    if (!turn.granted) return undefined
    return { pages: waiting.map(one => this.#pageOf(one)), told: () => this.#forget(waiting) }
  }

  /** Known beyond those told, so that they are counted once too. */
  get #most(): number {
    return this.#terms.lines * KNOWN_BEYOND
  }

  async #waiting(): Promise<readonly Waiting[]> {
    const now = this.#clock.now()
    const waiting = await Promise.all(
      KINDS.map(async kind => ({
        kind,
        counted: Number((await this.#state.get(`count/${kind}`, now)) ?? 0),
        entries: await this.#state.list(`line/${kind}/`, now, this.#most),
      })),
    )
    return waiting.filter(({ counted, entries }) => counted > 0 || entries.length > 0)
  }

  #pageOf({ kind, counted, entries }: Waiting): Page {
    const lines = entries.flatMap(({ value }) => read(value)).sort((a, b) => a.number - b.number)
    return {
      kind,
      count: Math.max(counted, lines.length),
      lines: lines.slice(0, this.#terms.lines).map(({ says }) => says),
    }
  }

  /** What came meanwhile waits for the next. */
  async #forget(waiting: readonly Waiting[]): Promise<void> {
    const now = this.#clock.now()
    for (const { kind, counted, entries } of waiting) {
      await this.#state.add(`count/${kind}`, -counted, now, now + this.#terms.keepMs)
      for (const { key } of entries) await this.#state.remove(key)
    }
  }
}

function read(value: string): readonly { readonly number: number; readonly says: string }[] {
  try {
    return [JSON.parse(value) as { number: number; says: string }]
  } catch {
    // written by another version
    return []
  }
}
