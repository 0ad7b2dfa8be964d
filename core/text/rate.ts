/**
 * Rates as admins write them: `60/1m`, `1000/d`, `200MB/1d`, `unlimited`. Read from left to right; a fault says what was expected at which
 * column, and what was probably meant.
 */
import type { BudgetTerms } from './budget.js'
import { ReadError, Reader } from './reader.js'
import { closest } from './suggest.js'
import { formatDuration, formatSize, parseDuration, parseSize } from './units.js'

export type Rate = BudgetTerms | 'unlimited'
export type RateOf = 'count' | 'size'

const UNLIMITED = 'unlimited'
const COUNT = /[0-9]{1,15}(?![0-9.A-Za-z])/
const SIZE = /[0-9]{1,15}(?:\.[0-9]{1,6})? ?(?:[KMGT]i?B?|B)?(?![0-9.A-Za-z])/i
const TIME = /(?:[0-9]{1,15}(?:\.[0-9]{1,6})? ?(?:ms|[wdhms]))+(?![0-9.A-Za-z])/
const UNIT = /[wdhms](?![0-9.A-Za-z])/
const WORD = /[A-Za-z]+/
const SPACE = / */
const MOST_WINDOW_MS = 366 * 86_400_000
/** How people write units that are not ours. */
const LONG_UNITS: ReadonlyMap<string, string> = new Map(
  ['second', 'minute', 'hour', 'day', 'week'].flatMap(name => [
    [name, name[0]!],
    [`${name}s`, name[0]!],
    [name.slice(0, 3), name[0]!],
  ]),
)

/** Throws a `ReadError`. */
export function readRate(text: string, of: RateOf): Rate {
  const input = new Reader(text)
  input.take(SPACE)
  const word = input.take(WORD)
  if (word !== undefined) {
    if (word === UNLIMITED && input.atEnd) return UNLIMITED
    const meant = closest(word, [UNLIMITED]) === undefined ? '' : `; did you mean ${UNLIMITED}?`
    throw new ReadError(1, `${example(of)} or ${UNLIMITED}`).with(meant)
  }
  const start = input.column
  const amount = of === 'size' ? input.need(SIZE, 'a size like 200MB') : input.need(COUNT, 'a whole number')
  const limit = of === 'size' ? parseSize(amount) : Number(amount)
  if (limit === undefined) throw new ReadError(start, 'a size like 200MB')
  input.take(SPACE)
  if (input.take('/') === undefined) throw new ReadError(input.column, `/ and a time, as in ${example(of)}`)
  input.take(SPACE)
  const windowMs = readWindow(input, text)
  input.take(SPACE)
  input.end()
  return { limit, windowMs }
}

/** `60 in 1m`, for people. */
export function formatRate({ limit, windowMs }: BudgetTerms, of: RateOf): string {
  return `${of === 'size' ? formatSize(limit) : limit} in ${formatDuration(windowMs)}`
}

function readWindow(input: Reader, text: string): number {
  const { column } = input
  const unit = input.take(UNIT)
  const time = unit === undefined ? input.take(TIME) : `1${unit}`
  if (time === undefined) throw new ReadError(column, 'a time like 1m, 12h or 1d').with(meantTime(input, text, column))
  const windowMs = parseDuration(time) ?? 0
  if (windowMs < 1 || windowMs > MOST_WINDOW_MS) throw new ReadError(column, 'a time from 1ms to 366d')
  return windowMs
}

function meantTime(input: Reader, text: string, column: number): string {
  const amount = input.take(/[0-9]+ ?/) ?? ''
  const word = input.take(WORD)?.toLowerCase() ?? (amount === '' ? undefined : 'minute')
  const unit =
    word === undefined ? undefined : (LONG_UNITS.get(word) ?? LONG_UNITS.get(closest(word, LONG_UNITS.keys()) ?? ''))
  return unit === undefined ? '' : `; did you mean ${text.slice(0, column - 1)}${amount.trim()}${unit}?`
}

function example(of: RateOf): string {
  return of === 'size' ? '200MB/1d' : '60/1m'
}
