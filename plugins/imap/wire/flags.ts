/**
 * Flags (RFC 3501 §2.3.2, §9 flag). System flags get their one spelling here; keywords keep the client's.
 * `\Recent` is the server's and cannot be stored; unknown `\` flags are kept for future extensions, so they are refused.
 */
import { ReadError, type Reader } from './reader.js'

export const SYSTEM_FLAGS = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'] as const

const SYSTEM = new Map(SYSTEM_FLAGS.map(flag => [flag.toLowerCase(), flag as string]))
const MOST_FLAGS = 100
const LONGEST_KEYWORD = 128

export function readFlag(input: Reader): string {
  const column = input.column
  if (input.take('\\') === undefined) {
    const keyword = input.atom('a flag')
    if (keyword.length > LONGEST_KEYWORD) throw new ReadError(column, `a keyword of at most ${LONGEST_KEYWORD} octets`)
    return keyword
  }
  const flag = SYSTEM.get(`\\${input.atom('a flag')}`.toLowerCase())
  if (flag === undefined) throw new ReadError(column, `one of ${SYSTEM_FLAGS.join(' ')} or a keyword`)
  return flag
}

/** `(` flags `)`, which may be empty. */
export function readFlagList(input: Reader): string[] {
  if (input.take('()') !== undefined) return []
  return unique(input.list(() => readFlag(input), MOST_FLAGS, 'flags'))
}

/** STORE also takes flags without parentheses. */
export function readFlags(input: Reader): string[] {
  if (input.peek('(')) return readFlagList(input)
  const flags = [readFlag(input)]
  while (input.take(' ') !== undefined) {
    if (flags.length >= MOST_FLAGS) input.refuse(`no more than ${MOST_FLAGS} of them`)
    flags.push(readFlag(input))
  }
  return unique(flags)
}

/** Keywords are the same whatever their case; the first spelling wins. */
function unique(flags: readonly string[]): string[] {
  const seen = new Map(flags.toReversed().map(flag => [flag.toLowerCase(), flag]))
  return [...new Set(flags.map(flag => seen.get(flag.toLowerCase())!))]
}

export function hasFlag(flags: readonly string[], flag: string): boolean {
  const wanted = flag.toLowerCase()
  return flags.some(one => one.toLowerCase() === wanted)
}

/** Sets are compared, not spellings. */
export function sameFlags(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every(flag => hasFlag(b, flag))
}
