/**
 * Words that stand in a text as words: letters of one alphabet between white space and everyday punctuation. What is glued to digits, slashes, dots
 * or underscores is an address, code or a name of a file, and no word.
 */
import { letterNumber } from 'posthouse/text'

const BEFORE = marksOf('("\'«“„‘[*>¡¿')
const AFTER = marksOf(')"\'»”“’].,;:!?*…')
const LONG = 8

export interface Word {
  readonly start: number
  readonly end: number
}

/** Words of at least eight letters among so many characters; at most so many long pieces of text are looked at. */
export function longWords(codes: Uint16Array, length: number, most: number): readonly Word[] {
  const words: Word[] = []
  let pieces = 0
  let start = 0
  for (let at = 0; at <= length; at++) {
    if (at < length && !isSpace(codes[at]!)) continue
    if (at - start >= LONG) {
      if (++pieces > most) break
      const word = wordWithin(codes, start, at)
      if (word !== undefined) words.push(word)
    }
    start = at + 1
  }
  return words
}

/** What `\s` is in a pattern; asked of every character. */
function isSpace(code: number): boolean {
  if (code < 0x80) return code === 32 || (code >= 9 && code <= 13)
  if (code < 0x1680) return code === 0xa0
  if (code > 0x3000) return code === 0xfeff
  return (
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000 ||
    code === 0x1680
  )
}

/** Signs around it off. */
function wordWithin(codes: Uint16Array, from: number, to: number): Word | undefined {
  let start = from
  let end = to
  while (start < end && BEFORE[codes[start]!] === 1) start++
  while (end > start && AFTER[codes[end - 1]!] === 1) end--
  if (end - start < LONG) return undefined
  for (let at = start; at < end; at++) if (letterNumber(codes[at]!) === 0) return undefined
  return { start, end }
}

function marksOf(signs: string): Uint8Array {
  const marks = new Uint8Array(65536)
  for (const sign of signs) marks[sign.charCodeAt(0)] = 1
  return marks
}
