/** Letters in disguise: gaps between them, invisible ones, letters of other alphabets, letters that are pictures of letters. */
import type { Sample } from './sample.js'

export type Finds = Iterable<string>

// "V I A G R A", "V.I.A.G.R.A": five or more single letters with the same kind of gap.
const SPACED_OUT = /(?<![\p{L}\p{N}])\p{L}(?:([ .*_-])\p{L}(?:\1\p{L}){3,30})(?![\p{L}\p{N}])/gu
// Only between letters: legitimate mail pads its preview with them between spaces.
const ZERO_WIDTH = /\p{Script=Latin}[\u034f\u200b-\u200f\u2060-\u2064\ufeff]{1,20}\p{Script=Latin}/gu
const ZERO_WIDTH_THERE = /[\u034f\u200b-\u200f\u2060-\u2064\ufeff]/
// Mathematical letters, enclosed letters, letterlike full width ones.
const FANCY = /[\u{1d400}-\u{1d7ff}\u{1f130}-\u{1f189}\u24b6-\u24e9\uff21-\uff3a\uff41-\uff5a]{3,40}/gu
const FANCY_THERE = /[\ud835\ud83c\u24b6-\u24e9\uff21-\uff5a]/
const FULL_WIDTH = /^[\uff21-\uff3a\uff41-\uff5a]+$/
/** Where these are written, Latin letters of full width are no disguise. */
const EAST_ASIAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u
// Looked for without Unicode's tables, which cost a look-up for each character.
const MARKED = /[\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]/
const MARKED_ROW = /(?:\p{Script=Latin}\p{M}{1,5}){3,20}/gu
/** A stroke or ring put over a letter: no script needs that. */
const STRUCK = /[A-Za-z]{1,5}[\u0334-\u0338\u20d2-\u20e2\u20e4-\u20f0][A-Za-z]{0,20}/g
const LATIN_WORD = /[A-Za-z\u00c0-\u024f\u1e00-\u1eff]{6,40}/g
const TWO_ACCENTED = /[\u00c0-\u024f\u1e00-\u1eff]{2}/
const ACCENTED = /[^A-Za-z]/g
const WORDS = /[\p{L}\p{M}]{3,60}/gu
const LATIN = /\p{Script=Latin}/u
// What has letters that look like Latin ones; Greek ones stand beside them in short terms of science.
// Cyrillic, Armenian, Cherokee, Coptic, Lisu.
const LOOK_ALIKE = /[\u0400-\u058f\u13a0-\u13ff\u2c80-\u2cff\ua4d0-\ua4ff]/
const GREEK = /[\u0370-\u03ff\u1f00-\u1fff]/

export function* singleLetters({ text, spacedOut }: Sample): Finds {
  if (spacedOut) for (const [row] of text.matchAll(SPACED_OUT)) yield row
}

export function* hiddenLetters({ text, beyondLatin1 }: Sample): Finds {
  if (!beyondLatin1 || !ZERO_WIDTH_THERE.test(text)) return
  // Each by its place, as the same two letters may be torn apart again and again.
  for (const found of text.matchAll(ZERO_WIDTH)) {
    const around = text.slice(Math.max(0, found.index - 4), found.index + found[0].length + 4)
    yield `${around.replace(/[\u034f\u200b-\u200f\u2060-\u2064\ufeff]+/g, '·')} at ${found.index}`
  }
}

export function* mixedWords({ text, beyondLatin1 }: Sample): Finds {
  if (!beyondLatin1 || (!LOOK_ALIKE.test(text) && !GREEK.test(text))) return
  for (const [word] of text.matchAll(WORDS)) {
    if (LATIN.test(word) && (LOOK_ALIKE.test(word) || (GREEK.test(word) && word.length > 3))) yield word
  }
}

export function* fancy({ text, beyondAscii, beyondLatin1 }: Sample): Finds {
  if (!beyondAscii) return
  if (beyondLatin1 && FANCY_THERE.test(text)) {
    const asian = EAST_ASIAN.test(text)
    for (const [row] of text.matchAll(FANCY)) if (!(asian && FULL_WIDTH.test(row))) yield row
  }
  // Accents that no letter has: what cannot be composed is there for the looks.
  if (beyondLatin1 && MARKED.test(text)) {
    for (const [row] of text.normalize('NFC').matchAll(MARKED_ROW)) yield row
    for (const [word] of text.matchAll(STRUCK)) yield word
  }
  yield* overAccented(text)
}

/** No tongue puts accents on most letters of a long word; Vietnamese, which comes nearest, has none so long. */
function* overAccented(text: string): Finds {
  if (!TWO_ACCENTED.test(text)) return
  for (const [word] of text.matchAll(LATIN_WORD)) {
    if ((word.match(ACCENTED)?.length ?? 0) >= word.length * 0.6) yield word
  }
}

/** English words that no other tongue has with accents on them. */
const ENGLISH = new Set(
  'your you have has been this that with from will wallet account funds sent our was were please click here transaction password security payment verify email message view their there which about service update private'.split(
    ' ',
  ),
)
const ACCENTED_WORD =
  /[a-z\u00e0-\u00ff\u0101-\u017f]{0,20}[\u00e0-\u00f6\u00f8-\u00ff\u0101-\u017f][a-z\u00e0-\u00ff\u0101-\u017f]{0,20}/g
const COMBINING = /[\u0300-\u036f]/g

/** What small letters with accents may come from; signs of typography and other scripts are most of what is beyond ASCII. */
const MAY_BE_ACCENTED = /[\u00c0-\u017f\u212a\u212b]/

/** `yóur fúnds havé bééñ séñt`: English, so that no word of it is what it looks like. */
export function* accentedEnglish({ text, beyondAscii }: Sample): Finds {
  if (!beyondAscii || !MAY_BE_ACCENTED.test(text)) return
  for (const [word] of text.toLowerCase().matchAll(ACCENTED_WORD))
    if (ENGLISH.has(word.normalize('NFD').replace(COMBINING, ''))) yield word
}
