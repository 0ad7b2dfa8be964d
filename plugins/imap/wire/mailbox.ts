/**
 * Mailbox names and patterns (RFC 3501 §5.1, §6.3.8, §9 mailbox, list-mailbox). On the wire they are modified UTF-7, or UTF-8 for a client that has
 * enabled it (RFC 6855, RFC 9051 §5.1); from here on UTF-8.
 * INBOX is the same in any case (§5.1), also as the first level of a longer name, since it is one mailbox with its inferiors.
 */
import { decodeUtf7, encodeUtf7 } from 'posthouse/text'
import { speaksUtf8 } from './features.js'
import { isUtf8Octets, ReadError, type Reader, utf8 } from './reader.js'
import { quote } from './write.js'

export const DELIMITER = '/'

/** Well-formed, but no name (RFC 3501 §5.1.3): the command is refused with NO and not BAD. */
export class NameError extends ReadError {}

const LONGEST_PATTERN = 1024
const MOST_WILDCARDS = 16

const LIST_MAILBOX = /[^\x00-\x20\x7f-\xff(){"\\]+/y

export function readMailbox(input: Reader): string {
  const column = input.column
  return toName(input.astring('a mailbox name'), column, speaksUtf8(input))
}

/**
 * Pattern of LIST and LSUB: wildcards need no quotes. It stays as it is on the wire, as a wildcard may stand in place of half a name.
 * `undefined` for one that is too much for us: RFC 5258 §3 and RFC 9051 §6.3.9 want it passed over, and not refused.
 */
export function readListMailbox(input: Reader): string | undefined {
  const pattern = input.take(LIST_MAILBOX) ?? input.string('a mailbox pattern')
  // Matching costs pattern × name × mailboxes.
  return pattern.length <= LONGEST_PATTERN && wildcardsIn(pattern) <= MOST_WILDCARDS ? pattern : undefined
}

/** Those that follow each other are one. */
export function wildcardsIn(pattern: string): number {
  return pattern.split(/[*%]+/).length - 1
}

function toName(octets: string, column: number, plain: boolean): string {
  // RFC 6855 §3: UTF-8 in quotes is taken from everybody; only a name of 7 bits can be meant in two ways.
  const utf8Name = plain || /[\x80-\xff]/.test(octets)
  if (utf8Name && !isUtf8Octets(octets)) throw new NameError(column, 'a mailbox name in UTF-8')
  const name = utf8Name ? utf8(octets) : decodeUtf7(octets)
  if (name === undefined) throw new NameError(column, 'a mailbox name in modified UTF-7')
  return canonicalName(name)
}

export function canonicalName(name: string): string {
  return /^inbox(?=\/|$)/i.test(name) ? `INBOX${name.slice(5)}` : name
}

/** The name as we send it; always quoted, which every client takes. With `plain` for a client that has enabled UTF-8. */
export function writeMailbox(name: string, plain: boolean): string {
  return quote(plain ? Buffer.from(name).toString('latin1') : encodeUtf7(name))
}

/**
 * RFC 3501 §6.3.8: `*` matches anything, `%` anything but the delimiter. Where it does not go on, the last `%` takes one character more, or else the
 * last `*`: what the wildcards before took is the least they could, and taking more never helps.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  let [star, starAt, percent, percentAt] = [-1, 0, -1, 0]
  let [p, n] = [0, 0]
  for (;;) {
    const wild = pattern[p]
    if (wild === '*') {
      ;[star, starAt, percent] = [p, n, -1]
      p += 1
    } else if (wild === '%') {
      ;[percent, percentAt] = [p, n]
      p += 1
    } else if (n < name.length && wild === name[n]) {
      p += 1
      n += 1
    } else if (n === name.length && p === pattern.length) return true
    else if (percent >= 0 && percentAt < name.length && name[percentAt] !== DELIMITER) {
      percentAt += 1
      ;[p, n] = [percent + 1, percentAt]
    } else if (star >= 0 && starAt < name.length) {
      // A `%` that has no room left in its level has none either when the `*` ends later in the level it ends in.
      starAt = percent < 0 || name[starAt] === DELIMITER ? starAt + 1 : name.indexOf(DELIMITER, starAt)
      if (starAt < 0) return false
      ;[p, n, percent] = [star + 1, starAt, -1]
    } else return false
  }
}
