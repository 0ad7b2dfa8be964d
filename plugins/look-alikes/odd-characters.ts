/** Characters that make a name look other than it is: invisible ones, those that turn the direction, and dots and letters of other widths. Pure. */
import { restrictionOf } from './scripts.js'

const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
const OVERRIDING = /[\u202d\u202e\u2066-\u2068]/u
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u
/** Dots to a browser (UTS 46 §4.5), not to a reader of addresses. */
const DOTS = /[\u3002\uff0e\uff61]/u
const WIDE = /[\uff01-\uff5e]/u
const MOST = 1000
const ASCII = /^[\x00-\x7f]*$/
// Between letters only: honest names may hold joiners between pictures.
const HIDDEN = /\p{Script=Latin}[\u034f\u200b-\u200f\u2060-\u2064\ufeff]{1,20}\p{Script=Latin}/u
const WORDS = /[\p{L}\p{M}]{4,60}/gu

/** What hides in the host of a link as it is written; nothing: it is plain. */
export function hidingIn(written: string): string | undefined {
  const text = written.slice(0, MOST)
  if (ASCII.test(text)) return undefined
  if (TURNING.test(text)) return 'characters that turn the direction of writing'
  if (INVISIBLE.test(text)) return 'invisible characters'
  if (DOTS.test(text)) return 'dots of another script'
  return WIDE.test(text) ? 'letters of another width' : undefined
}

/** In the name of a file: only what changes the order of what is shown (gpj.exe as exe.jpg). */
export function turnedFileName(name: string): boolean {
  return OVERRIDING.test(name.slice(0, MOST))
}

/** What hides in a display name; nothing: it is plain. Marks of direction are honest there, overrides are not. */
export function hidingInName(name: string): string | undefined {
  if (ASCII.test(name)) return undefined
  if (/[\u202d\u202e]/u.test(name)) return 'turns the direction of writing'
  return HIDDEN.test(name) ? 'has invisible characters within its words' : undefined
}

/** A word of letters from two alphabets that look alike. */
export function mixedWord(name: string): string | undefined {
  if (ASCII.test(name)) return undefined
  // "5 µm" and "αβ-test" are nobody's trick.
  return name.match(WORDS)?.find(word => restrictionOf(word) === 'minimally')
}
