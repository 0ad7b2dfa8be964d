/**
 * Bounded numbers of places, counted over all processes: a row per key and process with how many it has taken, so that a process that
 * dies takes nothing along. Whether others live is only asked when there is no place left, and in the sweep.
 */
import { createHash } from 'node:crypto'
import type { Database } from 'lmdb'
import type { Place } from 'posthouse/api'
import type { Environment } from './environment.js'
import { isAlive, SELF } from './owner.js'

export interface TakenPlaces {
  readonly key: string
  readonly taken: number
}

type Row = readonly [taken: number, owner: string, key: string]

/** A full house is asked for places often; who lived a moment ago lives. */
const KNOWN_ALIVE_MS = 1000
const MAX_OWNERS_KNOWN = 1000

export class Places {
  readonly #env: Environment
  readonly #rows: Database<Row, Buffer>
  readonly #lost: (error: unknown) => void
  /** When they were seen alive, by our own clock. */
  readonly #alive = new Map<string, number>()

  constructor(env: Environment, lost: (error: unknown) => void) {
    this.#env = env
    this.#rows = env.byOctets('places')
    this.#lost = lost
  }

  async enter(key: string, most: number): Promise<Place | undefined> {
    const head = headOf(key)
    if (!this.#env.busy) {
      this.#env.refresh()
      // A full house is seen without writing, so that a flood of those who are refused costs little.
      if (!this.#hasRoom(this.#of(head), most)) return undefined
    }
    const entered = await this.#env.soon(() => {
      const rows = this.#of(head)
      if (!this.#hasRoom(rows, most)) return false
      for (const { stored, row } of rows) if (!this.#lives(row[1])) this.#rows.remove(stored)
      this.#change(head, key, 1)
      return true
    }, this.#lost)
    return entered ? this.#placeIn(head, key) : undefined
  }

  /** Inside a write: forgets what processes that have ended had taken. */
  sweep(): number {
    const dead = [...this.#rows.getRange({})].filter(({ value: [, owner] }) => !isAlive(owner))
    for (const { key } of dead) this.#rows.remove(key)
    return dead.length
  }

  list(prefix: string): readonly TakenPlaces[] {
    const taken = new Map<string, number>()
    for (const { value } of this.#rows.getRange({}))
      if (value[2].startsWith(prefix) && isAlive(value[1])) taken.set(value[2], (taken.get(value[2]) ?? 0) + value[0])
    return [...taken].map(([key, taken]) => ({ key, taken }))
  }

  #placeIn(head: Buffer, key: string): Place {
    let inside = true
    return {
      leave: async () => {
        if (!inside) return
        inside = false
        await this.#env.soon(() => this.#change(head, key, -1), this.#lost)
      },
    }
  }

  /** Counts those of the dead only when there is room without them. */
  #hasRoom(rows: readonly { readonly row: Row }[], most: number): boolean {
    const taken = rows.reduce((sum, { row }) => sum + row[0], 0)
    if (taken < most) return true
    return rows.reduce((sum, { row }) => sum + (this.#lives(row[1]) ? row[0] : 0), 0) < most
  }

  #lives(owner: string): boolean {
    if (owner === SELF) return true
    const now = performance.now()
    const seen = this.#alive.get(owner)
    if (seen !== undefined && now - seen < KNOWN_ALIVE_MS) return true
    if (this.#alive.size > MAX_OWNERS_KNOWN) this.#alive.clear()
    const alive = isAlive(owner)
    if (alive) this.#alive.set(owner, now)
    else this.#alive.delete(owner)
    return alive
  }

  #of(head: Buffer): readonly { readonly stored: Buffer; readonly row: Row }[] {
    const end = Buffer.concat([head, Buffer.from([255])])
    return [...this.#rows.getRange({ start: head, end })].map(({ key, value }) => ({ stored: key, row: value }))
  }

  #change(head: Buffer, key: string, by: number): void {
    const stored = Buffer.concat([head, Buffer.from(SELF)])
    const taken = (this.#rows.get(stored)?.[0] ?? 0) + by
    if (taken > 0) this.#rows.put(stored, [taken, SELF, key])
    else this.#rows.remove(stored)
  }
}

function headOf(key: string): Buffer {
  return createHash('sha256').update(key, 'utf16le').digest()
}
