/**
 * How many rows wait for whom, kept in step with every change, so that the shape of a queue of millions is told in an instant. Two kinds of
 * counts: one per lane, and one per lane and minute of receipt; the lane `''` stands for all of them. Writes belong inside a write.
 */
import type { Database } from 'lmdb'
import type { LaneShape, QueueShape, ShapeWish } from 'posthouse/api'
import type { Environment } from './environment.js'
import { AFTER_ALL, laneKey } from './keys.js'
import { Sums } from './sums.js'

/** `held` and the names of the lane, whose key may be a digest. */
type LaneCount = readonly [rows: number, held: number, target: string, lane: string]
type MinuteKey = [lane: string, minute: number]

/** What is counted of a row. */
export interface Counted {
  readonly target: string
  readonly lane: string
  readonly hold?: string
  /** Minute of receipt since the epoch. */
  readonly since: number
}

const MINUTE_MS = 60_000
const ALL = ''

export function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS)
}

/** What changes in a lane. */
interface LaneChange {
  readonly rows: number
  readonly held: number
  readonly target: string
  readonly lane: string
}

interface MinuteChange {
  readonly key: MinuteKey
  readonly rows: number
}

export class Census {
  readonly #lanes: Database<LaneCount, string>
  readonly #minutes: Database<number, MinuteKey>
  readonly #laneSums: Sums<LaneChange>
  readonly #minuteSums: Sums<MinuteChange>

  constructor(env: Environment) {
    this.#lanes = env.database('census')
    this.#minutes = env.database('census-minutes')
    this.#laneSums = env.sum(
      new Sums<LaneChange>(
        (a, b) => ({ rows: a.rows + b.rows, held: a.held + b.held, target: a.target, lane: a.lane }),
        (key, change) => this.#countLane(key, change),
      ),
    )
    this.#minuteSums = env.sum(
      new Sums<MinuteChange>(
        (a, b) => ({ key: a.key, rows: a.rows + b.rows }),
        (_, { key, rows }) => this.#countMinute(key, rows),
      ),
    )
  }

  /** Everything is counted anew by the change under way, in databases that it has emptied. */
  restart(): void {
    this.#laneSums.restart()
    this.#minuteSums.restart()
  }

  /** One row less of a lane of which only the key is known. False: it was not counted. */
  forget(key: string, since: number, held: boolean): boolean {
    const [, , target, lane] = this.#lanes.get(key) ?? []
    const names = target === undefined || lane === undefined ? this.#laneSums.pending(key) : { target, lane }
    if (names === undefined) return false
    this.#laneSums.add(key, { rows: -1, held: held ? -1 : 0, target: names.target, lane: names.lane })
    this.#addMinutes(key, since, -1)
    return true
  }

  add(rows: readonly Counted[], by: 1 | -1): void {
    for (const { target, lane, hold, since } of rows) {
      const key = laneKey(target, lane)
      this.#laneSums.add(key, { rows: by, held: hold === undefined ? 0 : by, target, lane })
      this.#addMinutes(key, since, by)
    }
  }

  #addMinutes(lane: string, since: number, by: 1 | -1): void {
    for (const name of [lane, ALL]) this.#minuteSums.add(`${since} ${name}`, { key: [name, since], rows: by })
  }

  /** A row that is held now and was not, or the other way round. */
  held({ target, lane }: Pick<Counted, 'target' | 'lane'>, by: 1 | -1): void {
    this.#laneSums.add(laneKey(target, lane), { target, lane, rows: 0, held: by })
  }

  shape({ now, edges, most }: ShapeWish): QueueShape {
    const lanes = [...this.#lanes.getRange()]
    const fullest = lanes.sort((a, b) => b.value[0] - a.value[0] || (nameOf(a.value) < nameOf(b.value) ? -1 : 1))
    return {
      lanes: fullest.slice(0, most).map(({ key, value }) => this.#laneShape(key, value, now, edges)),
      count: lanes.length,
      ages: this.#ages(ALL, now, edges).ages,
    }
  }

  #laneShape(key: string, [rows, held, target, lane]: LaneCount, now: number, edges: readonly number[]): LaneShape {
    return { target, lane, rows, held, ...this.#ages(key, now, edges) }
  }

  #ages(
    lane: string,
    now: number,
    edges: readonly number[],
  ): { readonly ages: readonly number[]; readonly oldest: number } {
    const ages = new Array<number>(edges.length + 1).fill(0)
    let oldest = Number.POSITIVE_INFINITY
    for (const { key, value } of this.#minutes.getRange({ start: [lane], end: [lane, AFTER_ALL] as never })) {
      const received = key[1] * MINUTE_MS
      oldest = Math.min(oldest, received)
      const group = edges.findIndex(edge => now - received < edge)
      ages[group < 0 ? edges.length : group]! += value
    }
    return { ages, oldest }
  }

  #countLane(key: string, change: LaneChange): void {
    if (change.rows === 0 && change.held === 0) return
    const [rows, held] = this.#lanes.get(key) ?? [0, 0]
    const left = rows + change.rows
    if (left > 0) this.#lanes.put(key, [left, held + change.held, change.target, change.lane])
    else this.#lanes.remove(key)
  }

  #countMinute(key: MinuteKey, by: number): void {
    if (by === 0) return
    const left = (this.#minutes.get(key) ?? 0) + by
    if (left > 0) this.#minutes.put(key, left)
    else this.#minutes.remove(key)
  }
}

/** The key of a lane may be a digest. */
function nameOf([, , target, lane]: LaneCount): string {
  return `${target}/${lane}`
}
