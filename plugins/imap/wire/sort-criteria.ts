/** What SORT sorts by (RFC 5256 §5 sort-criteria): `(SUBJECT REVERSE DATE)`. */
import { ReadError, type Reader } from './reader.js'

export interface SortCriterion {
  readonly by: 'arrival' | 'cc' | 'date' | 'from' | 'size' | 'subject' | 'to'
  readonly reverse: boolean
}

const MOST = 20
const NAME = /[A-Z]+/iy
const NAMES: readonly SortCriterion['by'][] = ['arrival', 'cc', 'date', 'from', 'size', 'subject', 'to']

export function readSortCriteria(input: Reader): readonly SortCriterion[] {
  return input.list(() => readOne(input), MOST, 'what to sort by')
}

function readOne(input: Reader): SortCriterion {
  const reverse = input.take(/REVERSE /iy) !== undefined
  const { column } = input
  const name = input.need(NAME, 'what to sort by').toLowerCase()
  const by = NAMES.find(one => one === name)
  if (by === undefined) throw new ReadError(column, 'one of ARRIVAL CC DATE FROM SIZE SUBJECT TO')
  return { by, reverse }
}
