/**
 * Words that stand in a text as words: letters of one alphabet between white space and everyday punctuation. What is glued to digits, slashes, dots
 * or underscores is an address, code or a name of a file, and no word.
 */
import { letterNumber } from 'posthouse/text'

const BEFORE = new Set([...'("\'«“„‘[*>¡¿'].map(sign => sign.charCodeAt(0)))
const AFTER = new Set([...')"\'»”“’].,;:!?*…'].map(sign => sign.charCodeAt(0)))
const LONG_PIECE = /\S{8,}/g

/** Words of at least eight letters; at most so many pieces of text are looked at. */
export function* longWords(text: string, most: number): Generator<string> {
  let pieces = 0
  for (const [piece] of text.matchAll(LONG_PIECE)) {
    if (++pieces > most) return
    const word = bare(piece)
    if (word.length >= 8 && isOfLetters(word)) yield word
  }
}

/** Signs around it off. */
function bare(piece: string): string {
  let [start, end] = [0, piece.length]
  while (start < end && BEFORE.has(piece.charCodeAt(start))) start++
  while (end > start && AFTER.has(piece.charCodeAt(end - 1))) end--
  return end - start === piece.length ? piece : piece.slice(start, end)
}

export function isOfLetters(word: string): boolean {
  for (let at = 0; at < word.length; at++) if (letterNumber(word.charCodeAt(at)) === 0) return false
  return true
}
