/** SORT's order (RFC 5256 §3): keys one after the other, and the sequence number at last. Sorted are numbers: texts are ranked first. */
import type { SortCriterion } from '../wire/sort-criteria.js'
import type { Columns, NumberName, TextName } from './columns.js'
import { compareFolded } from './fold.js'
import { sortInTurns } from './turning.js'

type By = SortCriterion['by']

const NEEDED: Readonly<Record<By, readonly (NumberName | TextName)[]>> = {
  arrival: ['arrival'],
  cc: ['cc'],
  date: ['sent', 'arrival'],
  from: ['from'],
  size: ['size'],
  subject: ['subject'],
  to: ['to'],
}

export function columnsFor(criteria: readonly SortCriterion[]): readonly (NumberName | TextName)[] {
  return [...new Set(criteria.flatMap(({ by }) => NEEDED[by]))]
}

/** Resolves to UIDs. */
export async function sorted(columns: Columns, criteria: readonly SortCriterion[]): Promise<number[]> {
  const keys: (readonly [ranks: readonly number[], sign: 1 | -1])[] = []
  for (const { by, reverse } of criteria) keys.push([await ranksBy(columns, by), reverse ? -1 : 1])
  // UIDs ascend with places, and with sequence numbers.
  const compare = (a: number, b: number): number => {
    for (const [ranks, sign] of keys) {
      const order = ranks[a]! - ranks[b]!
      if (order !== 0) return sign * order
    }
    return a - b
  }
  const places = await sortInTurns(Array.from(columns.uids.keys()), compare)
  return places.map(place => columns.uids[place]!)
}

async function ranksBy(columns: Columns, by: By): Promise<readonly number[]> {
  switch (by) {
    case 'arrival':
    case 'size':
      return columns.numbers(by)
    case 'date':
      return sentDates(columns)
    case 'subject':
      return ranked(columns.texts(by).map(text => text.slice(1)))
    default:
      return ranked(columns.texts(by))
  }
}

/** RFC 5256 §2.2: without a Date that can be read, INTERNALDATE stands for it. */
export function sentDates(columns: Columns): readonly number[] {
  const arrivals = columns.numbers('arrival')
  return columns.numbers('sent').map((sent, place) => (Number.isNaN(sent) ? arrivals[place]! : sent))
}

async function ranked(texts: readonly string[]): Promise<readonly number[]> {
  const different = await sortInTurns([...new Set(texts)], compareFolded)
  const ranks = new Map(different.map((text, rank) => [text, rank]))
  return texts.map(text => ranks.get(text)!)
}
