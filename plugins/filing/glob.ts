/** Patterns with `*` (anything, also nothing) and `?` (one character), as RFC 5228 §2.7.1 has them. Case does not matter. Never slow: no way back but one. */
export interface Glob {
  readonly text: string
  matches(value: string): boolean
}

export const MAX_PATTERN = 300

export function globOf(text: string): Glob {
  const pattern = pieces(text.normalize('NFC').toLowerCase())
  return { text, matches: value => fits(pattern, Array.from(value.normalize('NFC').toLowerCase())) }
}

type Piece = string | typeof MANY | typeof ONE
const MANY = Symbol('*')
const ONE = Symbol('?')

/** A character behind `\` stands for itself. */
function pieces(text: string): readonly Piece[] {
  const out: Piece[] = []
  let plain = false
  for (const character of text) {
    if (plain) out.push(character)
    else if (character === '*') {
      if (out.at(-1) !== MANY) out.push(MANY)
    } else if (character === '?') out.push(ONE)
    else if (character !== '\\') out.push(character)
    plain = !plain && character === '\\'
  }
  return out
}

/** After a star only the last one is tried again: what the earlier ones took cannot matter. */
function fits(pattern: readonly Piece[], value: readonly string[]): boolean {
  let [at, p] = [0, 0]
  let [star, from] = [-1, 0]
  while (at < value.length) {
    const piece = pattern[p]
    if (piece === MANY) {
      star = p++
      from = at
    } else if (piece === ONE || piece === value[at]) {
      at++
      p++
    } else if (star >= 0) {
      p = star + 1
      at = ++from
    } else return false
  }
  while (pattern[p] === MANY) p++
  return p === pattern.length
}
