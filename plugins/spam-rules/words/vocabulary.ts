/**
 * The words that are worth undressing: those that phrases of rules are made of. A reading of a dressed-up word counts only when it is
 * one of them, so honest odd spellings ("x86", "e-mail", "$user") stay what they are.
 */
import { canonical, squeezed } from './confusables.js'
import { Likenesses } from './likenesses.js'

/** Shorter words are met by chance. */
const SHORTEST = 4
const SHORTEST_START = 6
/** Doubled letters are a weak disguise, and honest words have them: long words only. */
const SHORTEST_SQUEEZED = 6

/** Tokens come again and again, from mail to mail. */
const REMEMBERED = 20_000
/** V8 copies pieces of text up to this length; a longer one would keep the whole mail in memory. */
const LONGEST_REMEMBERED = 12

/**
 * `deliberate`: no honest writer writes so. `spaced-out`: "V I A G R A", and headlines. `misspelt`: "pass-word", "viaagra", and short words
 * that may mean anything: understood, and nobody is accused.
 */
export type How = 'deliberate' | 'spaced-out' | 'misspelt'

/** What a token was found to be: which part of it, and what that means. */
export interface Read {
  readonly offset: number
  readonly length: number
  readonly understood: string
  readonly how: How
}

const NOTHING: readonly Read[] = []

export class Vocabulary {
  readonly #read = new Map<string, readonly Read[]>()
  readonly #words = new Set<string>()
  readonly #canonical = new Map<string, string>()
  readonly #squeezed = new Map<string, string>()
  readonly #starts = new Set<string>()
  readonly #likenesses = new Likenesses()
  #longestStart = 0

  /** Takes phrases as `foldPhrase` gives them: a word at the end without a space behind it is the start of words. */
  constructor(phrases: Iterable<string>) {
    for (const phrase of phrases) {
      const words = phrase.split(' ')
      // What stands behind the last space is nothing, or an open end.
      const open = words.pop()!
      for (const word of words) this.#add(word)
      if (open.length >= SHORTEST_START) this.#addStart(open)
    }
  }

  /** `read`, done once for each token as long as there is room. */
  remembered(token: string, read: () => readonly Read[]): readonly Read[] {
    const known = this.#read.get(token)
    if (known !== undefined) return known
    const now = read()
    if (token.length > LONGEST_REMEMBERED) return now
    if (this.#read.size >= REMEMBERED) this.#read.clear()
    this.#read.set(token, now.length === 0 ? NOTHING : now)
    return now
  }

  has(word: string): boolean {
    return this.#words.has(word) || this.#startOf(word, this.#starts)
  }

  /** Can there be a word in this token that `meant` or `meantSqueezed` knows? Asked without taking it out of the text. */
  mayMean(codes: Uint16Array, start: number, end: number): boolean {
    return this.#likenesses.mayHave(codes, start, end)
  }

  /** The word that looks like this row of letters; signs have been read as letters already. */
  meant(letters: string): string | undefined {
    if (letters.length < SHORTEST) return undefined
    const common = canonical(letters)
    const whole = this.#canonical.get(common)
    if (whole !== undefined) return whole
    return this.#startOf(common, this.#starts) ? letters : undefined
  }

  /** The same, with doubled letters taken for single ones. */
  meantSqueezed(letters: string): string | undefined {
    return letters.length < SHORTEST_SQUEEZED ? undefined : this.#squeezed.get(squeezed(canonical(letters)))
  }

  #add(word: string): void {
    if (word.length < SHORTEST) return
    this.#words.add(word)
    this.#canonical.set(canonical(word), word)
    this.#likenesses.addWord(word, canonical(word))
    if (word.length < SHORTEST_SQUEEZED) return
    this.#squeezed.set(squeezed(canonical(word)), word)
    this.#likenesses.addSqueezed(squeezed(canonical(word)))
  }

  #addStart(start: string): void {
    this.#starts.add(start).add(canonical(start))
    this.#likenesses.addStart(start, canonical(start))
    this.#longestStart = Math.max(this.#longestStart, start.length)
  }

  #startOf(word: string, starts: ReadonlySet<string>): boolean {
    const most = Math.min(word.length, this.#longestStart)
    for (let length = SHORTEST_START; length <= most; length++) if (starts.has(word.slice(0, length))) return true
    return false
  }
}
