/**
 * Text made comparable: one case, no accents, words parted by single spaces and a space at both ends, so that ` free money ` is
 * found as whole words by plain search. Rules and messages go through the same door. Mail is mostly ASCII, which takes the short way.
 */

// What means something in spam besides letters and digits: money and shares.
const ASCII_GAPS = /[^a-z0-9$%]+/g
const GAPS = /[^\p{L}\p{N}$%€£¥₿]+/gu
const MARKS = /\p{M}+/gu
/** Invisible: zero width space, joiners, direction marks, word joiner, soft hyphen, byte order mark. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]/g
const APOSTROPHES = /['\u2018\u2019\u02bc\u00b4`]/g
// Written without spaces between words.
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u

export function fold(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return ` ${text.toLowerCase().replace(/['`]/g, '').replace(ASCII_GAPS, ' ').trim()} `
  const plain = text.replace(INVISIBLE, '').replace(APOSTROPHES, '').normalize('NFKD').replace(MARKS, '').toLowerCase()
  return ` ${plain.replaceAll('ß', 'ss').replace(GAPS, ' ').trim()} `
}

/** A phrase to search folded text for. `pharmac*` matches the start of a word. */
export function foldPhrase(phrase: string): string {
  const open = phrase.endsWith('*')
  const folded = fold(open ? phrase.slice(0, -1) : phrase)
  if (UNSPACED.test(phrase)) return folded.trim()
  return open ? folded.slice(0, -1) : folded
}
