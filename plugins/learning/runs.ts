/**
 * The last runs in which lessons were gone over: which lessons were there before each, and how much those counted that it has changed. When exactly these lessons are
 * there again, because what came since was taken back, each counts again what it counted then: taking back restores what was, in whatever order it is done.
 */
import { createHash } from 'node:crypto'
import type { Table, TableChange } from 'posthouse/api'
import { newId } from 'posthouse/text'
import { prefixOf } from './entry.js'
import type { Journal } from './journal.js'

/** Rows that say which lessons were there before a run … */
const RUNS = 'r/'
/** … and what those counted that it has changed: some in each row. */
const BEFORE = 'b/'
/** Of each teacher; at most 20,000 lessons each. */
export const KEPT_RUNS = 8
const PAGE = 100

/** In thousandths. */
export interface Amounts {
  readonly own: number
  readonly shared: number
}

/** One that is going on. */
export class Run {
  readonly #table: Table
  readonly #who: string
  readonly #id: string
  readonly #lessons: string
  readonly #seen = new Set<string>()
  #rows = 0

  /** `lessons`: the ones that were there before it, as `lessonsOf` has them. */
  constructor(table: Table, who: string, now: number, lessons: string) {
    this.#table = table
    this.#who = who
    this.#id = newId(now)
    this.#lessons = lessons
  }

  /** To be written together with what is changed; of each lesson only the first time counts. */
  async noting(before: ReadonlyMap<string, Amounts>): Promise<readonly TableChange[]> {
    const unseen = [...before].filter(([key]) => !this.#seen.has(key))
    if (unseen.length === 0) return []
    const changes: TableChange[] = []
    if (this.#rows === 0) {
      await this.#makeRoom()
      changes.push({ key: `${RUNS}${prefixOf(this.#who)}${this.#id}`, value: this.#lessons })
    }
    for (const [key] of unseen) this.#seen.add(key)
    const row = String(this.#rows++).padStart(6, '0')
    const value = unseen.map(([key, { own, shared }]) => `${own} ${shared} ${key}`).join('\n')
    changes.push({ key: `${rowsOf(this.#who, this.#id)}${row}`, value })
    return changes
  }

  async #makeRoom(): Promise<void> {
    const runs = await runsOf(this.#table, this.#who)
    for (const { id } of runs.slice(0, Math.max(0, runs.length - KEPT_RUNS + 1))) await drop(this.#table, this.#who, id)
  }
}

/** The same for the same lessons, each as it was learned then. */
export function lessonsOf(journal: Journal, who: string): string {
  const hash = createHash('sha256')
  const keys = [...journal.newest(Number.POSITIVE_INFINITY, prefixOf(who))].sort()
  for (const key of keys) {
    const { label, at } = journal.standing(key)!
    hash.update(`${key} ${label} ${at}\n`)
  }
  return hash.digest('base64url')
}

export interface Earlier {
  /** By key: what lessons counted. */
  readonly amounts: ReadonlyMap<string, Amounts>
  /** Once they count so again, nothing is left to go back from. */
  forget(): Promise<void>
}

/** Before the last run that found exactly these lessons; nothing when none of those that are kept did. */
export async function before(table: Table, who: string, lessons: string): Promise<Earlier | undefined> {
  const runs = await runsOf(table, who)
  const at = runs.findLastIndex(run => run.lessons === lessons)
  if (at < 0) return undefined
  const back = runs.slice(at).reverse()
  const amounts = new Map<string, Amounts>()
  for (const { id } of back) for (const [key, amount] of await notedBy(table, who, id)) amounts.set(key, amount)
  return {
    amounts,
    async forget() {
      for (const { id } of back) await drop(table, who, id)
    },
  }
}

interface Kept {
  readonly id: string
  readonly lessons: string
}

/** The oldest first. */
async function runsOf(table: Table, who: string): Promise<readonly Kept[]> {
  const prefix = `${RUNS}${prefixOf(who)}`
  return (await table.list(prefix)).map(({ key, value }) => ({ id: key.slice(prefix.length), lessons: value }))
}

function rowsOf(who: string, id: string): string {
  return `${BEFORE}${prefixOf(who)}${id}/`
}

async function notedBy(table: Table, who: string, id: string): Promise<ReadonlyMap<string, Amounts>> {
  const amounts = new Map<string, Amounts>()
  for (let after = rowsOf(who, id); ; ) {
    const page = await table.list(rowsOf(who, id), after, PAGE)
    for (const { value } of page)
      for (const line of value.split('\n')) {
        const [own, shared, key] = line.split(' ') as [string, string, string]
        // Should it stand there twice, as two who go on from one broken run may have it, what was first is what was before.
        if (!amounts.has(key)) amounts.set(key, { own: Number(own), shared: Number(shared) })
      }
    if (page.length < PAGE) return amounts
    after = page.at(-1)!.key
  }
}

/** Its head goes last: half of it is never taken for the whole. */
async function drop(table: Table, who: string, id: string): Promise<void> {
  const head = `${RUNS}${prefixOf(who)}${id}`
  await table.write([{ key: head, value: undefined }])
  for (;;) {
    const rows = await table.list(rowsOf(who, id), undefined, PAGE)
    if (rows.length > 0) await table.write(rows.map(({ key }) => ({ key, value: undefined })))
    if (rows.length < PAGE) return
  }
}
