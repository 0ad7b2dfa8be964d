/**
 * `words`: words and phrases. Those of all rules are searched in one pass per place and stemming language.
 */
import { Automaton } from '../automaton.js'
import { type Facts, PLACES, type Place } from '../facts.js'
import { fold, foldPhrase } from '../fold.js'
import { LANGUAGES, type Language, Stemmer } from '../stem.js'
import { AT_LEAST, STRINGS, WHERE } from './keys.js'
import { found, type Kind, type Reader } from './kind.js'

type RawWords = {
  readonly words: readonly string[]
  readonly where?: readonly (Place | 'anywhere')[]
  readonly at_least?: number
  readonly stem?: Language
}

interface Words {
  readonly phrases: readonly string[]
  readonly where: readonly Place[]
  readonly atLeast: number
  readonly language: Language | 'none'
}

/** One search: the phrases of one stemming language, or of none. */
interface Search {
  readonly phrases: readonly string[]
  /** Condition → the numbers of its phrases. */
  readonly numbers: ReadonlyMap<Words, readonly number[]>
  found(facts: Facts, place: Place): ReadonlySet<number>
}

const ANYWHERE: readonly Place[] = ['subject', 'body', 'name', 'link']
/** Words of a long text beyond this are not stemmed: a stem costs a hundred times a comparison. */
const STEMMED_WORDS = 1500

export const words: Kind<Words, RawWords> = {
  name: 'words',
  key: { ...STRINGS, description: 'words or phrases; `pharmac*` is the start of a word' },
  companions: {
    where: WHERE,
    at_least: AT_LEAST,
    stem: { type: 'string', enum: LANGUAGES, description: 'compare stems of words in this language' },
  },
  read: readWords,
  prepare(all) {
    const languages = new Set(all.map(({ language }) => language))
    const searches = new Map(
      [...languages].map(language => [
        language,
        searchFor(
          language,
          all.filter(own => own.language === language),
        ),
      ]),
    )
    return { bind: own => boundTo(searches.get(own.language)!, own) }
  },
}

function readWords(raw: RawWords, reader: Reader): Words | undefined {
  const empty = raw.words.findIndex(phrase => foldPhrase(phrase).trim() === '')
  if (empty !== -1) return reader.wrong(['words', empty], 'expected letters, digits or money signs')
  const wanted = raw.where ?? ['anywhere']
  const where = PLACES.filter(
    place => wanted.includes(place) || (wanted.includes('anywhere') && ANYWHERE.includes(place)),
  )
  const atLeast = raw.at_least ?? 1
  if (atLeast > raw.words.length) return reader.wrong(['at_least'], `there are only ${raw.words.length} words`)
  return { phrases: raw.words, where, atLeast, language: raw.stem ?? 'none' }
}

function searchFor(language: Language | 'none', conditions: readonly Words[]): Search {
  const stemmer = language === 'none' ? undefined : new Stemmer(language)
  const known = new Map<string, number>()
  const numbers = new Map<Words, readonly number[]>()
  for (const condition of conditions) {
    const own = condition.phrases.map(phrase => {
      const folded = stemmer === undefined ? foldPhrase(phrase) : stemmer.stemAll(fold(phrase))
      const number = known.get(folded) ?? known.size
      known.set(folded, number)
      return number
    })
    numbers.set(condition, [...new Set(own)])
  }
  const phrases = [...known.keys()]
  const automaton = new Automaton(phrases)
  const search = (folded: string) => {
    const seen = new Set<number>()
    automaton.search(stemmer === undefined ? folded : stemmer.stemAll(folded, STEMMED_WORDS), seen)
    return seen
  }
  const key = { search }
  return {
    phrases,
    numbers,
    found(facts, place) {
      const places = facts.once(key, () => new Map<Place, ReadonlySet<number>>())
      const there = places.get(place) ?? search(facts.folded(place))
      places.set(place, there)
      return there
    },
  }
}

function boundTo(search: Search, own: Words): (facts: Facts) => ReturnType<typeof found> | undefined {
  const numbers = search.numbers.get(own)!
  return facts => {
    const places = own.where.map(place => search.found(facts, place))
    const here = numbers.filter(number => places.some(place => place.has(number)))
    if (here.length < own.atLeast) return undefined
    const shown = here.slice(0, 3).map(number => search.phrases[number]!.trim())
    return found(shown.join(', '))
  }
}
