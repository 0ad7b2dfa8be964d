/**
 * Search programs (RFC 3501 §6.4.4, RFC 9051 §6.4.4, §9 search-key, and the keys of RFC 5032, 7162, 8474, 8514), read into a tree of few kinds. Bounded in depth and number of keys, so that
 * neither reading nor matching can be made to run away. Strings are decoded here by the charset, once.
 */
import { canonicalCharset, decodeCharset, knowsCharset } from 'posthouse/text'
import { readDate } from './date.js'
import type { CapabilityName } from './features.js'
import { readFieldName } from './fetch-items.js'
import { ReadError, type Reader, utf8 } from './reader.js'
import { type NumberSet, readSet, SET_AHEAD } from './set.js'

export type When = 'before' | 'on' | 'since'

export type SearchKey =
  | { readonly kind: 'all' }
  | { readonly kind: 'flag'; readonly flag: string; readonly set: boolean }
  | { readonly kind: 'recent'; readonly set: boolean }
  /** Days are midnight UTC. */
  | { readonly kind: 'internal' | 'sent' | 'saved'; readonly when: When; readonly day: number }
  /** RFC 5032: by INTERNALDATE, to the second. */
  | { readonly kind: 'younger' | 'older'; readonly seconds: number }
  /** RFC 7162 §3.1.5; of single flags we keep no MODSEQs, so those of the message answer for them. */
  | { readonly kind: 'modseq'; readonly from: number }
  /** RFC 8474 §6 */
  | { readonly kind: 'emailid' | 'threadid'; readonly id: string }
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

/** Whether messages are named by their place in the mailbox. */
export function namesPlaces(key: SearchKey): boolean {
  switch (key.kind) {
    case 'sequence':
      return true
    case 'not':
      return namesPlaces(key.key)
    case 'or':
      return namesPlaces(key.left) || namesPlaces(key.right)
    case 'and':
      return key.keys.some(namesPlaces)
    default:
      return false
  }
}

export type SearchProgram =
  | { readonly kind: 'search'; readonly key: SearchKey }
  /** RFC 3501 §6.4.4: an unknown charset is answered NO [BADCHARSET], not BAD. */
  | { readonly kind: 'unknown-charset'; readonly charset: string }

/**
 * Told with BADCHARSET (RFC 3501 §7.1). Known is what the readers of mail know, some hundred names more than these.
 */
export const CHARSETS = [
  'US-ASCII',
  'UTF-8',
  ...Array.from({ length: 16 }, (_, part) => `ISO-8859-${part + 1}`).filter(name => name !== 'ISO-8859-12'),
  ...Array.from({ length: 9 }, (_, page) => `WINDOWS-125${page}`),
  'KOI8-R',
  'KOI8-U',
  'ISO-2022-JP',
  'EUC-JP',
  'SHIFT_JIS',
  'EUC-KR',
  'GB2312',
  'GBK',
  'GB18030',
  'BIG5',
  'TIS-620',
  'MACINTOSH',
  'UTF-7',
] as const
/** Clients that look for many messages send `OR a OR b OR c …`, a level for each. */
const DEEPEST = 200
const MOST_KEYS = 500

/** What reading goes on with: how many keys there were, and what strings are in. */
interface Budget {
  keys: number
  readonly charset: string
}

/** RFC 5256 §5 search-criteria: the charset stands without the word CHARSET, and always. */
export function readCriteria(input: Reader): SearchProgram {
  return readIn(input, input.astring('a charset'))
}

export function readSearch(input: Reader): SearchProgram {
  const column = input.column
  if (input.take(/CHARSET /iy) === undefined) return readKeysIn(input, 'utf-8')
  // RFC 6855 §3: everything is UTF-8 then, and a charset is BAD.
  if (input.enabled('UTF8=ACCEPT')) throw new ReadError(column, 'no charset after ENABLE UTF8=ACCEPT')
  return readIn(input, input.astring('a charset'))
}

function readIn(input: Reader, charset: string): SearchProgram {
  const name = canonicalCharset(charset)
  if (name === '' || !knowsCharset(name)) {
    input.skip()
    return { kind: 'unknown-charset', charset }
  }
  input.space()
  // US-ASCII is part of UTF-8, and clients that say so send UTF-8 when they send more.
  return readKeysIn(input, name === 'us-ascii' || name === 'ascii' ? 'utf-8' : name)
}

function readKeysIn(input: Reader, charset: string): SearchProgram {
  return { kind: 'search', key: readKeys(input, 0, { keys: 0, charset }) }
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
  if (input.peek(SET_AHEAD) && (input.can('SEARCHRES') || !input.peek('$')))
    return { kind: 'sequence', set: readSet(input) }
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
  return BARE.get(name) ?? readWithArgument(input, name, column, budget)
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

/** Keys of a capability: where it is switched off, nobody knows them. */
const NEEDED: ReadonlyMap<string, CapabilityName> = new Map([
  ['YOUNGER', 'WITHIN'],
  ['OLDER', 'WITHIN'],
  ['MODSEQ', 'CONDSTORE'],
  ['EMAILID', 'OBJECTID'],
  ['THREADID', 'OBJECTID'],
  ['SAVEDBEFORE', 'SAVEDATE'],
  ['SAVEDON', 'SAVEDATE'],
  ['SAVEDSINCE', 'SAVEDATE'],
  ['SAVEDATESUPPORTED', 'SAVEDATE'],
])

function readWithArgument(input: Reader, name: string, column: number, budget: Budget): SearchKey {
  const needed = NEEDED.get(name)
  if (needed !== undefined && !input.can(needed)) throw new ReadError(column, 'a search key like ALL, UNSEEN or FROM')
  const readText = (from: Reader) => readString(from, budget.charset)
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
      return { kind: name.toLowerCase() as 'larger' | 'smaller', octets: input.number64('a size in octets') }
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
    case 'YOUNGER':
    case 'OLDER':
      input.space()
      // RFC 5032 §3: nz-number
      return { kind: name.toLowerCase() as 'younger' | 'older', seconds: input.nzNumber('seconds above 0') }
    case 'SAVEDBEFORE':
    case 'SAVEDON':
    case 'SAVEDSINCE':
      return { kind: 'saved', when: name.slice(5).toLowerCase() as When, day: readDay(input) }
    case 'SAVEDATESUPPORTED':
      // RFC 8514 §4.3: every mailbox here keeps the date.
      return { kind: 'all' }
    case 'MODSEQ':
      return readModseq(input)
    case 'EMAILID':
    case 'THREADID':
      input.space()
      return { kind: name.toLowerCase() as 'emailid' | 'threadid', id: input.astring('an id') }
    default:
      throw new ReadError(column, 'a search key like ALL, UNSEEN or FROM')
  }
}

function readDay(input: Reader): number {
  input.space()
  return readDate(input)
}

/** RFC 7162 §3.1.5: `MODSEQ "/flags/\\Draft" all 620162338`; the entry and its type may be left out. */
function readModseq(input: Reader): SearchKey {
  input.space()
  if (input.peek('"')) {
    input.string('an entry like "/flags/\\\\Draft"')
    input.space()
    input.need(/(?:priv|shared|all)(?= )/iy, 'priv, shared or all')
    input.space()
  }
  return { kind: 'modseq', from: Number(input.need(/[0-9]{1,19}/y, 'a modseq')) }
}

function readString(input: Reader, charset: string): string {
  input.space()
  const octets = input.astring()
  return charset === 'utf-8' ? utf8(octets) : decodeCharset(Buffer.from(octets, 'latin1'), charset)
}
