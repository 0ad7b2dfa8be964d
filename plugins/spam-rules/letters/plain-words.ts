/**
 * Words that stand in a text as words: letters of one alphabet between white space and everyday punctuation. What is glued to digits, slashes, dots
 * or underscores is an address, code or a name of a file, and no word.
 */
import { letterNumber } from 'posthouse/text'

const BEFORE = new Set([...'("\'«“„‘[*>¡¿'].map(sign => sign.charCodeAt(0)))
const AFTER = new Set([...')"\'»”“’].,;:!?*…'].map(sign => sign.charCodeAt(0)))
const LONG = 8

/** Words of at least eight letters; at most so many long pieces of text are looked at. */
export function longWords(text: string, most: number): readonly string[] {
  const words: string[] = []
  let pieces = 0
  let start = 0
  for (let at = 0; at <= text.length; at++) {
    if (at < text.length && !isSpace(text.charCodeAt(at))) continue
    if (at - start >= LONG) {
      if (++pieces > most) break
      const word = wordWithin(text, start, at)
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
function wordWithin(text: string, from: number, to: number): string | undefined {
  let [start, end] = [from, to]
  while (start < end && BEFORE.has(text.charCodeAt(start))) start++
  while (end > start && AFTER.has(text.charCodeAt(end - 1))) end--
  if (end - start < LONG) return undefined
  for (let at = start; at < end; at++) if (letterNumber(text.charCodeAt(at)) === 0) return undefined
  return text.slice(start, end)
}
