/**
 * The only file that touches `natural`, by sub-path (its root costs a second and prints): stemmers, so that one phrase stands for
 * "transfer", "transferred" and "transferring". Loaded only when a rule asks for stems; known words are remembered, up to a bound.
 */
import { createRequire } from 'node:module'
import { codesOf } from 'posthouse/text'
import { Folded } from './fold.js'

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

  /**
   * Folded text with those words stemmed that begin as a wanted one does, of the first `maxWords`. Of its words only those are starts that
   * a phrase may begin with; nothing when there are none, as in most texts.
   */
  stemWanted(folded: Folded, wanted: Beginnings, maxWords: number): Folded | undefined {
    if (!this.#beginsOne(folded, wanted)) return undefined
    const { codes, starts } = folded
    const begin: number[] = []
    const changes: Change[] = []
    // How much longer the text has become so far.
    let grown = 0
    for (let next = 0, words = 0; next < starts.length; next++) {
      const start = starts[next]!
      const mark = wanted.markOf(codes, start)
      const whole = codes[start - 1] === SPACE && words++ < maxWords
      if (mark === 0) continue
      const end = whole ? codes.indexOf(SPACE, start) : start
      if (end - start < SHORTEST) {
        if ((mark & FIRST) !== 0) begin.push(start + grown)
        continue
      }
      const word = folded.part(start, end)
      const stem = this.#one(word)
      if (wanted.isFirst(stem)) begin.push(start + grown)
      if (stem === word) continue
      changes.push({ start, end, stem })
      grown += stem.length - word.length
    }
    return begin.length === 0 ? undefined : new Folded(changed(codes, changes, grown), Uint32Array.from(begin))
  }

  /** Is there a word that a phrase begins with, and behind it one that may be the phrase's second? Asked first, as hardly any text has them. */
  #beginsOne(folded: Folded, wanted: Beginnings): boolean {
    const { codes, starts } = folded
    for (let next = 0; next < starts.length; next++) {
      const start = starts[next]!
      if ((wanted.markOf(codes, start) & FIRST) === 0) continue
      let end = start
      let hash = 0
      while (codes[end] !== SPACE) hash = (Math.imul(hash, 0x01000193) + codes[end++]!) | 0
      const seconds = this.#secondsOf(hash & THIRTY_BITS, folded, start, end, wanted)
      if (seconds.has(pairAt(codes, end + 1)) || seconds.has(ANY)) return true
    }
    return false
  }

  /** Remembered by a hash of thirty bits: taking a word out of the text costs more than all else here. */
  #secondsOf(hash: number, folded: Folded, start: number, end: number, wanted: Beginnings): ReadonlySet<number> {
    const known = wanted.begun.get(hash)
    if (known !== undefined) return known
    const word = folded.part(start, end)
    const seconds = new Set([...wanted.secondsOf(word), ...wanted.secondsOf(this.#one(word))])
    if (wanted.begun.size >= REMEMBERED) wanted.begun.clear()
    wanted.begun.set(hash, seconds.size === 0 ? NONE : seconds)
    return seconds
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
  /** First word → how the second may begin. */
  readonly #first = new Map<string, Set<number>>()
  /** Hash of a word → the same for what it and its stem may begin. */
  readonly begun = new Map<number, ReadonlySet<number>>()

  /** Takes stemmed phrases. */
  constructor(phrases: Iterable<string>) {
    for (const phrase of phrases) {
      const words = phrase.split(' ')
      this.#addFirst(words[0]!, words[1] ?? '')
      for (const [at, word] of words.entries()) {
        const mark = at === 0 ? WANTED | FIRST : WANTED
        if (word.length > 2) this.#marks[hashOf(codesOf(word), 0)]! |= mark
        else if (word !== '') this.#short[word.charCodeAt(0)]! |= mark
      }
    }
  }

  /** What a word there may be: `WANTED`, `FIRST` of a phrase; 0 for neither. */
  markOf(codes: Uint16Array, at: number): number {
    return this.#marks[hashOf(codes, at)]! | this.#short[codes[at]!]!
  }

  /** A phrase begins with this whole word. */
  isFirst(word: string): boolean {
    return this.#first.has(word)
  }

  /** None where no phrase begins with it. */
  secondsOf(word: string): ReadonlySet<number> {
    return this.#first.get(word) ?? NONE
  }

  #addFirst(first: string, second: string): void {
    const seconds = this.#first.get(first) ?? new Set()
    this.#first.set(first, seconds.add(second === '' ? ANY : pairAt(codesOf(`${second} `), 0)))
  }
}

const NONE: ReadonlySet<number> = new Set()
/** A phrase of one word. */
const ANY = -1

/** How a word begins, in two characters: so much of it a stem leaves alone. */
function pairAt(codes: Uint16Array, at: number): number {
  return at + 1 < codes.length ? codes[at]! * 65536 + codes[at + 1]! : 0
}

/** What V8 keeps as it is and not in a box. */
const THIRTY_BITS = 0x3fffffff
const WANTED = 1
const FIRST = 2
const SPACE = 32

interface Change {
  readonly start: number
  readonly end: number
  readonly stem: string
}

function changed(codes: Uint16Array, changes: readonly Change[], grown: number): Uint16Array {
  if (changes.length === 0) return codes
  const out = new Uint16Array(codes.length + grown)
  let from = 0
  let to = 0
  for (const { start, end, stem } of changes) {
    out.set(codes.subarray(from, start), to)
    to += start - from
    for (let at = 0; at < stem.length; at++) out[to++] = stem.charCodeAt(at)
    from = end
  }
  out.set(codes.subarray(from), to)
  return out
}

function hashOf(codes: Uint16Array, at: number): number {
  return at + 2 < codes.length ? (codes[at]! * 961 + codes[at + 1]! * 31 + codes[at + 2]!) & 0xffff : 0
}

function isStemmer(value: unknown): value is { stem(word: string): string } {
  return typeof value === 'object' && value !== null && 'stem' in value && typeof value.stem === 'function'
}
