/**
 * The first address of an address field of a message: whom a reader takes for its author, or where answers go. Bounded; never throws.
 */
import { parseAddressList } from './address-list.js'
import { Beside } from './beside.js'
import { domainKey } from './domain.js'
import { decodeWords } from './words.js'

export interface FieldMailbox {
  /** Display name, encoded words decoded; '' when there is none. */
  readonly name: string
  readonly local: string
  /** A-labels in lower case; as written, in lower case, when it cannot be a domain. */
  readonly domain: string
}

type Header = readonly { readonly name: string; readonly raw: string }[]

const MAX_RAW = 4000
const MAX_NAME = 300
/**
 * What nearly all write: `Name <a@b.example>`, `"Name" <a@b.example>`, `a@b.example`. Words are what the reader of lists takes for words, with one space
 * between two, so that both come to the same.
 */
const PLAIN =
  /^(?:(?:"([^"\\]*)"|([^\x00-\x20<>@,:;."([]+(?: [^\x00-\x20<>@,:;."([]+)*)) ?)?<([^\x00-\x20<>@,:;"([]+)@([^\x00-\x20<>@,:;"([]+)> *$/
const BARE = /^([^\x00-\x20<>@,:;"([]+)@([^\x00-\x20<>@,:;"([]+) *$/
const ASCII = /^[\x00-\x7f]*$/

const known = new Beside<Header, Map<string, FieldMailbox | undefined>>()

/** Of the first field of that name, in lower case; nothing: there is none, or nobody in it has a domain. Read once for each header, whoever asks. */
export function mailboxOf(header: Header, field: string): FieldMailbox | undefined {
  let there = known.get(header)
  if (there?.has(field)) return there.get(field)
  const found = readFirst(header, field)
  if (there === undefined) {
    there = new Map()
    // Of what is frozen nothing can be kept.
    if (Object.isExtensible(header)) known.set(header, there)
  }
  there.set(field, found)
  return found
}

function readFirst(header: Header, field: string): FieldMailbox | undefined {
  const raw = header.find(({ name }) => name.length === field.length && name.toLowerCase() === field)?.raw
  const item = raw === undefined ? undefined : firstIn(raw.slice(0, MAX_RAW))
  if (item === undefined) return undefined
  const written = utf8(item.domain)
  return {
    name: decodeWords(item.name).slice(0, MAX_NAME),
    local: utf8(item.local),
    domain: domainKey(written),
  }
}

function firstIn(raw: string): FieldMailbox | undefined {
  const named = PLAIN.exec(raw)
  if (named !== null) return { name: named[1] ?? named[2] ?? '', local: named[3]!, domain: named[4]! }
  const bare = BARE.exec(raw)
  if (bare !== null) return { name: '', local: bare[1]!, domain: bare[2]! }
  return parseAddressList(raw)
    .flatMap(entry => (entry.kind === 'group' ? entry.members : [entry]))
    .find(({ domain }) => domain !== '')
}

/** Fields hold octets as Latin-1 (RFC 6532 §3.2: what is beyond ASCII is UTF-8). */
function utf8(raw: string): string {
  return ASCII.test(raw) ? raw : Buffer.from(raw, 'latin1').toString()
}
