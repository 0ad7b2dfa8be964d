/**
 * When an organisation was first seen here, as one that sends mail or one that links lead to: kept in the state, so that all workers know it. Whoever was
 * seen on one day only is forgotten sooner, so that a flood of names that never come again does not push out those that do.
 */
import { createHash } from 'node:crypto'
import type { State } from 'posthouse/api'

export type SeenAs = 'sender' | 'link'

const DAY_MS = 86_400_000
/** For those seen on one day only: whoever writes once a month shall not be new each time. */
const BRIEF_MS = 70 * DAY_MS
/** It is written again when that much of its time is over. */
const RENEW = 0.1
const LONGEST_KEY = 80
const SINCE_KEY = 'since/site'
const FOREVER_MS = 3650 * DAY_MS

export class Age {
  readonly #state: State
  readonly #rememberMs: number
  #since: number | undefined

  constructor(state: State, rememberMs: number) {
    this.#state = state
    this.#rememberMs = rememberMs
  }

  get remembers(): boolean {
    return this.#rememberMs > 0
  }

  /** Since when this site remembers; the first to ask starts it. */
  async since(now: number): Promise<number> {
    if (this.#since !== undefined) return this.#since
    const kept = Number(await this.#state.get(SINCE_KEY, now))
    // Kept anew by each process: what was full in between has not forgotten it.
    const since = kept > 0 && kept <= now ? kept : now
    await this.#state.put(SINCE_KEY, String(since), now + FOREVER_MS)
    this.#since = since
    return since
  }

  /** Notes that it was seen; resolves to when it was first seen before, as whatever, or to nothing. */
  async see(organisation: string, as: SeenAs, now: number): Promise<number | undefined> {
    const key = keyOf(organisation, as)
    const { first, last } = await this.#kept(key, now)
    if (first === 0) {
      await this.#state.put(key, `${now} ${now}`, now + Math.min(BRIEF_MS, this.#rememberMs))
      const other = await this.#kept(keyOf(organisation, as === 'sender' ? 'link' : 'sender'), now)
      return other.first === 0 ? undefined : other.first
    }
    const stays = last - first >= DAY_MS
    if (stays ? now - last >= this.#rememberMs * RENEW : now - first >= DAY_MS)
      await this.#state.put(key, `${first} ${now}`, now + this.#rememberMs)
    return first
  }

  async #kept(key: string, now: number): Promise<{ readonly first: number; readonly last: number }> {
    const [first = 0, last = 0] = ((await this.#state.get(key, now)) ?? '').split(' ').map(Number)
    return first > 0 && first <= now ? { first, last } : { first: 0, last: 0 }
  }
}

function keyOf(organisation: string, as: SeenAs): string {
  const subject =
    organisation.length <= LONGEST_KEY ? organisation : createHash('sha256').update(organisation).digest('base64url')
  return `${as}/${subject}`
}
