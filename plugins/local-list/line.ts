/**
 * One line of a list: `[!]PATTERN [key=value …] [reason]`, and `:[key=value …] [reason]` for what is said of all lines below it. `!` allows.
 * What follows ` #` is a comment. Reading never touches the list, so it can be fuzzed alone; `formatLine` writes what is read here.
 */
import type { ListEntry } from 'posthouse/api'
import { closest, printable } from 'posthouse/text'
import { readPattern, wishFor } from './pattern.js'

/** What is said of an entry beside its pattern and kind. */
export type Note = Omit<ListEntry, 'kind' | 'pattern' | 'place'>

export type Line =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'entry'; readonly allow: boolean; readonly key: string; readonly rest: string }
  | { readonly kind: 'defaults'; readonly rest: string }
  | Wrong

export interface Wrong {
  readonly kind: 'wrong'
  /** Counted from 1. */
  readonly column: number
  readonly message: string
}

export const MAX_LINE = 1000
const MAX_REASON = 300
const COMMENT = /(^|\s)#.*$/s
const CODE = /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?Z)?$/
const KEYS = ['points', 'code', 'until', 'since', 'by'] as const
type Key = (typeof KEYS)[number]

/** The rest of a line is looked at by `readNote` alone: in most lists it is the same in all lines, and then read once. */
export function readLine(text: string): Line {
  if (text.length > MAX_LINE) return wrong(MAX_LINE + 1, `expected at most ${MAX_LINE} characters in a line`)
  const line = text.includes('#') ? text.replace(COMMENT, '') : text
  const start = line.search(/\S/)
  if (start < 0) return { kind: 'nothing' }
  if (line[start] === ':') return { kind: 'defaults', rest: line.slice(start + 1).trim() }
  const allow = line[start] === '!'
  const from = allow ? start + 1 : start
  const space = line.slice(from).search(/\s/)
  const written = space < 0 ? line.slice(from) : line.slice(from, from + space)
  const key = readPattern(written)
  if (key === undefined) return wrong(from + 1, `"${printable(written, 80)}": ${wishFor(written)}`)
  return { kind: 'entry', allow, key, rest: space < 0 ? '' : line.slice(from + space).trim() }
}

/** `key=value` words, then the reason. */
export function readNote(rest: string): Note | Omit<Wrong, 'column'> {
  const note: { -readonly [K in keyof Note]: Note[K] } = {}
  let left = rest
  for (;;) {
    const [whole, key, value = ''] = /^([a-z_]+)=(\S*)\s*/i.exec(left) ?? []
    if (whole === undefined || key === undefined) break
    const trouble = take(note, key, value)
    if (trouble !== undefined) return { kind: 'wrong', message: trouble }
    left = left.slice(whole.length)
  }
  if (left !== '') note.reason = printable(left, MAX_REASON)
  return note
}

function take(note: { -readonly [K in keyof Note]: Note[K] }, key: string, value: string): string | undefined {
  switch (key as Key) {
    case 'points': {
      if (!/^\d{1,3}(\.\d{1,2})?$/.test(value)) return `points=${value}: expected a number from 0 to 999, as 2.5`
      note.points = Number(value)
      return undefined
    }
    case 'code': {
      if (!isCode(value)) return `code=${value}: expected an address in 127.0.0.0/8 that says something, as 127.0.0.4`
      note.code = value
      return undefined
    }
    case 'until':
    case 'since': {
      const at = readTime(value)
      if (at === undefined)
        return `${key}=${value}: expected a day or a time in UTC, as 2027-01-31 or 2027-01-31T12:00Z`
      note[key as 'until' | 'since'] = at
      return undefined
    }
    case 'by': {
      note.by = printable(value, 100)
      return undefined
    }
    default: {
      const near = closest(key, KEYS)
      return `there is no ${key}=; expected ${KEYS.map(one => `${one}=`).join(', ')} or a reason${near === undefined ? '' : `; did you mean ${near}=?`}`
    }
  }
}

/** 127.0.0.1 is never an answer of a list (RFC 5782 §5), and 127.255.255.0/24 is by custom a refusal. */
export function isCode(text: string): boolean {
  const octets = CODE.exec(text)?.slice(1).map(Number)
  if (octets === undefined || octets.some(octet => octet > 255)) return false
  return text !== '127.0.0.1' && text !== '127.0.0.0' && !text.startsWith('127.255.255.')
}

/** Milliseconds since the epoch. */
export function readTime(text: string): number | undefined {
  if (!DATE.test(text)) return undefined
  const at = Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text)
  return Number.isNaN(at) ? undefined : at
}

/** So that it is read as the same entry. */
export function formatLine({
  kind,
  pattern,
  points,
  code,
  since,
  until,
  by,
  reason,
}: Omit<ListEntry, 'place'>): string {
  const words = [
    `${kind === 'allow' ? '!' : ''}${pattern}`,
    ...(points === undefined ? [] : [`points=${points}`]),
    ...(code === undefined ? [] : [`code=${code}`]),
    ...(since === undefined ? [] : [`since=${formatTime(since)}`]),
    ...(until === undefined ? [] : [`until=${formatTime(until)}`]),
    ...(by === undefined || by === '' ? [] : [`by=${by.replace(/[\s#]+/g, '_')}`]),
    ...(reason === undefined || reason === '' ? [] : [asReason(reason)]),
  ]
  return words.join(' ')
}

/** Neither a comment nor, as its first word, something that is said of the entry: `points=9 in traps` would weigh. */
function asReason(text: string): string {
  return text
    .replace(/(^|\s)#+/g, '$1')
    .trim()
    .replace(/^([a-z_]+)=/i, '$1: ')
}

/** To the second, and the day alone where that is all there is. */
export function formatTime(at: number): string {
  const text = new Date(at).toISOString()
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : `${text.slice(0, 19)}Z`
}

function wrong(column: number, message: string): Wrong {
  return { kind: 'wrong', column, message }
}
