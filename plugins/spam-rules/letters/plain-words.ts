/**
 * Words that stand in a text as words: letters of one alphabet between white space and everyday punctuation. What is glued to digits, slashes, dots
 * or underscores is an address, code or a name of a file, and no word.
 */
import { letterNumber } from 'posthouse/text'

const BEFORE = marksOf('("\'«“„‘[*>¡¿')
const AFTER = marksOf(')"\'»”“’].,;:!?*…')
const SHORTEST = 8
const LONGEST = 40

/** Signs around a piece of text off: where the word in [from, to) begins. */
export function wordStart(codes: Uint16Array, from: number, to: number): number {
  let start = from
  while (start < to && BEFORE[codes[start]!] === 1) start++
  return start
}

/** And where it ends. */
export function wordEnd(codes: Uint16Array, from: number, to: number): number {
  let end = to
  while (end > from && AFTER[codes[end - 1]!] === 1) end--
  return end
}

/** Of 8 to 40 letters, and nothing else. */
export function isLongWord(codes: Uint16Array, start: number, end: number): boolean {
  if (end - start < SHORTEST || end - start > LONGEST) return false
  for (let at = start; at < end; at++) if (letterNumber(codes[at]!) === 0) return false
  return true
}

function marksOf(signs: string): Uint8Array {
  const marks = new Uint8Array(65536)
  for (const sign of signs) marks[sign.charCodeAt(0)] = 1
  return marks
}
