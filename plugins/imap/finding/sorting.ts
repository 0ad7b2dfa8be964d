/** SORT's order (RFC 5256 §3): keys one after the other, and the sequence number at last. Pure. */
import type { SortCriterion } from '../wire/sort-criteria.js'
import type { Facts } from './facts.js'
import { compareFolded } from './fold.js'

export interface Sortable {
  readonly uid: number
  /** INTERNALDATE. */
  readonly date: number
  readonly size: number
  readonly facts: Facts
}

type Compare = (a: Sortable, b: Sortable) => number

/** RFC 5256 §2.2: without a Date that can be read, INTERNALDATE stands for it. */
export function sentDate({ facts, date }: Pick<Sortable, 'facts' | 'date'>): number {
  return facts.sent ?? date
}

const text =
  (of: (facts: Facts) => string): Compare =>
  (a, b) =>
    compareFolded(of(a.facts), of(b.facts))

const BY: Readonly<Record<SortCriterion['by'], Compare>> = {
  arrival: (a, b) => a.date - b.date,
  cc: text(facts => facts.cc),
  date: (a, b) => sentDate(a) - sentDate(b),
  from: text(facts => facts.from),
  size: (a, b) => a.size - b.size,
  subject: text(facts => facts.subject),
  to: text(facts => facts.to),
}

/** UIDs ascend with sequence numbers. */
export function comparing(criteria: readonly SortCriterion[]): Compare {
  const keys = criteria.map(({ by, reverse }) => [BY[by], reverse ? -1 : 1] as const)
  return (a, b) => {
    for (const [compare, sign] of keys) {
      const order = compare(a, b)
      if (order !== 0) return sign * order
    }
    return a.uid - b.uid
  }
}

/** Before any reading of headers: whether these keys need them. */
export function needFacts(criteria: readonly SortCriterion[]): boolean {
  return criteria.some(({ by }) => by !== 'arrival' && by !== 'size')
}
