/**
 * `words`: words and phrases. Those of all rules are searched for at once (words/search.ts), when the first rule asks. A condition holds when
 * `at_least` different entries are found, or, with `full`, weighs what it finds: all of the rule's points at so much weight, a part of them below,
 * nothing below `at_least`.
 * `words: dressed-up` holds when words of any rule are written so that filters miss them.
 */
import { type Facts, PLACES, type Place } from '../facts.js'
import { looksShipped } from '../words/confusables.js'
import {
  type AnyEntry,
  ENTRIES,
  type Group,
  type NearEntry,
  type PhraseEntry,
  type RawEntry,
  readEntries,
} from '../words/entries.js'
import { rowOf, type Spot } from '../words/near.js'
import { type Asked, type Hit, type PlaceFound, Search } from '../words/search.js'
import { LANGUAGES, type Language } from '../words/stems.js'
import { AT_LEAST, WHERE } from './keys.js'
import type { Found, Kind, Reader, Test } from './kind.js'

const DRESSED_UP = 'dressed-up'

type RawWords = {
  readonly words: readonly RawEntry[] | typeof DRESSED_UP
  readonly where?: readonly (Place | 'anywhere')[]
  readonly worth?: Readonly<Partial<Record<Place, number>>>
  readonly at_least?: number
  readonly full?: number
  readonly stem?: Language
  readonly dressed?: boolean
}

interface Words {
  readonly entries: readonly AnyEntry[]
  /** Any word of any rule that is dressed up. */
  readonly anyDressed: boolean
  readonly where: ReadonlySet<Place>
  readonly worth: Readonly<Partial<Record<Place, number>>>
  readonly atLeast: number
  readonly full: number | undefined
  readonly dressed: boolean
}

/** What was found of one entry, where it counts most. */
interface Best {
  readonly value: number
  readonly shown: string
  readonly place: Place
  readonly spots: readonly Spot[]
  readonly group: Group
}

interface Use {
  readonly own: Words
  /** Its place among the entries of that condition. */
  readonly at: number
  readonly entry: PhraseEntry
  /** As a finding shows it. */
  readonly phrase: string
}

/** A near-by entry with the numbers of the phrases of its parts. */
interface NearUse {
  readonly own: Words
  readonly at: number
  readonly entry: NearEntry
  readonly parts: readonly (readonly number[])[]
}

/** What of the phrases of all conditions is in one message. */
interface Tally {
  readonly best: ReadonlyMap<Words, Map<number, Best>>
  /** Near-by entries of which the first part is there. */
  readonly near: ReadonlyMap<Words, ReadonlySet<NearUse>>
}

const NOTHING: ReadonlyMap<number, Best> = new Map()
/** The words of so many characters are found in a few milliseconds. */
const LONG = 48 * 1024

const ANYWHERE: readonly Place[] = ['subject', 'body', 'name', 'link', 'file', 'alt']
/** Where people write: machines write links and HTML, and nobody reads them letter by letter. */
const UNDRESSED: ReadonlySet<Place> = new Set(['subject', 'body', 'name', 'file', 'alt'])
const SHOWN = 3
const EVIDENCE = 12

export const words: Kind<Words, RawWords> = {
  name: 'words',
  cost: 1,
  key: {
    anyOf: [ENTRIES, { type: 'string', enum: [DRESSED_UP] }],
    description:
      'words or phrases; `pharmac*` is the start of a word; or "dressed-up": any word of any rule, disguised',
  },
  companions: {
    where: WHERE,
    worth: {
      type: 'object',
      additionalProperties: false,
      properties: Object.fromEntries(PLACES.map(place => [place, { type: 'number', minimum: 0, maximum: 10 }])),
      description: 'times the weight, for what is found in these places; default 1',
    },
    at_least: AT_LEAST,
    full: {
      type: 'number',
      minimum: 0.1,
      maximum: 1000,
      description:
        'the sum of weights that is worth all of the points; less is worth a part; `at_least` is of the sum, too',
    },
    stem: { type: 'string', enum: LANGUAGES, description: 'compare stems of words in this language' },
    dressed: { type: 'boolean', description: 'true: only words that were dressed up' },
  },
  read: readWords,
  prepare(all) {
    const scan = new Scan(all)
    return {
      before: facts => scan.before(facts),
      mayHold: facts => scan.mayHold(facts),
      bind: own => (own.anyDressed ? dressedTest(scan, own) : phrasesTest(scan, own)),
    }
  },
}

