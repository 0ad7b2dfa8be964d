/**
 * Received fields (RFC 5321 §4.4), read as the world writes them: Postfix, Sendmail, Exim, qmail, Exchange, the large providers. What cannot be read is
 * left out. One pass, bounded; never throws.
 */
import { isIP } from 'node:net'
import type { Hop } from 'posthouse/api'
import { parseDate } from 'posthouse/text'
import { addressIn } from './domains.js'

const MAX_FIELD = 2000
const MAX_FIELDS = 60
const MAX_TOKENS = 200
const CLAUSES = new Set(['from', 'by', 'via', 'with', 'id', 'for'])
const NAME = /^[a-z0-9_](?:[a-z0-9_.-]{0,253}[a-z0-9_])?\.?$/i

/** `raw` unfolded, the newest first, as they stand in the header. */
export function readHops(fields: readonly string[]): readonly Hop[] {
  return fields.slice(0, MAX_FIELDS).map(readHop)
}

export function readHop(raw: string): Hop {
  const field = raw.slice(0, MAX_FIELD)
  const end = field.lastIndexOf(';')
  const clauses = clausesOf(end < 0 ? field : field.slice(0, end))
  const date = end < 0 ? '' : field.slice(end + 1)
  const [by] = clauses.get('by')?.words ?? []
  const [protocol] = clauses.get('with')?.words ?? []
  const at = parseDate(date)
  const zone = zoneIn(date)
  return {
    ...clientOf(clauses.get('from')),
    ...(by !== undefined && { by: nameIn(by) ?? by.toLowerCase() }),
    ...(protocol !== undefined && { protocol }),
    ...(at !== undefined && { at }),
    ...(zone !== undefined && { zone }),
  }
}

/** What stands behind the time; a year after a dash (`20-May-2026`) is none. */
export function zoneIn(date: string): string | undefined {
  return /:\d\d(?: \d{4})? ?([+-]\d{4})(?!\d)/.exec(date.slice(0, 200))?.[1]
}

interface Clause {
  readonly words: string[]
  readonly comments: string[]
}

/** Comments belong to the clause they stand in; a word of a clause's name begins one only once. */
function clausesOf(text: string): ReadonlyMap<string, Clause> {
  const clauses = new Map<string, Clause>()
  let clause: Clause | undefined
  for (const { kind, text: token } of tokensOf(text)) {
    const word = token.toLowerCase()
    if (kind === 'word' && CLAUSES.has(word) && !clauses.has(word)) {
      clause = { words: [], comments: [] }
      clauses.set(word, clause)
    } else if (kind === 'word') clause?.words.push(token)
    else clause?.comments.push(token)
  }
  return clauses
}

interface Token {
  readonly kind: 'word' | 'comment'
  readonly text: string
}

function* tokensOf(text: string): Generator<Token> {
  let at = 0
  for (let count = 0; count < MAX_TOKENS && at < text.length; count++) {
    if (text[at]! <= ' ') {
      at++
      count--
    } else if (text[at] === '(') {
      const end = commentEnd(text, at)
      yield { kind: 'comment', text: text.slice(at + 1, end).trim() }
      at = end + 1
    } else {
      const start = at
      while (at < text.length && text[at]! > ' ' && text[at] !== '(') at++
      yield { kind: 'word', text: text.slice(start, at) }
    }
  }
}

/** Comments nest (RFC 5322 §3.2.2); one without an end goes to the end. */
function commentEnd(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return at
  }
  return text.length
}

/**
 * Who the client was. The first word is the name it gave, or (qmail, Exim) the name that was found, when a comment says `HELO x` or `helo=x`; in a comment
 * stands the address, in brackets or alone, and before it (Postfix, Sendmail) the name that was found.
 */
function clientOf(from: Clause | undefined): Pick<Hop, 'helo' | 'reverse' | 'address'> {
  if (from === undefined) return {}
  const [first = ''] = from.words
  const said = from.comments.map(saidIn).find(name => name !== undefined)
  const found = from.comments.map(foundIn).find(name => name !== undefined)
  const address = addressOf(from)
  const name = nameIn(first)
  const helo = said ?? name ?? (first.startsWith('[') ? first.toLowerCase() : undefined)
  const reverse = said === undefined ? found : (found ?? name)
  return {
    ...(helo !== undefined && { helo }),
    ...(reverse !== undefined && reverse !== 'unknown' && { reverse }),
    ...(address !== undefined && { address }),
  }
}

function saidIn(comment: string): string | undefined {
  const [, name] = /(?:^|\s)(?:helo|ehlo)[ =]([^\s()]{1,255})/i.exec(comment) ?? []
  return name?.toLowerCase()
}

/** `mail.example.com [192.0.2.1]`, `IDENT:user@mail.example.com [192.0.2.1]` */
function foundIn(comment: string): string | undefined {
  const [, name] = /^(?:\S{1,100}@)?([^\s@[\]]{1,255}) ?\[/.exec(comment) ?? []
  return name === undefined || name.toLowerCase() === 'unknown' ? undefined : nameIn(name)
}

function addressOf({ words, comments }: Clause): string | undefined {
  for (const text of [...comments, ...words.slice(0, 3)]) {
    const [, inside] = /\[((?:ipv6:)?[0-9a-f.:]{2,60})\]/i.exec(text) ?? []
    const bare = inside ?? text.replace(/^\S{0,100}@/, '')
    const address = addressIn(`[${bare}]`)
    if (isIP(address) !== 0) return address.toLowerCase()
  }
  return undefined
}

function nameIn(word: string): string | undefined {
  return NAME.test(word) && isIP(word) === 0 ? word.toLowerCase().replace(/\.$/, '') : undefined
}
