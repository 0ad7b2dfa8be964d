/** How long the body is in words and lines, and how much of nothing is in it: several rules ask, and one go over the characters tells all. */
import { codesOf, isSpace } from 'posthouse/text'
import type { Facts } from './facts.js'

const LINE_FEED = 10
/** Who pushes text out of sight does so from the beginning. */
const MAX_GAP_CHARS = 64 * 1024

export interface BodyLengths {
  /** What stands between white space. */
  readonly words: number
  /** That are not empty. */
  readonly lines: number
  /** Ends of lines in a row with nothing but white space between them, and something behind; before the first line there is one. */
  readonly longestGap: number
}

export function bodyLengths(facts: Facts): BodyLengths {
  const text = facts.text('body')
  const codes = codesOf(text)
  const length = text.length
  let [words, lines, longestGap] = [0, 0, 0]
  // Ends of lines since the last word.
  let feeds = 1
  let newLine = true
  for (let at = 0; at < length; at++) {
    const code = codes[at]!
    if (code === LINE_FEED) {
      feeds++
      newLine = true
      continue
    }
    if (isSpace(code)) continue
    words++
    if (newLine) lines++
    newLine = false
    if (feeds > longestGap && at < MAX_GAP_CHARS) longestGap = feeds
    feeds = 0
    while (at + 1 < length && !isSpace(codes[at + 1]!)) at++
  }
  return { words, lines, longestGap }
}
