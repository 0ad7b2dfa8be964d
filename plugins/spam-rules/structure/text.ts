/** What machines leave behind in a text, and what is done to a page so that readers do not come to its end. */
import { codesOf } from 'posthouse/text'
import { bodyLengths } from '../body-lengths.js'
import { type Look, Shape } from './shape.js'

const MAX_HTML = 256 * 1024
const MAX_CHARS = 64 * 1024
const ENTITY =
  /&(?:[a-z]{1,8}(?:acute|grave|tilde|circ|uml|cedil|ring|slash)|nbsp|ccedil|szlig|euro|pound|rsquo|lsquo|hellip);/gi
const FEWEST_ENTITIES = 3
/** What no screen shows at once, by far: boxes of thousands of pixels, hundreds of screens. */
const TALL =
  /\b(?:height|margin-top|padding-top|flex-grow|margin)\s{0,3}:\s{0,3}(?:[3-9]\d{3}|\d{5,9})(?:px|pt)?\b|\bheight\s{0,3}:\s{0,3}\d{4,9}vh\b/i
/** Found sooner than which property it is of. */
const LARGE = /:\s{0,3}\d{4}/
const BREAK = /<br[^<>]{0,40}>/gi
const MANY_EMPTY = 40
const [LESS, SMALL_B, SMALL_R] = [60, 98, 114]
/** Between two breaks with nothing in between. */
const NOTHING = /^(?:\s|&nbsp;)*$/
const LONGEST_NOTHING = 60
/** Names of fields that a mailer was to fill in. Double braces alone stand in talk of programs. */
const FIELD = String.raw`(?:first|last|full|user|your|recipient|customer|client)?[ _.-]?(?:name|e-?mail(?:[ _.-]?address)?|domain|company|fname|lname|login|number|rand(?:om)?\w{0,12})`
const UNFILLED = new RegExp(
  String.raw`\{\{?\s{0,2}${FIELD}\s{0,2}\}?\}|\[\[?\s{0,2}-?${FIELD}-?\s{0,2}\]\]?|%%?${FIELD}%%?|<<\s{0,2}${FIELD}\s{0,2}>>|#{1,2}${FIELD}#{1,2}|\$\{?(?:fname|firstname|email|random)\b|(?:hi|hello|dear|hallo|bonjour|hola)\s{1,3}(?:fname|firstname|first_name|username|undefined|null)\b`,
  'i',
)
const GREETED = 400
/** A row that counts copies or tells receivers apart: letters and digits by turns, as the last thing there is. */
const TOKEN = /^(?=[^\s]{0,60}\d)(?=[^\s]{0,60}[a-z])[a-z0-9][a-z0-9@._-]{9,60}$/i
const TURNS = /[a-z](?=\d)|\d(?=[a-z])/gi

export const TEXT_TESTS = {
  /** Names of letters stand there as a page has them, in what is plain text or was escaped twice. */
  'references-in-text': ({ seen: { body } }) => {
    const found = body.includes('&') ? (body.slice(0, MAX_CHARS).match(ENTITY) ?? []) : []
    return found.length >= FEWEST_ENTITIES ? found.slice(0, 3).join(' ') : undefined
  },

  /** What is shown stands on top, and what filters are to read far below. */
  'pushed-down': facts => {
    const page = facts.seen.html.slice(0, MAX_HTML)
    const tall = LARGE.test(page) ? TALL.exec(page)?.[0] : undefined
    if (tall !== undefined) return tall
    return emptyBreaks(page) || facts.once(bodyLengths).longestGap > MANY_EMPTY
      ? `${MANY_EMPTY} empty lines`
      : undefined
  },

  /** A place that a program was to fill in for each receiver. */
  'template-unfilled': facts => {
    const { seen, from } = facts
    if (Shape.of(facts).has('list-id')) return undefined
    const near = `${seen.subject}\n${from?.name ?? ''}\n${seen.body.slice(0, GREETED)}`
    return UNFILLED.exec(near)?.[0]
  },

  'ends-in-token': ({ seen: { body } }) => {
    const last = body.slice(-400).trimEnd().split('\n').at(-1)?.trim() ?? ''
    if (!TOKEN.test(last) || last.includes('://') || /^[^@]+@[^@]+\.[a-z]{2,6}$/i.test(last)) return undefined
    return (last.match(TURNS)?.length ?? 0) >= 5 ? last : undefined
  },
} as const satisfies Record<string, Look>

/** One by one, as a pattern for all of them in a row has too many ways to fail. */
function emptyBreaks(page: string): boolean {
  if (!hasManyBreaks(page)) return false
  let row = 0
  let end = -1
  BREAK.lastIndex = 0
  while (BREAK.test(page)) {
    const from = end
    end = BREAK.lastIndex
    // Where it begins: nothing within a tag opens another.
    const index = page.lastIndexOf('<', end - 1)
    const near = from >= 0 && index - from <= LONGEST_NOTHING && NOTHING.test(page.slice(from, index))
    row = near ? row + 1 : 1
    if (row >= MANY_EMPTY) return true
  }
  return false
}

/** What begins like a break, counted by number: most pages have few. */
function hasManyBreaks(page: string): boolean {
  const codes = codesOf(page)
  let breaks = 0
  for (let at = 0; at + 2 < page.length; at++) {
    if (codes[at] !== LESS || (codes[at + 1]! | 32) !== SMALL_B || (codes[at + 2]! | 32) !== SMALL_R) continue
    if (++breaks >= MANY_EMPTY) return true
  }
  return false
}
