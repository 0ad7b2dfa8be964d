/**
 * Mailbox names and patterns (RFC 3501 §5.1, §6.3.8, §9 mailbox, list-mailbox). On the wire they are modified UTF-7; from here on UTF-8.
 * INBOX is the same in any case (§5.1), also as the first level of a longer name, since it is one mailbox with its inferiors.
 */
import { ReadError, type Reader } from './reader.js'
import { decodeUtf7, encodeUtf7 } from './utf7.js'
import { quote } from './write.js'

export const DELIMITER = '/'

/** Well-formed, but no name (RFC 3501 §5.1.3): the command is refused with NO and not BAD. */
export class NameError extends ReadError {}

const LONGEST_PATTERN = 1024
const MOST_WILDCARDS = 16

const LIST_MAILBOX = /[^\x00-\x20\x7f-\xff(){"\\]+/y

export function readMailbox(input: Reader): string {
  const column = input.column
  return toName(input.astring('a mailbox name'), column)
}

/** Pattern of LIST and LSUB: wildcards need no quotes. It stays as it is on the wire, as a wildcard may stand in place of half a name. */
export function readListMailbox(input: Reader): string {
  const column = input.column
  const pattern = input.take(LIST_MAILBOX) ?? input.string('a mailbox pattern')
  // Matching costs pattern × name × mailboxes.
  if (pattern.length > LONGEST_PATTERN) throw new ReadError(column, `a pattern of at most ${LONGEST_PATTERN} octets`)
  if (pattern.split(/[*%]+/).length > MOST_WILDCARDS + 1)
    throw new ReadError(column, `a pattern of at most ${MOST_WILDCARDS} wildcards`)
  return pattern
}

function toName(octets: string, column: number): string {
  const name = decodeUtf7(octets)
  // RFC 3501 §5.1.3 leaves 8-bit names undefined; taking them would give a mailbox two spellings.
  if (name === undefined) throw new NameError(column, 'a mailbox name in modified UTF-7')
  return canonicalName(name)
}

export function canonicalName(name: string): string {
  return /^inbox(?=\/|$)/i.test(name) ? `INBOX${name.slice(5)}` : name
}

/** The name as we send it; always quoted, which every client takes. */
export function writeMailbox(name: string): string {
  return quote(encodeUtf7(name))
}

/** RFC 3501 §6.3.8: `*` matches anything, `%` anything but the delimiter. Linear in pattern × name, never exponential. */
export function matchesPattern(pattern: string, name: string): boolean {
  const star = pattern.replace(/[*%]{2,}/g, run => (run.includes('*') ? '*' : '%'))
  let states = new Set<number>(closure(star, 0))
  for (const char of name) {
    const next = new Set<number>()
    for (const at of states) {
      const wild = star[at]
      if (wild === '*' || (wild === '%' && char !== DELIMITER)) for (const to of closure(star, at)) next.add(to)
      else if (wild !== '%' && star.startsWith(char, at)) for (const to of closure(star, at + char.length)) next.add(to)
    }
    if (next.size === 0) return false
    states = next
  }
  return states.has(star.length)
}

/** `at` and, when a wildcard stands there, what follows it. */
function closure(pattern: string, at: number): number[] {
  const reached = [at]
  for (let i = at; pattern[i] === '*' || pattern[i] === '%'; i++) reached.push(i + 1)
  return reached
}
