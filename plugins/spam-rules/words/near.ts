/**
 * Do these things stand together? Parts of a near-by entry, each with the places where it was found, within a row of so many words; in the
 * order of the parts when it is asked for.
 */

export interface Spot {
  readonly start: number
  readonly end: number
}

export interface Near {
  /** Words in the row, those of the parts included. */
  readonly within: number
  readonly ordered: boolean
}

/** `spots` of each part, in order of the text. Gives the shortest row's ends, or nothing. */
export function rowOf(parts: readonly (readonly Spot[])[], { within, ordered }: Near, text: string): Spot | undefined {
  if (parts.some(spots => spots.length === 0)) return undefined
  const all = parts.flatMap((spots, part) => spots.map(spot => ({ ...spot, part })))
  all.sort((a, b) => a.start - b.start || a.end - b.end)
  for (let first = 0; first < all.length; first++) {
    const row = ordered ? rowInOrder(all, first, parts.length) : rowInAnyOrder(all, first, parts.length)
    if (row !== undefined && hasAtMost(within, text, row)) return row
  }
  return undefined
}

type Part = Spot & { readonly part: number }

function rowInOrder(all: readonly Part[], first: number, parts: number): Spot | undefined {
  if (all[first]!.part !== 0) return undefined
  let [wanted, end] = [1, all[first]!.end]
  for (let at = first + 1; at < all.length && wanted < parts; at++) {
    const { part, start, end: to } = all[at]!
    // Parts may share the space between them.
    if (part !== wanted || start < end - 1) continue
    wanted++
    end = to
  }
  return wanted === parts ? { start: all[first]!.start, end } : undefined
}

function rowInAnyOrder(all: readonly Part[], first: number, parts: number): Spot | undefined {
  const seen = new Set<number>()
  let end = 0
  for (let at = first; at < all.length; at++) {
    const { part, end: to } = all[at]!
    if (seen.has(part)) continue
    seen.add(part)
    end = Math.max(end, to)
    if (seen.size === parts) return { start: all[first]!.start, end }
  }
  return undefined
}

/** Text without spaces between words counts two characters for a word. */
const PER_WORD = 2
const SPACE = 32

/** So many words; counted no further than that, as what is found may stand at both ends of a long text. */
function hasAtMost(most: number, text: string, { start, end }: Spot): boolean {
  let [from, to] = [start, end]
  while (from < to && text.charCodeAt(from) === SPACE) from++
  while (to > from && text.charCodeAt(to - 1) === SPACE) to--
  let words = 1
  let unspaced = 0
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    if (code === SPACE) words++
    else if (isUnspaced(code)) unspaced++
    else continue
    if (words + Math.floor(unspaced / PER_WORD) > most) return false
  }
  return words <= most
}

function isUnspaced(code: number): boolean {
  return (code >= 0x0e00 && code <= 0x0eff) || (code >= 0x2e80 && code <= 0x9fff)
}