function readWords(raw: RawWords, reader: Reader): Words | undefined {
  const wanted = raw.where ?? ['anywhere']
  const where = new Set(
    PLACES.filter(place => wanted.includes(place) || (wanted.includes('anywhere') && ANYWHERE.includes(place))),
  )
  const { worth = {}, full, dressed = false, at_least: atLeast = 1 } = raw
  const unseen = Object.keys(worth).find(place => !where.has(place as Place))
  if (unseen !== undefined)
    return reader.wrong(['worth', unseen], `this rule does not look there: add "${unseen}" to "where"`)
  const common = { where, worth, atLeast, full, dressed }
  if (raw.words === DRESSED_UP) {
    if (full !== undefined || raw.stem !== undefined || raw.dressed !== undefined)
      return reader.wrong(['words'], `"${DRESSED_UP}" knows "where" and "at_least" only`)
    return { ...common, entries: [], anyDressed: true }
  }
  const entries = readEntries(raw.words, raw.stem, (at, message) => reader.wrong(['words', ...at], message))
  if (entries === undefined) return undefined
  if (full === undefined && atLeast > entries.length)
    return reader.wrong(['at_least'], `there are only ${entries.length} words`)
  if (full !== undefined && atLeast > full) return reader.wrong(['at_least'], `it is more than "full" (${full})`)
  return { ...common, entries, anyDressed: false }
}

/** What all conditions look for, and what of it is in one message. */
class Scan {
  readonly #search: Search
  /** Number of a phrase → who looks for it. */
  readonly #uses = new Map<number, readonly Use[]>()
  readonly #places: readonly Place[]
  /** Number of a phrase → the near-by entries whose first part it is. */
  readonly #near = new Map<number, readonly NearUse[]>()
  /** Those that look for no words of their own. */
  readonly #anyDressed: readonly Words[]

  constructor(all: readonly Words[]) {
    this.#anyDressed = all.filter(({ anyDressed }) => anyDressed)
    this.#search = new Search(all.flatMap(askedBy), looksShipped())
    for (const own of all) {
      own.entries.forEach((entry, at) => {
        if (entry.kind === 'phrase') this.#use(own, at, entry)
        else this.#useNear(own, at, entry)
      })
    }
    const wanted = PLACES.filter(place => all.some(({ where }) => where.has(place)))
    this.#places = wanted.sort((a, b) => Number(b === 'body') - Number(a === 'body'))
  }

