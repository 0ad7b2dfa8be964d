/**
 * The tokens of a mail: of its words, its letters, its header, its links and its build. Pure, bounded, never waits; the same mail always gives the
 * same tokens, whether it is on its way in or comes out of a mailbox.
 */
import type { Message, MessageText } from 'posthouse/api'
import { webLinks } from 'posthouse/text'
import { addFacts } from './facts.js'
import { addHeader } from './header.js'
import { plain, plainBody } from './plain.js'
import { AT, addWhole, type Name, Sink, type Tokens } from './sink.js'
import { addLetters, addWords, OF_NAMES, OF_TEXT } from './words.js'

/** Answers, forwards and the names of lists in front of a subject. */
const IN_FRONT = /^\s*(?:(?:re|fwd?|aw|sv|wg|antw|tr|rv|enc)\s*:\s*|\[[^\]]{1,40}\]\s*)+/i
const MOST_FIELD = 1000
const MOST_SUBJECT = 400
const MOST_NAME = 200
const MOST_HOSTS = 20

/** Lengths of text that are looked at as starts of mails that go on longer than half as much again. */
const STARTS = [120, 300, 800]

export interface Found {
  readonly tokens: Tokens
  /** The same with the words of the start only, of a long mail: whatever a sender puts below to dilute it is not there. */
  readonly starts: readonly Tokens[]
  /** What a token of it stands for. */
  nameOf(kind: number, token: number): Name | undefined
}

/** `passing`: its tokens are good until those of another mail are collected, so for nothing that waits. */
export function tokensIn(message: Message, text: MessageText, passing = false): Found {
  const sink = new Sink()
  const subject = plain(text.subject.slice(0, MOST_SUBJECT).replace(IN_FRONT, ''))
  const body = plainBody(text.body === '' ? text.htmlFacts.imageText : text.body)
  addNames(sink, message, subject)
  addText(sink, subject, body)
  addRest(sink, message, text)
  const tokens = sink.tokens(passing)
  const starts = STARTS.filter(start => body.length > 1.5 * start).map(start =>
    tokens.map((list, kind) =>
      // Tokens stand in the order of their first use, so those of a start are the first of all.
      TEXT_KINDS.has(kind) ? list.subarray(0, sink.before(kind, subject.length + start)) : list,
    ),
  )
  return { tokens, starts, nameOf: (kind, token) => sink.nameOf(kind, token) }
}

const TEXT_KINDS = new Set([AT.word, AT.pair, AT.letters])

function addText(sink: Sink, subject: string, body: string): void {
  addWords(sink, `${subject} . ${body}`, OF_TEXT)
  addLetters(sink, ` ${subject} | ${body} `)
}

function addNames(sink: Sink, message: Message, subject: string): void {
  const from = message.field('from')?.slice(0, MOST_FIELD) ?? ''
  addWords(sink, subject, OF_NAMES)
  addWords(sink, plain(from.replace(/<[^>]*>?/g, ' ').slice(0, MOST_NAME)), OF_NAMES)
}

/** All but text. */
function addRest(sink: Sink, message: Message, text: MessageText): void {
  const from = domainOf(message.field('from') ?? '')
  const reply = message.field('reply-to')
  addFacts(sink, text, text.subject, { from, reply: reply === undefined ? undefined : domainOf(reply) })
  addHeader(sink, message, from)
  for (const { host } of webLinks(text).slice(0, MOST_HOSTS)) {
    addWhole(sink, AT.local, `link ${host}`)
    addWhole(sink, AT.local, `link ${host.split('.').slice(-2).join('.')}`)
  }
}

function domainOf(field: string): string {
  return /@([\w.-]{1,255})/.exec(field.slice(0, MOST_FIELD))?.[1]?.toLowerCase() ?? ''
}
