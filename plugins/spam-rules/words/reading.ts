/**
 * A text as phrases are looked for in it: folded, with dressed-up words in plain clothes, and a note of what stood there. Most texts have
 * nothing dressed up in them and are folded in one go.
 */
import { codesOf } from 'posthouse/text'
import type { Looks } from './confusables.js'
import { type Folded, foldWhole, foldWriter } from './fold.js'
import { disguisesIn } from './undress.js'
import type { How, Vocabulary } from './vocabulary.js'

export interface Undressed {
  /** Where the word stands in the folded text, `end` not included. */
  readonly start: number
  readonly end: number
  /** As it was written. */
  readonly written: string
  readonly understood: string
  readonly how: How
}

export interface Reading {
  readonly folded: Folded
  /** In order. */
  readonly undressed: readonly Undressed[]
}

export function plainReading(text: string): Reading {
  return { folded: foldWhole(text), undressed: [] }
}

export function readingOf(text: string, vocabulary: Vocabulary, looks: Looks): Reading {
  const codes = codesOf(text)
  const disguises = disguisesIn(text, codes, vocabulary, looks)
  if (disguises.length === 0) return { folded: foldWhole(text, codes), undressed: [] }
  const undressed: Undressed[] = []
  const plain = foldWriter()
  let at = 0
  for (const { start, end, understood, how } of disguises) {
    plain.fold(text, codes, at, start)
    plain.space()
    const from = plain.length
    plain.word(understood)
    undressed.push({ start: from, end: plain.length - 1, written: text.slice(start, end), understood, how })
    at = end
  }
  plain.fold(text, codes, at, text.length)
  return { folded: plain.end(), undressed }
}

/** Does what was found between these places hold a word that was dressed up? */
export function undressedWithin({ undressed }: Reading, start: number, end: number): Undressed | undefined {
  if (undressed.length === 0) return undefined
  let low = 0
  let high = undressed.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (undressed[middle]!.end <= start) low = middle + 1
    else high = middle
  }
  const first = undressed[low]
  return first !== undefined && first.start < end ? first : undefined
}
