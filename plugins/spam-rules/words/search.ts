/**
 * Looks for the phrases of all rules in a message: each place is read once, walked once, and once more with stems when its language has any.
 * Rules then ask what of theirs was found. Knows nothing of points.
 */
import type { Looks } from './confusables.js'
import { type Folded, fold, foldPhrase } from './fold.js'
import { languageOf, type Spoken } from './language.js'
import type { Spot } from './near.js'
import { plainReading, type Reading, readingOf, type Undressed, undressedWithin } from './reading.js'
import { Beginnings, type Language, Stemmer } from './stems.js'
import { Trie } from './trie.js'
import { Vocabulary } from './vocabulary.js'

/** Words of a long text beyond this are not stemmed: a stem costs a hundred times a comparison. */
const STEMMED_WORDS = 1500
/** A text shorter than that may be too short to tell its language: it is stemmed in all that rules have. */
const SHORT = 400
/** Of one phrase in one place: those of near-by entries, and the first few of others. */
const MOST_SPOTS = 60
const FIRST_SPOTS = 4

/** What of a phrase was found in one place. */
export interface Hit {
  /** The first place it stands at as it is. */
  plain: boolean
  /** How it was dressed up, the first time. */
  undressed: Undressed | undefined
  /** Where it stands, in order. */
  readonly spots: Spot[]
}

export interface PlaceFound {
  readonly reading: Reading
  /** Text that spots are in; stems change it. */
  readonly texts: ReadonlyMap<Language | 'none', Folded>
  /** Number of the phrase → where it is. */
  readonly hits: ReadonlyMap<number, Hit>
  /** Where there are stems to choose for. */
  readonly language?: Spoken
}

const NOTHING: PlaceFound = { reading: plainReading(''), texts: new Map(), hits: new Map() }

interface Stems {
  readonly language: Language
  readonly stemmer: Stemmer
  readonly trie: Trie
  readonly wanted: Beginnings
}

export class Search {
  /** Phrase, with its language → its number. */
  readonly #numbers = new Map<string, number>()
  readonly #trie: Trie
  readonly #stems: readonly Stems[]
  readonly #vocabulary: Vocabulary
  readonly #looks: Looks
  #size = 0
  /** Numbers of phrases whose places matter. */
  readonly #near = new Set<number>()

  constructor(asked: readonly Asked[], looks: Looks) {
    this.#looks = looks
    const byLanguage = new Map<Language | 'none', Asked[]>()
    for (const one of asked) {
      const there = byLanguage.get(one.language ?? 'none')
      if (there === undefined) byLanguage.set(one.language ?? 'none', [one])
      else there.push(one)
    }
    this.#trie = this.#trieOf(byLanguage.get('none') ?? [], foldPhrase)
    this.#stems = [...byLanguage].flatMap(([language, own]) => {
      if (language === 'none') return []
      const stemmer = new Stemmer(language)
      const stemmed = (phrase: string) => stemmer.stemAll(fold(phrase)).trimStart()
      const wanted = new Beginnings(own.map(({ phrase }) => stemmed(phrase)))
      return [{ language, stemmer, wanted, trie: this.#trieOf(own, stemmed) }]
    })
    this.#vocabulary = new Vocabulary(asked.map(({ phrase }) => foldPhrase(phrase)))
  }

  /** Octets its tables take. */
  get bytes(): number {
    return this.#trie.bytes + this.#stems.reduce((sum, { trie }) => sum + trie.bytes, 0)
  }

  numberOf(phrase: string, language: Language | undefined): number {
    return this.#numbers.get(keyOf(phrase, language))!
  }

  /** `undress`: where people write, and not machines. `spoken`: what the message as a whole is written in. */
  look(text: string, undress: boolean, spoken?: Spoken): PlaceFound {
    return text === '' ? NOTHING : this.find(this.read(text, undress), spoken)
  }

  /** The first half of `look`. */
  read(text: string, undress: boolean): Reading {
    return undress ? readingOf(text, this.#vocabulary, this.#looks) : plainReading(text)
  }

  /** The second half. */
  find(reading: Reading, spoken?: Spoken): PlaceFound {
    const hits = new Map<number, Hit>()
    const { folded } = reading
    this.#trie.search(folded, (phrase, start, end) => {
      this.#note(hits, phrase, { start, end }, undressedWithin(reading, start, end))
    })
    const texts = new Map<Language | 'none', Folded>([['none', folded]])
    const language = this.#stems.length === 0 ? undefined : (languageOf(folded) ?? spoken)
    for (const { language: own, stemmer, trie, wanted } of this.#stemsFor(folded, language)) {
      const stemmed = stemmer.stemWanted(folded, wanted, STEMMED_WORDS)
      if (stemmed === undefined) continue
      texts.set(own, stemmed)
      trie.search(stemmed, (phrase, start, end) => this.#note(hits, phrase, { start, end }, undefined))
    }
    return { reading, texts, hits, ...(language !== undefined && { language }) }
  }

  #stemsFor({ codes }: Folded, language: Spoken | undefined): readonly Stems[] {
    if (codes.length < 4) return []
    if (language !== undefined) return this.#stems.filter(one => one.language === language)
    return codes.length <= SHORT ? this.#stems : []
  }

  #note(hits: Map<number, Hit>, phrase: number, spot: Spot, undressed: Undressed | undefined): void {
    let hit = hits.get(phrase)
    if (hit === undefined) {
      hit = { plain: false, undressed: undefined, spots: [] }
      hits.set(phrase, hit)
    }
    if (undressed === undefined) hit.plain = true
    else hit.undressed ??= undressed
    if (hit.spots.length < (this.#near.has(phrase) ? MOST_SPOTS : FIRST_SPOTS)) hit.spots.push(spot)
  }

  #trieOf(own: readonly Asked[], folded: (phrase: string) => string): Trie {
    const known = new Map<string, number>()
    // Numbers run on through all tries: each has those of the ones before left empty.
    const phrases = new Array<string>(this.#size).fill('')
    for (const { phrase, language, near } of own) {
      const key = folded(phrase)
      const number = known.get(key) ?? phrases.push(key) - 1
      known.set(key, number)
      this.#numbers.set(keyOf(phrase, language), number)
      if (near) this.#near.add(number)
    }
    this.#size = phrases.length
    return new Trie(phrases)
  }
}

export interface Asked {
  readonly phrase: string
  readonly language: Language | undefined
  /** Its places matter. */
  readonly near: boolean
}

function keyOf(phrase: string, language: Language | undefined): string {
  return `${language ?? ''}\n${phrase}`
}
