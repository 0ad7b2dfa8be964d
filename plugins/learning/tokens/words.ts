/**
 * Words, pairs of words that stand close, and pieces of four letters, of text made plain. Scripts that do not part their words give single
 * characters and pairs of neighbours. One walk over the characters, numbers only: this is most of what learning costs a mail.
 */
import { codesOf } from 'posthouse/text'
import { SPACE } from './kinds.js'
import { AT, mixed, type Sink } from './sink.js'

const MASK = SPACE - 1
/** A word is paired with the two before it. */
const REACH = 2
/** Longer ones are codes, and count as one and the same. */
const MOST_LETTERS = 24
const PIECE = 4

const UNKNOWN = 0
const LETTER = 1
const SPACER = 2
/** A word of its own. */
const ALONE = 3

const LETTERS = /[\p{L}\p{N}\p{M}\p{Cs}\p{So}\p{Sc}'’%\u0001\u0002-]/u
const UNPARTED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}!?]/u
const classes = new Uint8Array(65_536)

function classOf(code: number): number {
  const known = classes[code]!
  if (known !== UNKNOWN) return known
  const char = String.fromCharCode(code)
  const surrogate = code >= 0xd800 && code <= 0xdfff
  const found = UNPARTED.test(char) ? ALONE : surrogate || LETTERS.test(char) ? LETTER : SPACER
  classes[code] = found
  return found
}

export interface WordKinds {
  readonly word: number
  /** Left out: none. */
  readonly pair?: number
}

export const OF_TEXT: WordKinds = { word: AT.word, pair: AT.pair }
export const OF_NAMES: WordKinds = { word: AT.name }

const STARTS = new Int32Array(REACH)
const HASHES = new Int32Array(REACH)

export function addWords(sink: Sink, text: string, kinds: WordKinds): void {
  HASHES.fill(0)
  const seed = Math.imul(kinds.word + 11, 0x85ebca6b)
  let hash = seed
  let start = -1
  const codes = codesOf(text)
  for (let at = 0; at <= text.length; at++) {
    const code = codes[at]!
    const found = at < text.length ? classOf(code) : SPACER
    if (found === LETTER) {
      if (start < 0) start = at
      hash = Math.imul(hash ^ code, 0x01000193)
      continue
    }
    if (start >= 0) {
      addWord(sink, text, kinds, start, at, at - start > MOST_LETTERS ? seed ^ 1 : hash)
      start = -1
      hash = seed
    }
    if (found === ALONE) addWord(sink, text, kinds, at, at + 1, Math.imul(seed ^ code, 0x01000193))
  }
}

function addWord(sink: Sink, text: string, kinds: WordKinds, start: number, end: number, hash: number): void {
  const own = mixed(hash)
  sink.add(kinds.word, own & MASK, text, start, end)
  if (kinds.pair === undefined) return
  for (let back = 0; back < REACH; back++) {
    const other = HASHES[back]!
    if (other === 0) continue
    // The distance is part of it: `not` beside `bad` and `not` before `so bad` are two.
    sink.add(kinds.pair, mixed(Math.imul(other, 31) + own + back) & MASK, text, STARTS[back]!, end)
  }
  HASHES[1] = HASHES[0]!
  STARTS[1] = STARTS[0]!
  HASHES[0] = own
  STARTS[0] = start
}

/** `text` has single spaces. */
export function addLetters(sink: Sink, text: string): void {
  sink.addPieces(AT.letters, text, PIECE)
}
