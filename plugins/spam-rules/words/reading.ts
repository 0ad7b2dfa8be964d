/**
 * A text as phrases are looked for in it: folded, with dressed-up words in plain clothes, and a note of what stood there. Most texts have
 * nothing dressed up in them and are folded in one go.
 */
import type { Looks } from './confusables.js'
import { fold } from './fold.js'
import { disguisesIn } from './undress.js'
import type { How, Vocabulary } from './vocabulary.js'

export interface Undressed {
  /** Where the word stands in `text`, `end` not included. */
  readonly start: number
  readonly end: number
  /** As it was written. */
  readonly written: string
  readonly understood: string
  readonly how: How
}

export interface Reading {
  readonly text: string
  /** In order. */
  readonly undressed: readonly Undressed[]
}

export function plainReading(text: string): Reading {
  return { text: fold(text), undressed: [] }
}

export function readingOf(text: string, vocabulary: Vocabulary, looks: Looks): Reading {
  const disguises = disguisesIn(text, vocabulary, looks)
  if (disguises.length === 0) return plainReading(text)
  const undressed: Undressed[] = []
  let plain = ''
  let at = 0
  for (const { start, end, understood, how } of disguises) {
    plain += beforeWord(fold(text.slice(at, start)), plain)
    const from = plain.length
    plain += `${understood} `
    undressed.push({ start: from, end: plain.length - 1, written: text.slice(start, end), understood, how })
    at = end
  }
  return { text: plain + beforeWord(fold(text.slice(at)), plain), undressed }
}

/** Folded text has a space at both ends, and what stands already ends with one. */
function beforeWord(folded: string, plain: string): string {
  const words = folded.trim()
  if (plain === '') return words === '' ? ' ' : folded
  return words === '' ? '' : `${words} `
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
