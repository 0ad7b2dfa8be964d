/**
 * Words of folded texts: runs of letters and digits, and every sign beyond U+FFFF by itself. What lies between them is in no index. A needle is cut by
 * the same rule: where one is in a text, its words are words of the text, but for the first, which may be the end of one, and the last, which
 * may be a beginning.
 */

/** By UTF-16 unit. Where a sign belongs is free, as long as texts and needles are cut alike; who changes it raises the version of the blocks. */
const IN_WORD = new Uint8Array(65_536)
for (const [from, to] of [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x61, 0x7a],
  [0xc0, 0x1fff],
  [0x2100, 0x2fff],
  [0x3040, 0xd7ff],
  [0xe000, 0xfefe],
  [0xff00, 0xfffc],
] as const)
  IN_WORD.fill(1, from, to + 1)

/** Calls with every word; as often as it occurs. */
export function eachWord(text: string, found: (word: string) => void): void {
  let start = -1
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (IN_WORD[unit] === 1) {
      if (start < 0) start = at
      continue
    }
    if (start >= 0) found(text.slice(start, at))
    start = -1
    if (isPair(unit, text.charCodeAt(at + 1))) {
      found(text.slice(at, at + 2))
      at += 1
    }
  }
  if (start >= 0) found(text.slice(start))
}

function isPair(high: number, low: number): boolean {
  return high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff
}

/** A word of a needle, and whether a word of the text must begin, and end, where it does. */
export interface Piece {
  readonly text: string
  readonly begins: boolean
  readonly ends: boolean
}

/** What a text must have to hold a folded needle; with `exact` it holds it then. */
export interface Needle {
  readonly pieces: readonly Piece[]
  readonly exact: boolean
}

export function needleOf(value: string): Needle {
  const words: string[] = []
  eachWord(value, word => words.push(word))
  const [first, last] = [words[0], words.at(-1)]
  if (first === undefined || last === undefined) return { pieces: [], exact: false }
  if (words.length === 1 && first === value)
    return { pieces: [{ text: value, begins: false, ends: false }], exact: true }
  const [leads, trails] = [value.startsWith(first), value.endsWith(last)]
  const pieces = words.map((text, index) => ({
    text,
    begins: index > 0 || !leads,
    ends: index < words.length - 1 || !trails,
  }))
  return { pieces, exact: false }
}
