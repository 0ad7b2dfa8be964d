/**
 * The part of the list that is changed by command: a table in the store, read at every question, so that all workers know of a change at once
 * and nothing is lost by a restart. Under `e/` stand entries by the key of their pattern, under `n/` the prefix lengths that occur.
 */
import type { ListEntry, Table, TableChange } from 'posthouse/api'
import type { Note } from './line.js'
import { type Lengths, patternOf } from './pattern.js'

export const RUN_TIME = 'run-time list'

const CHANGED = 'changed'
/** Writes of so many entries: a commit that takes long makes others wait. */
const STEP = 1000
const MOST_LENGTHS = 200

/** What an admin adds; `key` is that of its pattern. */
export interface Addition extends Note {
  readonly key: string
  readonly kind: ListEntry['kind']
}

export class RunTimeList {
  readonly #table: Table
  readonly #most: number

  constructor(table: Table, most: number) {
    this.#table = table
    this.#most = most
  }

  /** What stands under each key, whether or not its time is over. */
  async get(keys: readonly string[]): Promise<readonly (ListEntry | undefined)[]> {
    const values = await this.#table.get(keys.map(key => `e/${key}`))
    return values.map((value, at) => (value === undefined ? undefined : entryOf(keys[at]!, value)))
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#table.list('e/', '', 1)).length === 0
  }

  async lengths(): Promise<Lengths> {
    const marks = await this.#table.list('n/', '', MOST_LENGTHS)
    const of = (family: string) =>
      marks
        .filter(({ key }) => key[2] === family)
        .map(({ key }) => Number(key.slice(4)))
        .sort((a, b) => b - a)
    return { ipv4: of('4'), ipv6: of('6') }
  }

  async changedAt(): Promise<number> {
    const [value] = await this.#table.get([CHANGED])
    return Number(value ?? 0)
  }

  async hasRoomFor(entries: number): Promise<boolean> {
    return (await this.#table.size()) + entries <= this.#most
  }

  /** Durable when it resolves. `false`, and nothing done: the list would be too long. */
  async add(additions: readonly Addition[], now: number): Promise<boolean> {
    if (!(await this.hasRoomFor(additions.length))) return false
    for (let at = 0; at < additions.length; at += STEP) {
      const changes = additions.slice(at, at + STEP).flatMap(changesFor)
      await this.#table.write([...changes, { key: CHANGED, value: String(now) }])
    }
    return true
  }

  /** Those that were there. */
  async remove(keys: readonly string[], now: number): Promise<readonly ListEntry[]> {
    const there = await this.get(keys)
    const changes = keys.filter((_, at) => there[at] !== undefined).map(key => ({ key: `e/${key}`, value: undefined }))
    for (let at = 0; at < changes.length; at += STEP)
      await this.#table.write([...changes.slice(at, at + STEP), { key: CHANGED, value: String(now) }])
    return there.filter(entry => entry !== undefined)
  }

  /** By key, page by page, so that a long list is never in memory as a whole. */
  async *all(): AsyncIterable<{ readonly key: string; readonly entry: ListEntry }> {
    let after = ''
    for (;;) {
      const page = await this.#table.list('e/', after, STEP)
      for (const { key, value } of page) yield { key: key.slice(2), entry: entryOf(key.slice(2), value) }
      if (page.length < STEP) return
      after = page.at(-1)!.key
      // A store may answer without ever waiting: others shall have their turn.
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  /** Forgets entries whose time is over; resolves to how many. */
  async sweep(now: number): Promise<number> {
    const over: string[] = []
    for await (const { key, entry } of this.all()) if (isOver(entry, now)) over.push(key)
    return over.length === 0 ? 0 : (await this.remove(over, now)).length
  }
}

export function isOver({ until }: Pick<ListEntry, 'until'>, now: number): boolean {
  return until !== undefined && until <= now
}

function changesFor({ key, kind, ...note }: Addition): readonly TableChange[] {
  const entry = { key: `e/${key}`, value: JSON.stringify({ kind, ...note }) }
  const length = /^[46]\/\d+/.exec(key)?.[0]
  return length === undefined ? [entry] : [{ key: `n/${length}`, value: '' }, entry]
}

function entryOf(key: string, value: string): ListEntry {
  const { kind, ...note } = JSON.parse(value) as Omit<Addition, 'key'>
  return { ...note, kind, pattern: patternOf(key), place: RUN_TIME }
}
