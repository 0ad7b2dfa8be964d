/**
 * What waits for the next digest, in the state that all workers share: per kind a count, and the first lines. News about the same is
 * written once. Bounded by the number of lines, whatever happens.
 */
import { createHash } from 'node:crypto'
import type { Clock, State } from 'posthouse/api'
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
    const pages = await Promise.all(KINDS.map(kind => this.#page(kind)))
    return pages.filter(({ count }) => count > 0)
  }

  /** What waits, and is gone from here: nothing when there is none, or when somebody has had one within that time. */
  async due(everyMs: number): Promise<readonly Page[]> {
    const pages = await this.pages()
    if (pages.length === 0) return []
    const turn = await this.#state.spend('sent', 1, { limit: 1, windowMs: everyMs }, this.#clock.now())
    if (!turn.granted) return []
    for (const { kind } of pages) await this.#clear(kind)
    return pages
  }

  /** Known beyond those told, so that they are counted once too. */
  get #most(): number {
    return this.#terms.lines * KNOWN_BEYOND
  }

  async #page(kind: NewsKind): Promise<Page> {
    const now = this.#clock.now()
    const found = await this.#state.list(`line/${kind}/`, now, this.#most)
    const lines = found.flatMap(({ value }) => read(value)).sort((a, b) => a.number - b.number)
    const count = Number((await this.#state.get(`count/${kind}`, now)) ?? 0)
    return {
      kind,
      count: Math.max(count, lines.length),
      lines: lines.slice(0, this.#terms.lines).map(({ says }) => says),
    }
  }

  async #clear(kind: NewsKind): Promise<void> {
    await this.#state.remove(`count/${kind}`)
    for (const { key } of await this.#state.list(`line/${kind}/`, this.#clock.now())) await this.#state.remove(key)
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
