/**
 * Which rows could be claimed, so that claiming costs the same however long the queue is. `ready` holds every waiting row by lane,
 * rank (priority, and whether it was ever tried) and due time; `heads` holds, for every lane and rank that has one, the first of them. A
 * busy lane with a hundred thousand rows is passed over by one step. Everything here belongs inside a write, but for what only looks.
 */
import type { Database } from 'lmdb'
import { type Environment, firstKey } from './environment.js'
import { AFTER_ALL, laneKey, rankOf } from './keys.js'
import { isKey } from './records.js'

export type ReadyKey = [lane: string, rank: number, due: number, id: string, row: number]
export type HeadKey = [rank: number, due: number, lane: string]

/** What places a row in the index. */
export interface Place {
  readonly target: string
  readonly lane: string
  readonly priority: number
  readonly tries: number
  readonly due: number
  readonly row: number
}

export class ReadyIndex {
  readonly #ready: Database<number, ReadyKey>
  readonly #heads: Database<number, HeadKey>

  constructor(env: Environment) {
    this.#ready = env.database('ready')
    this.#heads = env.database('heads')
  }

  add(id: string, place: Place): void {
    const lane = laneKey(place.target, place.lane)
    const rank = rankOf(place.priority, place.tries)
    const head = this.first(lane, rank)
    this.#ready.put([lane, rank, place.due, id, place.row], 1)
    this.#moveHead(lane, rank, head?.[2], head === undefined ? place.due : Math.min(head[2], place.due))
  }

  remove(id: string, place: Place): void {
    const lane = laneKey(place.target, place.lane)
    const rank = rankOf(place.priority, place.tries)
    const head = this.first(lane, rank)
    this.#ready.remove([lane, rank, place.due, id, place.row])
    this.#moveHead(lane, rank, head?.[2], this.first(lane, rank)?.[2])
  }

  /** Whether a claim would come to this row: it stands in its lane, and the first of its lane among the heads. */
  has(id: string, place: Place): boolean {
    const lane = laneKey(place.target, place.lane)
    const rank = rankOf(place.priority, place.tries)
    const head = this.first(lane, rank)
    if (head === undefined || !this.#heads.doesExist([rank, head[2], lane])) return false
    return this.#ready.doesExist([lane, rank, place.due, id, place.row])
  }

  keys(): Iterable<ReadyKey> {
    return this.#ready.getKeys({})
  }

  /** An entry that refers to nothing. */
  drop(key: ReadyKey): void {
    const [lane, rank] = key
    const head = this.first(lane, rank)
    this.#ready.remove(key)
    this.#moveHead(lane, rank, head?.[2], this.first(lane, rank)?.[2])
  }

  /** A head that is not the first of its lane, put right. */
  mendHead([rank, due, lane]: HeadKey): void {
    this.#moveHead(lane, rank, due, this.first(lane, rank)?.[2])
  }

  /** The first row of a lane and rank. */
  first(lane: string, rank: number): ReadyKey | undefined {
    return readyKey(firstKey(this.#ready, { start: [lane, rank], end: [lane, rank + 1] }))
  }

  /** The first row of a lane that is due, of the highest priority that has one. */
  firstDue(lane: string, now: number): ReadyKey | undefined {
    for (let rank = 0; ; ) {
      const first = readyKey(firstKey(this.#ready, { start: [lane, rank], end: [lane, AFTER_ALL] }))
      if (first === undefined || first[2] <= now) return first
      rank = first[1] + 1
    }
  }

  /** The first rows of a lane and rank that are due. */
  due(lane: string, rank: number, now: number, limit: number): ReadyKey[] {
    return [...this.#ready.getKeys({ start: [lane, rank], end: [lane, rank, now, AFTER_ALL], limit })]
  }

  /** Lanes that are due at this rank, in order of their due time; `after` is left out, `from` is not. */
  dueLanes(
    rank: number,
    now: number,
    limit: number,
    place: { readonly from?: HeadKey; readonly after?: HeadKey },
  ): HeadKey[] {
    const start = place.from ?? place.after ?? [rank]
    const range = { start, end: [rank, now, AFTER_ALL], exclusiveStart: place.after !== undefined, limit }
    return [...this.#heads.getKeys(range)].map(key => headKey(key)!)
  }

  /** Ranks that have rows, best first, as long as they are asked for. */
  *ranks(): Iterable<number> {
    for (let head = this.#firstHead(0); head !== undefined; head = this.#firstHead(head[0] + 1)) yield head[0]
  }

  nextDue(): number | undefined {
    let least: number | undefined
    for (let head = this.#firstHead(0); head !== undefined; head = this.#firstHead(head[0] + 1))
      least = Math.min(least ?? head[1], head[1])
    return least
  }

  anyDue(now: number): boolean {
    return (this.nextDue() ?? Number.POSITIVE_INFINITY) <= now
  }

  #firstHead(rank: number): HeadKey | undefined {
    return headKey(firstKey(this.#heads, { start: [rank] }))
  }

  #moveHead(lane: string, rank: number, before: number | undefined, after: number | undefined): void {
    if (before === after) return
    if (before !== undefined) this.#heads.remove([rank, before, lane])
    if (after !== undefined) this.#heads.put([rank, after, lane], 1)
  }
}

/** The index holds something that we have not written: it must be made anew. */
export class IndexDamaged extends Error {
  constructor(key: unknown) {
    super(`an index holds ${JSON.stringify(key).slice(0, 100)}`)
    this.name = 'IndexDamaged'
  }
}

function readyKey(key: ReadyKey | undefined): ReadyKey | undefined {
  if (key === undefined || isKey(key, 'string', 'number', 'number', 'string', 'number')) return key
  throw new IndexDamaged(key)
}

function headKey(key: HeadKey | undefined): HeadKey | undefined {
  if (key === undefined || isKey(key, 'number', 'number', 'string')) return key
  throw new IndexDamaged(key)
}
