/**
 * Letter patterns: how text is dressed up to catch the eye or to slip past word lists. Each test is a pure function from text
 * to what was found, or nothing; each looks at each character a bounded number of times.
 */
import { isGibberish } from './gibberish.js'

export const LETTER_TESTS = [
  'capitals',
  'spaced-out',
  'mixed-scripts',
  'zero-width',
  'gibberish',
  'fancy',
  'symbols',
] as const
export type LetterTest = (typeof LETTER_TESTS)[number]

/** Enough to tell; the rest of a long text is more of the same. */
const MOST = 64 * 1024

/** `atLeast` is a percentage for capitals and symbols, a number of finds for the others. */
export function testLetters(test: LetterTest, whole: string, atLeast: number): string | undefined {
  const text = whole.length > MOST ? whole.slice(0, MOST) : whole
  switch (test) {
    case 'capitals':
      return capitals(text, atLeast)
    case 'symbols':
      return symbols(text, atLeast)
    case 'spaced-out':
      return several(text.matchAll(SPACED_OUT), atLeast)
    case 'mixed-scripts':
      return several(mixedWords(text), atLeast)
    case 'zero-width':
      return several(text.matchAll(ZERO_WIDTH), atLeast, found => [...found].map(shown).join(''))
    case 'gibberish':
      return several(gibberish(text), atLeast)
    case 'fancy':
      return several(fancy(text), atLeast)
  }
}

// "V I A G R A", "V.I.A.G.R.A": five or more single letters with the same kind of gap.
const SPACED_OUT = /(?<![\p{L}\p{N}])\p{L}(?:([ .*_-])\p{L}(?:\1\p{L}){3,30})(?![\p{L}\p{N}])/gu
// Only between letters: legitimate mail pads its preview with them between spaces.
const ZERO_WIDTH = /\p{Script=Latin}[\u034f\u200b-\u200f\u2060-\u2064\ufeff]{1,20}\p{Script=Latin}/gu
// Mathematical letters, enclosed letters, letterlike full width ones.
const FANCY = /[\u{1d400}-\u{1d7ff}\u{1f130}-\u{1f189}\u24b6-\u24e9\uff21-\uff3a\uff41-\uff5a]{3,40}/gu
const MARKED = /\p{M}/u
const MARKED_ROW = /(?:\p{Script=Latin}\p{M}{1,5}){3,20}/gu
const WORDS = /[\p{L}\p{M}]{3,60}/gu
const LATIN = /\p{Script=Latin}/u
const CYRILLIC = /\p{Script=Cyrillic}/u
const GREEK = /\p{Script=Greek}/u
const ASCII_LETTERS = /[a-zA-Z]{8,60}/g

function capitals(text: string, percent: number): string | undefined {
  let [letters, upper, rows, row] = [0, 0, 0, 0]
  for (let at = 0; at < text.length; at++) {
    const kind = caseOf(text, at)
    if (kind !== 'none') letters++
    if (kind === 'upper') upper++
    row = kind === 'upper' ? row + 1 : 0
    if (row === 2) rows++
  }
  // A short shout is no pattern: abbreviations, code names.
  if (letters < 12 || rows < 3) return undefined
  const share = Math.floor((100 * upper) / letters)
  return share >= percent ? `${share} % capitals` : undefined
}

/** By number where it can be: this looks at every character of the text. */
function caseOf(text: string, at: number): 'upper' | 'lower' | 'none' {
  const code = text.charCodeAt(at)
  if (code < 128) return code >= 97 && code <= 122 ? 'lower' : code >= 65 && code <= 90 ? 'upper' : 'none'
  const character = text[at]!
  if (character !== character.toLowerCase()) return 'upper'
  return character !== character.toUpperCase() ? 'lower' : 'none'
}

function symbols(text: string, percent: number): string | undefined {
  const visible = [...text].filter(character => character.trim() !== '')
  const odd = visible.filter(character => /[\p{So}\p{Sk}\p{Co}]|[!$*=~^|<>]/u.test(character)).length
  if (visible.length < 8 || odd < 3) return undefined
  const share = Math.floor((100 * odd) / visible.length)
  return share >= percent ? `${share} % signs` : undefined
}

function* mixedWords(text: string): Generator<string> {
  if (!CYRILLIC.test(text) && !GREEK.test(text)) return
  for (const [word] of text.matchAll(WORDS)) {
    if (LATIN.test(word) && (CYRILLIC.test(word) || (GREEK.test(word) && word.length > 3))) yield word
  }
}

function* fancy(text: string): Generator<string> {
  for (const [row] of text.matchAll(FANCY)) yield row
  // Accents that no letter has: what cannot be composed is there for the looks.
  if (MARKED.test(text)) for (const [row] of text.normalize('NFC').matchAll(MARKED_ROW)) yield row
}

function* gibberish(text: string): Generator<string> {
  for (const [word] of text.matchAll(ASCII_LETTERS)) if (isGibberish(word)) yield word
}

function several(
  found: Iterable<string | RegExpExecArray>,
  atLeast: number,
  show: (text: string) => string = text => text,
): string | undefined {
  const seen: string[] = []
  for (const item of found) {
    seen.push(typeof item === 'string' ? item : item[0])
    if (seen.length >= atLeast) return show(seen[0]!)
  }
  return undefined
}

function shown(character: string): string {
  return /\p{L}/u.test(character) ? character : '·'
}
