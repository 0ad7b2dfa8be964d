/**
 * The tokens of a mail: of its words, its letters, its header, its links and its build. Pure, bounded, never waits; the same mail always gives the
 * same tokens, whether it is on its way in or comes out of a mailbox.
 */
import type { Message, MessageText } from 'posthouse/api'
import { webLinks } from 'posthouse/text'
import { addFacts } from './facts.js'
import { addHeader } from './header.js'
import type { Kind } from './kinds.js'
import { plain, plainBody } from './plain.js'
import { AT, addWhole, Collecting, Naming, type Sink, type Tokens } from './sink.js'
import { addLetters, addWords, OF_NAMES, OF_TEXT } from './words.js'

/** Answers, forwards and the names of lists in front of a subject. */
const IN_FRONT = /^\s*(?:(?:re|fwd?|aw|sv|wg|antw|tr|rv|enc)\s*:\s*|\[[^\]]{1,40}\]\s*)+/i
const MOST_SUBJECT = 400
const MOST_NAME = 200
const MOST_HOSTS = 20

export function tokensOf(message: Message, text: MessageText): Tokens {
  const sink = new Collecting()
  walk(sink, message, text)
  return sink.tokens()
}

export type Name = { readonly kind: Kind; readonly text: string }

/** What these tokens stand for in this mail. */
export function namesOf(message: Message, text: MessageText, wanted: ReadonlySet<number>): ReadonlyMap<number, Name> {
  const sink = new Naming(wanted)
  walk(sink, message, text)
  return sink.names
}

function walk(sink: Sink, message: Message, text: MessageText): void {
  const subject = plain(text.subject.slice(0, MOST_SUBJECT).replace(IN_FRONT, ''))
  const body = plainBody(text.body === '' ? text.htmlFacts.imageText : text.body)
  const from = message.field('from')?.slice(0, 1000) ?? ''
  const fromDomain = domainOf(from)
  const reply = message.field('reply-to')?.slice(0, 1000)
  addWords(sink, subject, OF_NAMES)
  addWords(sink, plain(from.replace(/<[^>]*>?/g, ' ').slice(0, MOST_NAME)), OF_NAMES)
  addWords(sink, `${subject} . ${body}`, OF_TEXT)
  addLetters(sink, ` ${subject} | ${body} `)
  addFacts(sink, text, text.subject, { from: fromDomain, reply: reply === undefined ? undefined : domainOf(reply) })
  addHeader(sink, message, fromDomain)
  for (const { host } of webLinks(text).slice(0, MOST_HOSTS)) {
    addWhole(sink, AT.local, `link ${host}`)
    addWhole(sink, AT.local, `link ${host.split('.').slice(-2).join('.')}`)
  }
}

function domainOf(field: string): string {
  return /@([\w.-]{1,255})/.exec(field)?.[1]?.toLowerCase() ?? ''
}
