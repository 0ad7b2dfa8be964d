/**
 * The different words of a text, to be held against those of another: letters of any script, three to thirty of them, in small. Each by a hash of 32 bits,
 * since of two texts of some hundred words hardly any two are taken for each other, and a piece of text for each word costs ten times as much.
 */
import { codesOf } from 'posthouse/text'

const MAX_WORDS = 2000
const MAX_CHARS = 16 * 1024
const SHORTEST = 3
const LONGEST = 30
const LETTER = /\p{L}/u
/** Of a character that takes two units. */
const HALF = 0xd800

/** Code unit → the small letter; 0 for what is none. */
let small: Uint16Array | undefined

export function wordsIn(text: string): ReadonlySet<number> {
  const codes = codesOf(text)
  small ??= smallLetters()
  const table = small
  const end = Math.min(text.length, MAX_CHARS)
  const words = new Set<number>()
  let hash = 0
  let length = 0
  for (let at = 0; at <= end && words.size < MAX_WORDS; at++) {
    let letter = at < end ? table[codes[at]!]! : 0
    if (letter === HALF) {
      letter = rareLetter(text.codePointAt(at)!)
      if (letter > 0xffff) at++
    }
    if (letter !== 0 && length < LONGEST) {
      hash = (Math.imul(hash, 0x01000193) + letter) | 0
      length++
      continue
    }
    if (length >= SHORTEST) words.add(hash)
    hash = letter
    length = letter === 0 ? 0 : 1
  }
  return words
}

/** Of characters beyond 65,535, and halves of them that stand alone. */
function rareLetter(code: number): number {
  const character = String.fromCodePoint(code)
  return LETTER.test(character) ? character.toLowerCase().codePointAt(0)! : 0
}

function smallLetters(): Uint16Array {
  return Uint16Array.from({ length: 65536 }, (_, code) => {
    if (code >= HALF && code <= 0xdfff) return HALF
    const character = String.fromCharCode(code)
    return LETTER.test(character) ? character.toLowerCase().charCodeAt(0) : 0
  })
}
