/**
 * The warm-up of a new address: so many messages on its first day, so many on the second, and as many as there are when its list is over.
 * Days are those of UTC. Messages are counted in the plugin's state, so over all workers and restarts; a message that nobody took is given
 * back. The limit is never passed, however many ask at the same time.
 */
import type { Clock, State } from 'posthouse/api'
import type { Source } from './pools.js'

export interface WarmUpPlan {
  /** Midnight of the first day, milliseconds since the epoch. */
  readonly since: number
  readonly perDay: readonly number[]
}

const DAY_MS = 86_400_000
/** The count of a day is of no use after the next. */
const KEEP_MS = 2 * DAY_MS

export function readWarmUp({
  since,
  per_day: perDay,
}: {
  since: string
  per_day: readonly number[]
}): WarmUpPlan | undefined {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(since) ? Date.parse(`${since}T00:00:00Z`) : Number.NaN
  return Number.isNaN(at) ? undefined : { since: at, perDay }
}

/** Messages on this day; `undefined`: any number. */
export function limitOn({ since, perDay }: WarmUpPlan, now: number): number | undefined {
  const day = Math.floor((now - since) / DAY_MS)
  return day < 0 ? 0 : perDay[day]
}

export function nextDay(now: number): number {
  return (Math.floor(now / DAY_MS) + 1) * DAY_MS
}

/** Leave to send one message by a source. */
export type Leave =
  | { readonly kind: 'granted'; giveBack(): Promise<void> }
  /** `limit`: that is used up. */
  | { readonly kind: 'used-up'; readonly limit: number }

const FREE: Leave = { kind: 'granted', giveBack: async () => undefined }

export class WarmUp {
  readonly #state: State
  readonly #clock: Clock

  constructor(state: State, clock: Clock) {
    this.#state = state
    this.#clock = clock
  }

  async ask(source: Source): Promise<Leave> {
    const now = this.#clock.now()
    const limit = source.warmUp === undefined ? undefined : limitOn(source.warmUp, now)
    if (limit === undefined) return FREE
    const key = keyOf(source, now)
    const add = (by: number) => this.#state.add(key, by, now, now + KEEP_MS)
    if ((await add(1)) <= limit) return { kind: 'granted', giveBack: async () => void (await add(-1)) }
    await add(-1)
    return { kind: 'used-up', limit }
  }
}

/** By address: one that stands in two pools is as new in both. */
function keyOf({ four, six }: Source, now: number): string {
  const day = new Date(now).toISOString().slice(0, 10)
  return `warm-up/${[four, six].filter(Boolean).join('+')} ${day}`
}
