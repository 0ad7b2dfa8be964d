/**
 * The only file that touches `natural`, by sub-path (its root costs a second and prints): stemmers, so that one phrase stands for
 * "transfer", "transferred" and "transferring". Loaded only when a rule asks for stems; known words are remembered, up to a bound.
 */
import { createRequire } from 'node:module'

const FILES = {
  en: 'porter_stemmer',
  de: 'porter_stemmer_de',
  es: 'porter_stemmer_es',
  fr: 'porter_stemmer_fr',
  it: 'porter_stemmer_it',
  nl: 'porter_stemmer_nl',
  pt: 'porter_stemmer_pt',
  ru: 'porter_stemmer_ru',
  sv: 'porter_stemmer_sv',
  uk: 'porter_stemmer_uk',
} as const

export type Language = keyof typeof FILES
export const LANGUAGES = Object.keys(FILES) as readonly Language[]

const REMEMBERED = 20_000
/** V8 copies pieces of text up to this length; a longer one would keep the whole mail in memory. */
const LONGEST_REMEMBERED = 12
/** Longer ones are no words, and some stemmers are slow on them. */
const LONGEST = 30
const SHORTEST = 3

export class Stemmer {
  readonly #stem: (word: string) => string
  readonly #known = new Map<string, string>()

  constructor(language: Language) {
    const loaded: unknown = createRequire(import.meta.url)(`natural/lib/natural/stemmers/${FILES[language]}.js`)
    if (!isStemmer(loaded)) throw new Error(`natural has no stemmer for ${language}`)
    this.#stem = word => loaded.stem(word)
  }

  /** Folded text with every word stemmed; the same shape as `fold` gives. */
  stemAll(folded: string): string {
    return ` ${folded
      .trim()
      .split(' ')
      .map(word => this.#one(word))
      .join(' ')} `
  }

  /** Folded text with those words stemmed that begin as a wanted one does. At most `maxWords` are looked at. */
  stemWanted(folded: string, wanted: Beginnings, maxWords: number): string {
    let out = ''
    let kept = 0
    let at = 1
    for (let words = 0; words < maxWords; words++) {
      const end = folded.indexOf(' ', at)
      if (end === -1) break
      if (end - at >= SHORTEST && wanted.has(folded, at)) {
        const word = folded.slice(at, end)
        const stem = this.#one(word)
        if (stem !== word) {
          out += folded.slice(kept, at) + stem
          kept = end
        }
      }
      at = end + 1
    }
    return kept === 0 ? folded : out + folded.slice(kept)
  }

  #one(word: string): string {
    if (word.length > LONGEST || word.length < SHORTEST) return word
    const known = this.#known.get(word)
    if (known !== undefined) return known
    const stem = this.#stem(word)
    if (word.length > LONGEST_REMEMBERED) return stem
    if (this.#known.size >= REMEMBERED) this.#known.clear()
    this.#known.set(word, stem)
    return stem
  }
}

/** What stemmers leave alone: how words begin. A mark for each three letters that one of the wanted words begins with. */
export class Beginnings {
  readonly #marks = new Uint8Array(65536)
  /** Stems that are shorter than that. */
  readonly #short = new Uint8Array(65536)

  /** Takes stemmed phrases. */
  constructor(phrases: Iterable<string>) {
    for (const word of [...phrases].flatMap(phrase => phrase.split(' '))) {
      if (word.length > 2) this.#marks[hashAt(word, 0)] = 1
      else if (word !== '') this.#short[word.charCodeAt(0)] = 1
    }
  }

  /** The word there has three letters at least. */
  has(text: string, at: number): boolean {
    return this.#marks[hashAt(text, at)] === 1 || this.#short[text.charCodeAt(at)] === 1
  }
}

function hashAt(text: string, at: number): number {
  return (text.charCodeAt(at) * 961 + text.charCodeAt(at + 1) * 31 + text.charCodeAt(at + 2)) & 0xffff
}

function isStemmer(value: unknown): value is { stem(word: string): string } {
  return typeof value === 'object' && value !== null && 'stem' in value && typeof value.stem === 'function'
}
