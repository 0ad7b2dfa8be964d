/** What is owed: lessons of runs that are going on, or were broken off, which nobody has gone over yet. */
import type { Table, TableChange } from 'posthouse/api'
import { prefixOf } from './entry.js'

/** Rows that say whose lessons they are, since when they came, and in which run. */
const OWED = 'o/'

export interface Owed {
  readonly key: string
  /** Milliseconds since the epoch. */
  readonly began: number
  /** Its id, as `runs.ts` has it. */
  readonly run: string | undefined
}

export async function owedBy(table: Table, who: string): Promise<readonly Owed[]> {
  const rows = await table.list(prefixOfOwed(who))
  return rows.map(({ key, value }) => {
    const [began, run] = value.split(' ')
    return { key, began: Number(began), run }
  })
}

/** On disk when it resolves, together with the others. */
export async function owe(
  table: Table,
  who: string,
  { began, run }: Omit<Owed, 'key'>,
  beside: readonly TableChange[],
): Promise<Owed> {
  const key = `${prefixOfOwed(who)}${began}`
  await table.write([...beside, { key, value: `${began} ${run}` }])
  return { key, began, run }
}

export function settle(table: Table, owed: readonly Owed[]): Promise<void> {
  return table.write(owed.map(({ key }) => ({ key, value: undefined })))
}

function prefixOfOwed(who: string): string {
  return `${OWED}${prefixOf(who)}`
}
