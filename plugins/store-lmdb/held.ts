/**
 * Which rows are held in a lane, by the reason they are held for and by due time: for who comes for them by naming both. A row stands
 * here for as long as it is held, also under a lease, so that what is on its way out is seen too.
 * Everything but the look-ups belongs inside a write.
 */
import type { Database } from 'lmdb'
import type { Environment } from './environment.js'
import { AFTER_ALL, holdKey, type Key, laneKey } from './keys.js'

export type HeldKey = [lane: string, hold: string, due: number, id: string, row: number]

/** What places a held row in the index. */
export interface HeldPlace {
  readonly target: string
  readonly lane: string
  readonly hold: string
  readonly due: number
  readonly row: number
}

export class HeldIndex {
  readonly #held: Database<number, HeldKey>

  constructor(env: Environment) {
    this.#held = env.database('held')
  }

  add(id: string, place: HeldPlace): void {
    this.#held.put(heldKey(id, place), 1)
  }

  remove(id: string, place: HeldPlace): void {
    this.#held.remove(heldKey(id, place))
  }

  has(id: string, place: HeldPlace): boolean {
    return this.#held.doesExist(heldKey(id, place))
  }

  /** Rows of a lane that are held for this reason and due, leased ones too; `after` is left out. */
  due(lane: string, hold: string, now: number, limit: number, after?: HeldKey): HeldKey[] {
    return this.#keys([lane, hold], [lane, hold, now, AFTER_ALL], limit, after)
  }

  /** Rows of a lane, whatever they are held for; `after` is left out. */
  ofLane(lane: string, limit: number, after?: HeldKey): HeldKey[] {
    return this.#keys([lane], [lane, AFTER_ALL], limit, after)
  }

  drop(key: HeldKey): void {
    this.#held.remove(key)
  }

  keys(): Iterable<HeldKey> {
    return this.#held.getKeys({})
  }

  #keys(start: Key, end: Key, limit: number, after: HeldKey | undefined): HeldKey[] {
    return [...this.#held.getKeys({ start: after ?? start, end, exclusiveStart: after !== undefined, limit })]
  }
}

export function heldKey(id: string, { target, lane, hold, due, row }: HeldPlace): HeldKey {
  return [laneKey(target, lane), holdKey(hold), due, id, row]
}
