/** Encodings that hide rather than carry: encoded words, references and addresses for plain letters, text that is only made when it is read. */
import { decodeWords } from 'posthouse/text'
import type { Facts } from '../facts.js'
import { type Look, Shape } from './shape.js'

const WORD = /=\?[^?\s]{1,60}\?[bq]\?[^?\r\n]{0,200}\?=/gi
const B_WORD = /=\?[^?\s]{1,60}\?b\?/i
const MAX_FIELD = 4000
const MAX_HTML = 256 * 1024
/** A program that writes one word of few letters after another, where one would do. */
const FEW_LETTERS = 4
const FEWEST_PIECES = 4
const ASCII = /^[\x20-\x7e\s]*$/
/** `&#104;`: a letter or digit that needs no reference. */
const REFERENCE = /&#(?:x(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])|(?:6[5-9]|[78]\d|90|9[7-9]|1[01]\d|12[0-2]));/gi

export const ENCODED_TESTS = {
  'subject-needless-base64': facts => needless(facts, 'subject'),
  'name-needless-base64': facts => needless(facts, 'from'),

  'subject-in-pieces': facts => {
    const raw = Shape.of(facts).raw('subject').slice(0, MAX_FIELD)
    const words = raw.includes('=?') ? (raw.match(WORD) ?? []) : []
    if (words.length < FEWEST_PIECES) return undefined
    const letters = [...decodeWords(raw)].length
    return letters / words.length <= FEW_LETTERS ? `${words.length} pieces` : undefined
  },

  // RFC 2047 §5: never within an address.
  'address-encoded': facts => /[<@]\s{0,5}=\?[^?\s]{1,60}\?[bq]\?|\?=\s{0,5}@/i.exec(Shape.of(facts).raw('from'))?.[0],

  /** Decoded, it is encoded again: what reads it once sees nothing. */
  'encoded-twice': facts => {
    const shape = Shape.of(facts)
    return [shape.raw('subject'), shape.raw('from')]
      .filter(raw => raw.includes('=?'))
      .map(raw => decodeWords(raw.slice(0, MAX_FIELD)))
      .find(text => /=\?[a-z0-9-]{2,40}\?[bq]\?[^?]{1,200}\?=/i.test(text))
  },

  // RFC 6532 §3 allows UTF-8 only; octets that are not are from programs that know no RFC at all.
  'header-raw-octets': facts => {
    const shape = Shape.of(facts)
    const raw = [shape.raw('subject'), shape.raw('from')].find(each => /[\x80-\xff]/.test(each) && !isUtf8(each))
    return raw === undefined ? undefined : decodeWords(raw.slice(0, 200))
  },

  'letters-as-references': ({ seen }) => {
    const count = seen.html.includes('&#') ? (seen.html.slice(0, MAX_HTML).match(REFERENCE)?.length ?? 0) : 0
    return count >= 30 && count > seen.body.length / 3 ? `${count} letters` : undefined
  },

  /** A page within the link: nothing is fetched, so no list of bad hosts knows it. */
  'link-holds-page': ({ seen }) =>
    seen.links.find(({ href }) => /^\s*data:\s*(?:text\/html|image\/svg|application)/i.test(href))?.href.slice(0, 60),

  /** A script that makes its text when it runs. */
  'script-decodes': ({ seen }) => {
    if (!/<script\b/i.test(seen.html)) return undefined
    return /\b(?:unescape|atob|fromCharCode|decodeURIComponent|eval)\s{0,3}\(/i.exec(seen.html.slice(0, MAX_HTML))?.[0]
  },
} as const satisfies Record<string, Look>

/** All of it is ASCII, and so plain that nothing has to be encoded. Q words are left alone: they hide nothing. */
function needless(facts: Facts, name: 'subject' | 'from'): string | undefined {
  const raw = Shape.of(facts).raw(name).slice(0, MAX_FIELD)
  if (!B_WORD.test(raw)) return undefined
  const text = decodeWords(raw)
  const words = raw.match(WORD) ?? []
  // What was cut in the middle of a character stays unreadable, and what holds `=?` had to be encoded.
  return words.length > 0 && ASCII.test(text) && !text.includes('=?') && text.length <= 200
    ? text.slice(0, 60)
    : undefined
}

function isUtf8(raw: string): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(raw, 'latin1'))
    return true
  } catch {
    return false
  }
}
