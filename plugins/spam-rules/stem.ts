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
} as const

export type Language = keyof typeof FILES
export const LANGUAGES = Object.keys(FILES) as readonly Language[]

const REMEMBERED = 20_000
/** Longer ones are no words, and some stemmers are slow on them. */
const LONGEST = 30

export class Stemmer {
  readonly #stem: (word: string) => string
  readonly #known = new Map<string, string>()

  constructor(language: Language) {
    const loaded: unknown = createRequire(import.meta.url)(`natural/lib/natural/stemmers/${FILES[language]}.js`)
    if (!isStemmer(loaded)) throw new Error(`natural has no stemmer for ${language}`)
    this.#stem = word => loaded.stem(word)
  }

  /** Folded text with every word stemmed; the same shape as `fold` gives. At most `maxWords` are looked at. */
  stemAll(folded: string, maxWords = 2 ** 32 - 1): string {
    const words = folded.trim().split(' ', maxWords)
    return ` ${words.map(word => this.#one(word)).join(' ')} `
  }

  #one(word: string): string {
    if (word.length > LONGEST || word.length < 3) return word
    const known = this.#known.get(word)
    if (known !== undefined) return known
    const stem = this.#stem(word)
    if (this.#known.size >= REMEMBERED) this.#known.clear()
    this.#known.set(word, stem)
    return stem
  }
}

function isStemmer(value: unknown): value is { stem(word: string): string } {
  return typeof value === 'object' && value !== null && 'stem' in value && typeof value.stem === 'function'
}