  /** A long text is looked at in steps, and the others are served in between; all others wait until a rule asks. */
  async before(facts: Facts): Promise<void> {
    if (!this.#places.some(place => facts.text(place).length > LONG)) return
    const found = new Map<Place, PlaceFound>()
    for (const place of this.#places) {
      const reading = this.#search.read(facts.text(place), UNDRESSED.has(place))
      await nextTurn()
      found.set(place, this.#search.find(reading, found.get('body')?.language))
      await nextTurn()
    }
    facts.keep(this.#look, found)
  }

  /** Each place looked at once. */
  places(facts: Facts): ReadonlyMap<Place, PlaceFound> {
    return facts.once(this.#look)
  }

  /** Of all others nothing is there. */
  mayHold(facts: Facts): Iterable<Words> {
    const { best, near } = facts.once(this.#tally)
    return [...this.#anyDressed, ...best.keys(), ...near.keys()]
  }

  /** Entries of this condition that were found, each with its best place. Mostly none: every rule asks. */
  found(facts: Facts, own: Words): ReadonlyMap<number, Best> {
    const tally = facts.once(this.#tally)
    const there = tally.best.get(own) ?? NOTHING
    const near = tally.near.get(own)
    if (near === undefined) return there
    const found = new Map(there)
    for (const use of [...near].sort((a, b) => a.at - b.at)) {
      const best = this.#nearBest(facts, use)
      if (best !== undefined) found.set(use.at, best)
    }
    return found
  }

  readonly #look = (facts: Facts): ReadonlyMap<Place, PlaceFound> => {
    const found = new Map<Place, PlaceFound>()
    // The body first: a subject is often too short to tell its language.
    for (const place of this.#places)
      found.set(place, this.#search.look(facts.text(place), UNDRESSED.has(place), found.get('body')?.language))
    return found
  }

  /** From what is there to who wants it: of thousands of phrases a message has a few. */
  readonly #tally = (facts: Facts): Tally => {
    const best = new Map<Words, Map<number, Best>>()
    const near = new Map<Words, Set<NearUse>>()
    for (const [place, { hits }] of this.places(facts)) {
      for (const [number, hit] of hits) {
        const uses = this.#uses.get(number)
        if (uses !== undefined) for (const use of uses) note(best, use, place, hit)
        const nearUses = this.#near.get(number)
        if (nearUses === undefined) continue
        for (const use of nearUses) {
          const there = near.get(use.own)
          if (there === undefined) near.set(use.own, new Set([use]))
          else there.add(use)
        }
      }
    }
    return { best, near }
  }

  #nearBest(facts: Facts, { own, entry, parts: numbers }: NearUse): Best | undefined {
    const places = this.places(facts)
    // Of most near-by entries one part is nowhere in the whole message.
    if (!numbers.every(part => isAnywhere(places, part))) return undefined
    for (const [place, { hits, texts }] of places) {
      const folded = texts.get(entry.language ?? 'none')
      if (!own.where.has(place) || folded === undefined) continue
      // A part that is nowhere: no row of all of them.
      if (!numbers.every(part => part.some(number => hits.has(number)))) continue
      const parts = numbers.map(part => part.flatMap(number => hits.get(number)?.spots ?? []))
      const { text } = folded
      const row = rowOf(parts, entry.near, text)
      if (row === undefined) continue
      return {
        value: entry.weight * (own.worth[place] ?? 1),
        shown: text.slice(row.start, row.end).trim(),
        place,
        spots: [],
        group: entry.group,
      }
    }
    return undefined
  }

  #use(own: Words, at: number, entry: PhraseEntry): void {
    const number = this.#search.numberOf(entry.phrase, entry.language)
    const phrase = entry.phrase.endsWith('*') ? entry.phrase.slice(0, -1) : entry.phrase
    this.#uses.set(number, [...(this.#uses.get(number) ?? []), { own, at, entry, phrase }])
  }

  #useNear(own: Words, at: number, entry: NearEntry): void {
    const numbersOf = (part: readonly string[]) => part.map(phrase => this.#search.numberOf(phrase, entry.language))
    const use: NearUse = { own, at, entry, parts: entry.parts.map(numbersOf) }
    for (const number of new Set(use.parts[0])) this.#near.set(number, [...(this.#near.get(number) ?? []), use])
  }
}

/** Where it counts more than elsewhere; nothing where the condition does not look. */
function note(best: Map<Words, Map<number, Best>>, use: Use, place: Place, hit: Hit): void {
  const { own, at, entry, phrase } = use
  const dressed = own.dressed ? hit.undressed !== undefined && hit.undressed.how !== 'misspelt' : !hit.plain
  if ((own.dressed && !dressed) || !own.where.has(place)) return
  const value = entry.weight * (own.worth[place] ?? 1)
  const there = best.get(own) ?? new Map<number, Best>()
  if (there.size === 0) best.set(own, there)
  if (Math.abs(value) <= Math.abs(there.get(at)?.value ?? 0)) return
  const shown = dressed ? `"${hit.undressed!.written}" → ${phrase}` : phrase
  there.set(at, { value, shown, place, spots: hit.spots, group: entry.group })
}

function isAnywhere(places: ReadonlyMap<Place, PlaceFound>, part: readonly number[]): boolean {
  for (const { hits } of places.values()) if (hits.size > 0 && part.some(number => hits.has(number))) return true
  return false
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

function askedBy({ entries }: Words): readonly Asked[] {
  return entries.flatMap(entry =>
    (entry.kind === 'near' ? entry.parts.flat() : [entry.phrase]).map(phrase => ({
      phrase,
      language: entry.language,
      near: entry.kind === 'near',
    })),
  )
}

function phrasesTest(scan: Scan, own: Words): Test {
  return facts => {
    const all = scan.found(facts, own)
    if (all.size === 0) return undefined
    const found = apart([...all.values()])
    const sum = sumOf(found)
    const enough = own.full === undefined ? found.filter(({ value }) => value > 0).length : sum
    if (enough < own.atLeast || sum <= 0) return undefined
    found.sort((a, b) => b.value - a.value)
    const outcome = outcomeOf(found.map(({ shown, place }) => ({ shown, place })))
    return own.full === undefined ? outcome : { ...outcome, times: Math.min(1, sum / own.full) }
  }
}

/** No group counts more than it may. */
function sumOf(found: readonly Best[]): number {
  const groups = new Map<Group, number>()
  for (const { group, value } of found) groups.set(group, Math.min(group.most, (groups.get(group) ?? 0) + value))
  return [...groups.values()].reduce((sum, value) => sum + value, 0)
}

/** "Gift card" within "free gift card" is not one more find. */
function apart(found: readonly Best[]): Best[] {
  return found.filter(
    one =>
      one.spots.length === 0 || !one.spots.every(spot => found.some(other => other !== one && holds(other, one, spot))),
  )
}

function holds(other: Best, one: Best, { start, end }: Spot): boolean {
  if (other.place !== one.place) return false
  return other.spots.some(spot => spot.start <= start && spot.end >= end && spot.end - spot.start > end - start)
}

function dressedTest(scan: Scan, own: Words): Test {
  return facts => {
    const found = new Map<string, { shown: string; place: Place }>()
    for (const [place, { reading }] of scan.places(facts)) {
      if (!own.where.has(place)) continue
      for (const one of reading.undressed)
        if (one.how === 'deliberate' && !found.has(one.understood))
          found.set(one.understood, { shown: `"${one.written}" → ${one.understood}`, place })
    }
    return found.size < own.atLeast ? undefined : outcomeOf([...found.values()])
  }
}

function outcomeOf(found: readonly { readonly shown: string; readonly place: Place }[]): Found {
  return {
    kind: 'found',
    text: found
      .slice(0, SHOWN)
      .map(({ shown }) => shown)
      .join(', '),
    evidence: found.slice(0, EVIDENCE).map(({ shown, place }) => `${place}: ${shown}`),
  }
}
