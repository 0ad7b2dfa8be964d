/**
 * Search programs (RFC 3501 §6.4.4, §9 search-key), read into a tree of few kinds. Bounded in depth and number of keys, so that
 * neither reading nor matching can be made to run away. Strings are decoded here by the charset, once.
 */
import { readDate } from './date.js'
import { readFieldName } from './fetch-items.js'
import { ReadError, type Reader, utf8 } from './reader.js'
import { type NumberSet, readSet, SET_AHEAD } from './set.js'

export type When = 'before' | 'on' | 'since'

export type SearchKey =
  | { readonly kind: 'all' }
  | { readonly kind: 'flag'; readonly flag: string; readonly set: boolean }
  | { readonly kind: 'recent'; readonly set: boolean }
  /** Days are midnight UTC. */
  | { readonly kind: 'internal' | 'sent'; readonly when: When; readonly day: number }
  | { readonly kind: 'larger' | 'smaller'; readonly octets: number }
  /** An empty value asks only whether there is such a field. */
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  /** A header field that holds addresses. */
  | { readonly kind: 'address'; readonly name: string; readonly value: string }
  | { readonly kind: 'body' | 'text'; readonly value: string }
  | { readonly kind: 'uid' | 'sequence'; readonly set: NumberSet }
  | { readonly kind: 'not'; readonly key: SearchKey }
  | { readonly kind: 'or'; readonly left: SearchKey; readonly right: SearchKey }
  | { readonly kind: 'and'; readonly keys: readonly SearchKey[] }

export type SearchProgram =
  | { readonly kind: 'search'; readonly key: SearchKey }
  /** RFC 3501 §6.4.4: an unknown charset is answered NO [BADCHARSET], not BAD. */
  | { readonly kind: 'unknown-charset'; readonly charset: string }

export const CHARSETS = ['US-ASCII', 'UTF-8'] as const
/** Clients that look for many messages send `OR a OR b OR c …`, a level for each. */
const DEEPEST = 200
const MOST_KEYS = 500

interface Budget {
  keys: number
}

export function readSearch(input: Reader): SearchProgram {
  if (input.take(/CHARSET /iy) !== undefined) {
    const charset = input.astring('a charset')
    if (!CHARSETS.some(known => known === charset.toUpperCase())) {
      input.skip()
      return { kind: 'unknown-charset', charset }
    }
    input.space()
  }
  const budget = { keys: 0 }
  return { kind: 'search', key: readKeys(input, 0, budget) }
}

/** Keys next to each other must all match. */
function readKeys(input: Reader, depth: number, budget: Budget): SearchKey {
  const keys = [readKey(input, depth, budget)]
  while (input.take(' ') !== undefined) keys.push(readKey(input, depth, budget))
  return keys.length === 1 ? keys[0]! : { kind: 'and', keys }
}

function readKey(input: Reader, depth: number, budget: Budget): SearchKey {
  if (depth > DEEPEST) input.refuse(`search keys nested at most ${DEEPEST} deep`)
  if (++budget.keys > MOST_KEYS) input.refuse(`at most ${MOST_KEYS} search keys`)
  if (input.take('(') !== undefined) {
    const inner = readKeys(input, depth + 1, budget)
    input.need(')', 'a space or )')
    return inner
  }
  if (input.peek(SET_AHEAD)) return { kind: 'sequence', set: readSet(input) }
  const column = input.column
  const name = input.need(/[A-Z]+/iy, 'a search key').toUpperCase()
  if (name === 'NOT') {
    input.space()
    return { kind: 'not', key: readKey(input, depth + 1, budget) }
  }
  if (name === 'OR') {
    input.space()
    const left = readKey(input, depth + 1, budget)
    input.space()
    return { kind: 'or', left, right: readKey(input, depth + 1, budget) }
  }
  return BARE.get(name) ?? readWithArgument(input, name, column)
}

const flag = (name: string, set: boolean): SearchKey => ({ kind: 'flag', flag: name, set })

const BARE: ReadonlyMap<string, SearchKey> = new Map<string, SearchKey>([
  ['ALL', { kind: 'all' }],
  ['ANSWERED', flag('\\Answered', true)],
  ['DELETED', flag('\\Deleted', true)],
  ['DRAFT', flag('\\Draft', true)],
  ['FLAGGED', flag('\\Flagged', true)],
  ['SEEN', flag('\\Seen', true)],
  ['UNANSWERED', flag('\\Answered', false)],
  ['UNDELETED', flag('\\Deleted', false)],
  ['UNDRAFT', flag('\\Draft', false)],
  ['UNFLAGGED', flag('\\Flagged', false)],
  ['UNSEEN', flag('\\Seen', false)],
  ['RECENT', { kind: 'recent', set: true }],
  ['OLD', { kind: 'recent', set: false }],
  ['NEW', { kind: 'and', keys: [{ kind: 'recent', set: true }, flag('\\Seen', false)] }],
])

/** Keys that stand for a header field of that name. */
const ADDRESSES = new Set(['BCC', 'CC', 'FROM', 'TO'])

function readWithArgument(input: Reader, name: string, column: number): SearchKey {
  if (ADDRESSES.has(name)) return { kind: 'address', name, value: readText(input) }
  switch (name) {
    case 'SUBJECT':
      return { kind: 'header', name, value: readText(input) }
    case 'BEFORE':
    case 'ON':
    case 'SINCE':
      return { kind: 'internal', when: name.toLowerCase() as When, day: readDay(input) }
    case 'SENTBEFORE':
    case 'SENTON':
    case 'SENTSINCE':
      return { kind: 'sent', when: name.slice(4).toLowerCase() as When, day: readDay(input) }
    case 'LARGER':
    case 'SMALLER':
      input.space()
      return { kind: name.toLowerCase() as 'larger' | 'smaller', octets: input.number('a size in octets') }
    case 'BODY':
    case 'TEXT':
      return { kind: name.toLowerCase() as 'body' | 'text', value: readText(input) }
    case 'KEYWORD':
    case 'UNKEYWORD':
      input.space()
      return flag(input.atom('a keyword'), name === 'KEYWORD')
    case 'HEADER': {
      input.space()
      const field = readFieldName(input)
      return { kind: 'header', name: field, value: readText(input) }
    }
    case 'UID':
      input.space()
      return { kind: 'uid', set: readSet(input) }
    default:
      throw new ReadError(column, 'a search key like ALL, UNSEEN or FROM')
  }
}

function readDay(input: Reader): number {
  input.space()
  return readDate(input)
}

/** US-ASCII is part of UTF-8, and clients that name no charset send UTF-8 when they send more than ASCII. */
function readText(input: Reader): string {
  input.space()
  return utf8(input.astring())
}
