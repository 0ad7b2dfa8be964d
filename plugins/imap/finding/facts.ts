/**
 * What SORT and THREAD (RFC 5256) ask of a message's header, worked out once. Strings are folded as they are compared.
 */
import { decodeWords, type Field, parseAddressList, parseDate } from 'posthouse/text'
import { fold } from './fold.js'
import { baseSubject } from './subject.js'

export interface Facts {
  /** Sent date in milliseconds; `undefined` where there is none that can be read. */
  readonly sent?: number
  /** Base subject. */
  readonly subject: string
  /** A reply or a forward, by its subject. */
  readonly reply: boolean
  /** addr-mailbox of the first address. */
  readonly from: string
  readonly to: string
  readonly cc: string
  /** Message-ID; '' without. */
  readonly id: string
  /** Message-IDs of what it refers to, the oldest first. */
  readonly references: readonly string[]
}

/** More ancestors than these are cut out of the middle: the first and the nearest tell where a message belongs. */
const MOST_REFERENCES = 100
const LONGEST_ID = 500
const LONGEST_NAME = 200
const WANTED = new Set(['date', 'subject', 'from', 'to', 'cc', 'message-id', 'references', 'in-reply-to'])
// A msg-id: no space, and an `@` as RFC 5322 §3.6.4 has it; more than that real mail does not keep to.
const MESSAGE_ID = /<([^<>\s]{1,998})>/g

export function factsOf(header: readonly Field[]): Facts {
  const found = firstOf(header)
  const date = found.get('date')
  const sent = date === undefined ? undefined : parseDate(date)
  const { base, reply } = baseSubject(decodeWords(found.get('subject') ?? ''))
  const references = idsIn(found.get('references') ?? '')
  const parents = references.length > 0 ? references : idsIn(found.get('in-reply-to') ?? '').slice(0, 1)
  return {
    ...(sent !== undefined && { sent }),
    subject: fold(base),
    reply,
    from: firstMailbox(found.get('from')),
    to: firstMailbox(found.get('to')),
    cc: firstMailbox(found.get('cc')),
    id: idsIn(found.get('message-id') ?? '')[0] ?? '',
    references: shortened(parents),
  }
}

function firstOf(header: readonly Field[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { name, raw } of header) {
    const lower = name.toLowerCase()
    if (WANTED.has(lower) && !found.has(lower)) found.set(lower, raw)
  }
  return found
}

/** RFC 5256 §3: of the first address, as ENVELOPE tells it: of a group that is its name. */
function firstMailbox(field: string | undefined): string {
  if (field === undefined) return ''
  const [first] = parseAddressList(field)
  const name = first === undefined ? '' : first.kind === 'group' ? first.name : first.local
  return fold(decodeWords(name.slice(0, LONGEST_NAME)))
}

function idsIn(field: string): string[] {
  return [...field.matchAll(MESSAGE_ID)].map(([, id]) => normalId(id!)).filter(id => id.length <= LONGEST_ID)
}

/** RFC 5256 §3: quoting makes no difference. */
function normalId(id: string): string {
  return id.includes('"') ? id.replace(/"((?:[^"\\]|\\.)*)"/g, (_, inner: string) => inner.replace(/\\(.)/g, '$1')) : id
}

function shortened(ids: readonly string[]): readonly string[] {
  if (ids.length <= MOST_REFERENCES) return ids
  return [...ids.slice(0, 1), ...ids.slice(1 - MOST_REFERENCES)]
}
