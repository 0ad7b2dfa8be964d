/**
 * Names that others are held against: our own domains, those an admin names, brands, and whom the people of this site write with. Indexed by what
 * they look like, by what is one slip away, and by the words that stand for them, so that a question costs some look-ups however many there are.
 */
import { domainToUnicode } from 'node:url'
import { organisationOf } from 'posthouse/text'
import { lookOf } from './confusables.js'
import { Neighbours } from './edits.js'

/** Whose names they are. */
export interface Owner {
  readonly kind: 'own' | 'listed' | 'brand' | 'known'
  /** `PayPal`; of others, the domain. */
  readonly title: string
}

export interface ProtectedName {
  readonly owner: Owner
  /** In A-labels. */
  readonly domain: string
  /** The part that somebody chose, in U-labels: `company` of company.co.uk. */
  readonly label: string
  /** It stands for its owner by itself, so that what comes near is told too. Brands have many names that do not (windows.net). */
  readonly prominent: boolean
}

/** Shorter names have honest neighbours everywhere. */
const LEAST_FOR_EDITS = 6
const LEAST_FOR_LOOKS = 3
/** So long a word stands for its owner even within other letters: `mypaypalaccount`. */
const LEAST_WITHIN = 6
const GRAM = 4

export class ProtectedNames {
  readonly #homes = new Map<string, Owner | undefined>()
  readonly #looks = new Map<string, ProtectedName>()
  readonly #near = new Neighbours<ProtectedName>()
  readonly #words = new Map<string, Owner>()
  readonly #plain = new Set<string>()
  readonly #lookingWords = new Map<string, Owner>()
  /** First four letters of a word, as `gramAfter` packs them → the words that begin so. */
  readonly #grams = new Map<number, string[]>()

  /** `words`: parts of hosts that stand for the owner. Who comes first keeps what it looks like. */
  add(owner: Owner, domains: Iterable<string>, words: readonly string[] = []): void {
    for (const domain of domains) this.#addDomain(owner, domain, words)
    for (const word of words) this.#addWord(owner, word)
  }

  /** Honest names: nothing is said of them. */
  spare(domains: Iterable<string>): void {
    for (const domain of domains) if (!this.#homes.has(domain)) this.#homes.set(domain, undefined)
  }

  /** Labels that are no slip from a brand, but words. */
  spareWords(words: Iterable<string>): void {
    for (const word of words) this.#plain.add(word)
  }

  /** It is a protected or spared name, or below one. Names are in A-labels here and below. */
  isHome(host: string): boolean {
    for (let rest: string | undefined = host; rest !== undefined; rest = above(rest))
      if (this.#homes.has(rest)) return true
    return false
  }

  /** The protected name it is or is below of. */
  ownerOf(host: string): Owner | undefined {
    for (let rest: string | undefined = host; rest !== undefined; rest = above(rest)) {
      const owner = this.#homes.get(rest)
      if (owner !== undefined) return owner
    }
    return undefined
  }

  /** Whose this very name is. */
  ownerAt(name: string): Owner | undefined {
    return this.#homes.get(name)
  }

  looksLike(label: string): ProtectedName | undefined {
    return this.#looks.get(lookOf(label))
  }

  oneSlipFrom(label: string): { readonly thing: ProtectedName; readonly how: string } | undefined {
    if (label.length < LEAST_FOR_EDITS - 1) return undefined
    const plain = this.#plain.has(label)
    return this.#near.find(label, ({ owner }) => !plain || owner.kind !== 'brand')
  }

  /** A word that stands for somebody: as a part of the label somebody chose; that of a brand also within it, or further down. */
  wordIn(label: string, below: readonly string[]): { readonly word: string; readonly owner: Owner } | undefined {
    for (const part of partsOf(label)) {
      const owner = this.#words.get(part)
      if (owner !== undefined) return { word: part, owner }
    }
    for (const part of [label, ...below.flatMap(partsOf)]) {
      const word = this.#words.has(part) ? part : this.#wordWithin(part)
      const owner = word === undefined ? undefined : this.#words.get(word)
      // Our own name below somebody else's is how we are called as their customer.
      if (owner?.kind === 'brand') return { word: word!, owner }
    }
    return undefined
  }

  /** A part that only looks like such a word: rnicrosoft-support, paypa1.login. */
  wordLookingIn(label: string, below: readonly string[]): { readonly word: string; readonly owner: Owner } | undefined {
    for (const [from, parts] of [label, ...below].map((one, at) => [at, partsOf(one)] as const)) {
      for (const word of parts) {
        const owner = this.#words.has(word) ? undefined : this.#lookingWords.get(lookOf(word))
        if (owner !== undefined && (from === 0 || owner.kind === 'brand')) return { word, owner }
      }
    }
    return undefined
  }

  #wordWithin(part: string): string | undefined {
    let gram = 0
    for (let end = 0; end < part.length; end++) {
      gram = gramAfter(gram, part.charCodeAt(end))
      const words = end < GRAM - 1 ? undefined : this.#grams.get(gram)
      const word = words?.find(candidate => part.startsWith(candidate, end - GRAM + 1))
      if (word !== undefined) return word
    }
    return undefined
  }

  #addDomain(owner: Owner, domain: string, words: readonly string[]): void {
    if (this.#homes.get(domain) === undefined) this.#homes.set(domain, owner)
    const label = chosenLabel(domain)
    if (label === undefined || label.length < LEAST_FOR_LOOKS) return
    const prominent = owner.kind !== 'brand' || words.includes(label)
    const name = { owner, domain, label, prominent }
    const look = lookOf(label)
    if (this.#looks.has(look)) return
    this.#looks.set(look, name)
    if (prominent && label.length >= LEAST_FOR_EDITS) this.#near.add(label, name)
  }

  #addWord(owner: Owner, word: string): void {
    if (this.#words.has(word)) return
    this.#words.set(word, owner)
    this.#lookingWords.set(lookOf(word), owner)
    if (word.length < LEAST_WITHIN || owner.kind !== 'brand') return
    let gram = 0
    for (let at = 0; at < GRAM; at++) gram = gramAfter(gram, word.charCodeAt(at))
    this.#grams.set(gram, [...(this.#grams.get(gram) ?? []), word])
  }
}

/** The last four letters of ASCII in one number: names are looked through letter by letter, without making strings. */
function gramAfter(gram: number, code: number): number {
  return ((gram << 7) | (code & 0x7f)) & 0xfffffff
}

/** `secure-paypal-login`: as a whole, and what the hyphens part. */
function partsOf(label: string): readonly string[] {
  return label.includes('-') ? [label, ...label.split('-')] : [label]
}

/** `b.example` of `a.b.example`. */
function above(name: string): string | undefined {
  const dot = name.indexOf('.')
  return dot < 0 ? undefined : name.slice(dot + 1)
}

/** What somebody chose for a name, in U-labels: the label in front of the public suffix. Nothing: it has one label alone, or is an address. */
export function chosenLabel(host: string, whole = organisationOf(host)): string | undefined {
  const dot = whole.indexOf('.')
  if (dot <= 0 || whole.startsWith('[')) return undefined
  const label = whole.slice(0, dot)
  return label.startsWith('xn--') ? domainToUnicode(label) || label : label
}
