/**
 * Display names that say more than a name: an address or domain of somebody else, a brand, a person of this house. A name is compared as a reader
 * takes it in: whole words, without case and accents, and by what its letters look like.
 */
import type { LookAlike } from 'posthouse/api'
import { type FieldMailbox, organisationOf, printable } from 'posthouse/text'
import { lookOf } from './confusables.js'
import type { ProtectedNames } from './protected.js'

/** Words made ready to be compared. */
export interface Phrase {
  readonly words: string
  readonly looks: string
}

export interface ClaimedBrand {
  readonly brand: string
  readonly phrases: readonly Phrase[]
  /** It is no claim beside other words than those of service: people and other firms are called so too. */
  readonly alone: boolean
  /** In A-labels. */
  readonly domains: readonly string[]
}

export interface Person {
  readonly name: string
  readonly words: readonly Phrase[]
  /** In lower case. */
  readonly addresses: readonly string[]
}

export interface Names {
  readonly names: ProtectedNames
  readonly brands: readonly ClaimedBrand[]
  readonly people: readonly Person[]
  /** As `wordsOf` has them. */
  readonly service: ReadonlySet<string>
  /** Domains of ours. */
  readonly own: { has(domain: string): boolean }
}

const APOSTROPHES = /['\u2018\u2019\u02bc\u00b4`]/g
const MARKS = /\p{M}+/gu
const GAPS = /[^\p{L}\p{N}]+/gu
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu
// The bounds keep them linear.
const ADDRESS = /[^\s@<>"]{1,64}@([a-z0-9.-]{3,200}\.[a-z]{2,20})/i
const DOMAIN = /(?:[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\.){1,5}[a-z]{2,20}(?![a-z0-9.-])/gi
const MOST_DOMAINS = 5

/** ` one two `: lower case, no accents, one space between words and at both ends. */
export function wordsOf(text: string): string {
  const plain = text.normalize('NFKD').replace(INVISIBLE, '').replace(APOSTROPHES, '').replace(MARKS, '').toLowerCase()
  return ` ${plain.replaceAll('ß', 'ss').replace(GAPS, ' ').trim()} `
}

/** The same by what the letters look like. */
function looksOf(text: string): string {
  const words = text.normalize('NFKC').replace(APOSTROPHES, '').split(GAPS)
  return ` ${words.map(lookOf).join(' ').trim()} `
}

export function phraseOf(text: string): Phrase {
  const words = wordsOf(text)
  return { words, looks: looksOf(words) }
}

/** The gravest that a display name claims. `from.domain` may be '': it is only asked about the name. */
export function trickOfName(from: FieldMailbox, where: Names): LookAlike | undefined {
  if (from.name === '') return undefined
  return claimsPerson(from, where) ?? claimsBrand(from, where) ?? holdsAddress(from, where) ?? holdsDomain(from, where)
}

/** service@paypal.com <x73@odd.example> */
function holdsAddress(from: FieldMailbox, { names }: Names): LookAlike | undefined {
  const domain = ADDRESS.exec(from.name)?.[1]?.toLowerCase()
  if (domain === undefined || organisationOf(domain) === organisationOf(from.domain)) return undefined
  return trick(from, 'holds-address', [domain, names.ownerOf(domain)?.title], `holds an address at ${domain}`)
}

/** A domain that is protected, without being an address. */
function holdsDomain(from: FieldMailbox, { names }: Names): LookAlike | undefined {
  let seen = 0
  for (const [written] of from.name.matchAll(DOMAIN)) {
    if (++seen > MOST_DOMAINS) break
    const domain = written.toLowerCase()
    const owner = names.ownerOf(domain)
    if (owner === undefined || owner.kind === 'known' || names.ownerOf(from.domain) === owner) continue
    if (organisationOf(domain) === organisationOf(from.domain)) continue
    return trick(from, 'holds-address', [domain, owner.title], `names ${domain}`)
  }
  return undefined
}

function claimsBrand(from: FieldMailbox, { brands, service }: Names): LookAlike | undefined {
  const words = wordsOf(from.name)
  const looks = looksOf(from.name)
  for (const { brand, phrases, alone, domains } of brands) {
    for (const phrase of phrases) {
      const literal = words.includes(phrase.words)
      if (!literal && !looks.includes(phrase.looks)) continue
      if (literal && alone && !isAlone(words, phrase, service)) continue
      if (domains.some(domain => from.domain === domain || from.domain.endsWith(`.${domain}`))) break
      const how = literal ? `claims to be ${brand}` : `looks like ${brand} in other letters`
      return trick(from, 'claims-brand', [brand, brand], how)
    }
  }
  return undefined
}

/** Nobody is called by numbers, or by words of service. */
function isAlone(words: string, phrase: Phrase, service: ReadonlySet<string>): boolean {
  const others = words.replace(phrase.words, ' ').trim().split(' ')
  return others.every(word => word === '' || /^\p{N}+$/u.test(word) || service.has(word))
}

function claimsPerson(from: FieldMailbox, { people, own }: Names): LookAlike | undefined {
  const address = `${from.local}@${from.domain}`.toLowerCase()
  if (people.length === 0 || own.has(from.domain)) return undefined
  const words = wordsOf(from.name)
  const looks = looksOf(from.name)
  for (const { name, words: wanted, addresses } of people) {
    // In any order, perhaps with others and in other letters: `Director, Maria (CEO)`.
    const claimed = wanted.every(word => words.includes(word.words) || looks.includes(word.looks))
    if (!claimed || addresses.includes(address)) continue
    return trick(from, 'claims-person', [name, name], `is that of ${name}, who does not write from there`)
  }
  return undefined
}

function trick(
  from: FieldMailbox,
  kind: LookAlike['trick'],
  [like, whose]: readonly [string, string | undefined],
  claim: string,
): LookAlike {
  const shown = printable(from.name, 60)
  const home = from.domain === '' ? '' : `, the mail is of ${from.domain}`
  return {
    ...{ place: 'name', trick: kind, shown, like: printable(like, 255) },
    ...(whose === undefined ? {} : { whose }),
    says: `The display name "${shown}" ${printable(`${claim}${home}`, 400)}`,
  }
}
