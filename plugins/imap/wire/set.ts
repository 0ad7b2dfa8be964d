/**
 * Sequence sets (RFC 3501 §9 sequence-set): read as they were sent, then resolved against the largest number there is.
 * Resolved sets are sorted and merged, so that a set of a thousand overlapping ranges costs no more than the messages it names.
 */
import type { Reader } from './reader.js'

export type SetNumber = number | '*'
export type SetRange = readonly [from: SetNumber, to: SetNumber]
export type NumberSet = readonly SetRange[]

/** [from, to] inclusive, ascending, not touching. */
export type Ranges = readonly (readonly [from: number, to: number])[]

const MOST_RANGES = 20_000

/** `$`: what the last search has saved (RFC 5182 §2.1). It has no numbers of its own, and is known by being this very set. */
export const SAVED: NumberSet = Object.freeze([])

export function readSet(input: Reader): NumberSet {
  if (input.can('SEARCHRES') && input.take('$') !== undefined) return SAVED
  const ranges: SetRange[] = []
  do {
    if (ranges.length >= MOST_RANGES) input.refuse(`no more than ${MOST_RANGES} ranges`)
    const from = readNumber(input)
    ranges.push([from, input.take(':') === undefined ? from : readNumber(input)])
  } while (input.take(',') !== undefined)
  return ranges
}

export const SET_AHEAD = /[0-9*$]/y

function readNumber(input: Reader): SetNumber {
  return input.take('*') === undefined ? input.nzNumber('a message number or *') : '*'
}

/** `largest` is what `*` stands for. RFC 3501 §6.4.8: `559:*` always includes the last message. */
export function resolveSet(set: NumberSet, largest: number): Ranges {
  const sorted = set
    .map(([from, to]) => {
      const a = from === '*' ? largest : from
      const b = to === '*' ? largest : to
      return a <= b ? ([a, b] as const) : ([b, a] as const)
    })
    .sort((a, b) => a[0] - b[0])
  const merged: [number, number][] = []
  for (const [from, to] of sorted) {
    const last = merged.at(-1)
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return merged
}

/** The members of ascending `numbers` that lie in the ranges. */
export function pick(numbers: readonly number[], ranges: Ranges): number[] {
  const picked: number[] = []
  for (const [from, to] of ranges) {
    for (let i = lowerBound(numbers, from); i < numbers.length && numbers[i]! <= to; i++) picked.push(numbers[i]!)
  }
  return picked
}

/** Index of the first element not below `value`. */
export function lowerBound(numbers: readonly number[], value: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (numbers[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

export function inRanges(ranges: Ranges, value: number): boolean {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ranges[middle]![1] < value) low = middle + 1
    else high = middle
  }
  return low < ranges.length && ranges[low]![0] <= value
}

/** The largest number that stands in a set; 0 when there is only `*`. */
export function largestNumber(set: NumberSet): number {
  return set.reduce((most, range) => Math.max(most, ...range.map(number => (number === '*' ? 0 : number))), 0)
}

/** Ascending numbers as ranges. */
export function rangesOf(numbers: readonly number[]): Ranges {
  const ranges: (readonly [number, number])[] = []
  for (let i = 0; i < numbers.length; ) {
    let j = i
    while (j + 1 < numbers.length && numbers[j + 1] === numbers[j]! + 1) j++
    ranges.push([numbers[i]!, numbers[j]!])
    i = j + 1
  }
  return ranges
}

/** What of the ranges lies in [from, to]. */
export function clip(ranges: Ranges, from: number, to: number): Ranges {
  return ranges
    .map(([low, high]) => [Math.max(low, from), Math.min(high, to)] as const)
    .filter(([low, high]) => low <= high)
}

export function formatRanges(ranges: Ranges): string {
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}:${to}`)).join(',')
}

/** Ascending numbers as a uid-set: `1:3,5`. */
export function formatSet(numbers: readonly number[]): string {
  return formatRanges(rangesOf(numbers))
}
