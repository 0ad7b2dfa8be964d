/**
 * Asks all rules about one message. Words of all rules are searched in one pass per place and stemming language; everything else is
 * a pure function of the facts. A finding says which rule, how many points, and why.
 */
import type { Finding } from 'posthouse/api'
import { printable } from 'posthouse/text'
import { Automaton } from './automaton.js'
import type { Facts } from './facts.js'
import { fold, foldPhrase } from './fold.js'
import { testLetters } from './letters.js'
import { testOrigin } from './origin.js'
import type { Condition, Rule, Zone } from './rule.js'
import { type Language, Stemmer } from './stem.js'

type Words = Extract<Condition, { kind: 'words' }>
type OfField = Extract<Condition, { kind: 'field' }>
type Many = Extract<Condition, { readonly of: readonly Condition[] }>

/** Words of a long text beyond this are not stemmed: a stem costs a hundred times a comparison. */
const STEMMED_WORDS = 1500
const MAX_FOUND = 60
const FIELD_INPUT = 1000
const FIELDS_OF_ONE_NAME = 20

/** One search: the phrases of one stemming language, or of none. */
interface Search {
  readonly phrases: readonly string[]
  readonly automaton: Automaton
  readonly stemmer: Stemmer | undefined
}

export class RuleSet {
  readonly rules: readonly Rule[]
  readonly #searches = new Map<Language | 'none', Search>()
  /** Condition → the numbers of its phrases in its search. */
  readonly #numbers = new Map<Words, readonly number[]>()

  constructor(rules: readonly Rule[]) {
    this.rules = rules
    const all = rules.flatMap(rule => wordConditions(rule.condition))
    for (const language of new Set(all.map(condition => condition.stem ?? 'none'))) this.#prepare(language, all)
  }

  evaluate(facts: Facts): readonly Finding[] {
    const scan = new Scan(facts, this.#searches)
    return this.rules.flatMap(rule => {
      const found = this.#test(rule.condition, facts, scan)
      return found === undefined ? [] : [findingOf(rule, found)]
    })
  }

  #prepare(language: Language | 'none', all: readonly Words[]): void {
    const stemmer = language === 'none' ? undefined : new Stemmer(language)
    const numbers = new Map<string, number>()
    for (const condition of all.filter(candidate => (candidate.stem ?? 'none') === language)) {
      const own = condition.phrases.map(phrase => {
        const folded = stemmer === undefined ? foldPhrase(phrase) : stemmer.stemAll(fold(phrase))
        const number = numbers.get(folded) ?? numbers.size
        numbers.set(folded, number)
        return number
      })
      this.#numbers.set(condition, [...new Set(own)])
    }
    const phrases = [...numbers.keys()]
    this.#searches.set(language, { phrases, automaton: new Automaton(phrases), stemmer })
  }

  #test(condition: Condition, facts: Facts, scan: Scan): string | undefined {
    switch (condition.kind) {
      case 'words':
        return this.#testWords(condition, scan)
      case 'field':
        return testField(condition, facts)
      case 'text':
        return condition.matches.exec(facts.text(condition.text))?.[0]
      case 'origin':
        return testOrigin(condition.test, facts, condition.list)
      case 'letters':
        return testLetters(condition.test, facts.zone(condition.where), condition.atLeast)
      case 'all':
        return this.#testAll(condition, facts, scan)
      case 'any':
        return first(condition.of, inner => this.#test(inner, facts, scan))
      case 'not':
        return condition.of.every(inner => this.#test(inner, facts, scan) === undefined) ? '' : undefined
    }
  }

  #testAll(condition: Many, facts: Facts, scan: Scan): string | undefined {
    const found: string[] = []
    for (const inner of condition.of) {
      const here = this.#test(inner, facts, scan)
      if (here === undefined) return undefined
      if (here !== '') found.push(here)
    }
    return found.slice(0, 2).join('; ')
  }

  #testWords(condition: Words, scan: Scan): string | undefined {
    const language = condition.stem ?? 'none'
    const zones = condition.where.map(zone => scan.found(language, zone))
    const found = this.#numbers.get(condition)!.filter(number => zones.some(zone => zone.has(number)))
    if (found.length < condition.atLeast) return undefined
    const { phrases } = this.#searches.get(language)!
    return found
      .slice(0, 3)
      .map(number => phrases[number]!.trim())
      .join(', ')
  }
}

/** What the searches find in the places of one message, each looked at once and only when asked for. */
class Scan {
  readonly #facts: Facts
  readonly #searches: ReadonlyMap<Language | 'none', Search>
  readonly #found = new Map<string, ReadonlySet<number>>()

  constructor(facts: Facts, searches: ReadonlyMap<Language | 'none', Search>) {
    this.#facts = facts
    this.#searches = searches
  }

  found(language: Language | 'none', zone: Zone): ReadonlySet<number> {
    const key = `${language} ${zone}`
    const known = this.#found.get(key)
    if (known !== undefined) return known
    const { automaton, stemmer } = this.#searches.get(language)!
    const folded = this.#facts.folded(zone)
    const found = new Set<number>()
    automaton.search(stemmer === undefined ? folded : stemmer.stemAll(folded, STEMMED_WORDS), found)
    this.#found.set(key, found)
    return found
  }
}

function testField(condition: OfField, facts: Facts): string | undefined {
  const values = facts.message.fields(condition.name)
  if (condition.missing) return values.length === 0 ? `no ${condition.name}` : undefined
  const { matches } = condition
  if (matches === undefined) return values[0]
  return first(values.slice(0, FIELDS_OF_ONE_NAME), value => matches.exec(value.slice(0, FIELD_INPUT))?.[0])
}

function findingOf(rule: Rule, found: string): Finding {
  return { name: rule.name, points: rule.points, says: rule.says.replace('{found}', () => printable(found, MAX_FOUND)) }
}

function first<T>(items: readonly T[], test: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = test(item)
    if (found !== undefined) return found
  }
  return undefined
}

function wordConditions(condition: Condition): readonly Words[] {
  switch (condition.kind) {
    case 'words':
      return [condition]
    case 'all':
    case 'any':
    case 'not':
      return condition.of.flatMap(wordConditions)
    default:
      return []
  }
}
