/**
 * The last runs in which lessons were gone over: which lessons were there before each, and how much those counted that it has changed. When exactly these lessons are
 * there again, because what came since was taken back, each counts again what it counted then: taking back restores what was, in whatever order it is done.
 */
import { createHash } from 'node:crypto'
import type { Clock, Table, TableChange } from 'posthouse/api'
import { newId } from 'posthouse/text'
import { prefixOf } from './entry.js'
import type { Journal } from './journal.js'
import { owedBy } from './owed.js'

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

export interface RunParts {
  readonly journal: Journal
  readonly clock: Clock
}

/** One that is going on. */
export class Run {
  readonly id: string
  readonly #table: Table
  readonly #clock: Clock
  readonly #who: string
  /** The ones that were there before it, as `lessonsOf` has them; `undefined`: that is written already. */
  #lessons: string | undefined
  readonly #seen = new Set<string>()

  /** A new one, or the one `goesOn` that was broken off: whoever takes it up changes what it would have changed. The journal has to be ready. */
  constructor({ journal, clock }: RunParts, who: string, goesOn?: string) {
    this.id = goesOn ?? newId(clock.now())
    this.#table = journal.table
    this.#clock = clock
    this.#who = who
    this.#lessons = goesOn === undefined ? lessonsOf(journal, who) : undefined
  }

  /** To be written before, or together with, the first of what comes: which lessons were there. */
  async begin(): Promise<readonly TableChange[]> {
    const value = this.#lessons
    if (value === undefined) return []
    this.#lessons = undefined
    await this.#makeRoom()
    return [{ key: headOf(this.#who, this.id), value }]
  }

  /** To be written together with what is changed; of each lesson only the first time counts. */
  async noting(before: ReadonlyMap<string, Amounts>): Promise<readonly TableChange[]> {
    const unseen = [...before].filter(([key]) => !this.#seen.has(key))
    if (unseen.length === 0) return []
    for (const [key] of unseen) this.#seen.add(key)
    const value = unseen.map(([key, { own, shared }]) => `${own} ${shared} ${key}`).join('\n')
    return [...(await this.begin()), { key: `${rowsOf(this.#who, this.id)}${newId(this.#clock.now())}`, value }]
  }

  async #makeRoom(): Promise<void> {
    const runs = await runsOf(this.#table, this.#who)
    for (const { id } of runs.slice(0, Math.max(0, runs.length - KEPT_RUNS + 1))) await drop(this.#table, this.#who, id)
    await dropHeadless(this.#table, this.#who)
  }
}

/** The one that still has to be gone over, as it was broken off or goes on in another process; a new one where there is none. The journal has to be ready. */
export async function runOf(parts: RunParts, who: string): Promise<Run> {
  const { journal } = parts
  for (const { run } of await owedBy(journal.table, who)) {
    const [head] = run === undefined ? [] : await journal.table.get([headOf(who, run)])
    if (head !== undefined) return new Run(parts, who, run)
  }
  return new Run(parts, who)
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

/** Before the first run that found exactly these lessons: of two at once both may have. Nothing when none of those that are kept did. */
export async function before(table: Table, who: string, lessons: string): Promise<Earlier | undefined> {
  const runs = await runsOf(table, who)
  const at = runs.findIndex(run => run.lessons === lessons)
  if (at < 0) return undefined
  const since = runs.slice(at)
  return {
    amounts: await notedBy(table, who, since),
    async forget() {
      // The first goes last: who is killed meanwhile finds it again.
      for (const { id } of since.reverse()) await drop(table, who, id)
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

function headOf(who: string, id: string): string {
  return `${RUNS}${prefixOf(who)}${id}`
}

function rowsOf(who: string, id: string): string {
  return `${BEFORE}${prefixOf(who)}${id}/`
}

/** What was noted first is what was before, whichever of those that went on at once has noted it. */
async function notedBy(table: Table, who: string, runs: readonly Kept[]): Promise<ReadonlyMap<string, Amounts>> {
  const rows: { readonly at: string; readonly value: string }[] = []
  for (const { id } of runs)
    for (let after = rowsOf(who, id); ; ) {
      const page = await table.list(rowsOf(who, id), after, PAGE)
      for (const { key, value } of page) rows.push({ at: key.slice(rowsOf(who, id).length), value })
      if (page.length < PAGE) break
      after = page.at(-1)!.key
    }
  rows.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  const amounts = new Map<string, Amounts>()
  for (const line of rows.flatMap(({ value }) => value.split('\n'))) {
    const [, own, shared, key] = /^(\d+) (\d+) (.+)$/.exec(line) ?? []
    if (key !== undefined && !amounts.has(key)) amounts.set(key, { own: Number(own), shared: Number(shared) })
  }
  return amounts
}

/** Its head goes first: half of it is never taken for the whole. */
async function drop(table: Table, who: string, id: string): Promise<void> {
  await table.write([{ key: headOf(who, id), value: undefined }])
  await dropRows(table, who, id)
}

/** What is left of those whose dropping was broken off, or who went on when they had been dropped. */
async function dropHeadless(table: Table, who: string): Promise<void> {
  const prefix = `${BEFORE}${prefixOf(who)}`
  for (let after = prefix; ; ) {
    const [row] = await table.list(prefix, after, 1)
    if (row === undefined) return
    const id = row.key.slice(prefix.length, row.key.lastIndexOf('/'))
    // Asked for now: others may just have begun one.
    const [head] = await table.get([headOf(who, id)])
    if (head === undefined) await dropRows(table, who, id)
    after = `${rowsOf(who, id)}~`
  }
}

async function dropRows(table: Table, who: string, id: string): Promise<void> {
  for (;;) {
    const rows = await table.list(rowsOf(who, id), undefined, PAGE)
    if (rows.length > 0) await table.write(rows.map(({ key }) => ({ key, value: undefined })))
    if (rows.length < PAGE) return
  }
}
