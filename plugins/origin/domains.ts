/** What a name of a domain tells by itself: its ending, what is known of its provider, what it looks like. Pure. */
import { isIP } from 'node:net'
import type { DomainFacts, DomainTrait } from 'posthouse/api'
import { domainKey, hasListedSuffix, isDrawnLabel, isHosted, nameAndParents, organisationOf } from 'posthouse/text'
import type { Lists } from './lists.js'

/** RFC 2606 §2, RFC 6761 §6 and RFC 6762 §3, and what RFC 6762 appendix G and RFC 8375 §3 say is in use within houses. */
const RESERVED = new Set(
  'test example invalid localhost local localdomain internal intranet private corp home lan arpa onion alt'.split(' '),
)
const KEPT = 2000

export class Domains {
  readonly #lists: Lists
  /** Names come again and again: of links, of hosts. Bounded. */
  readonly #known = new Map<string, DomainFacts>()

  constructor(lists: Lists) {
    this.#lists = lists
  }

  facts(written: string): DomainFacts {
    const key = written.slice(0, 256)
    const there = this.#known.get(key)
    if (there !== undefined) return there
    const found = this.#look(key)
    if (this.#known.size >= KEPT) this.#known.clear()
    this.#known.set(key, found)
    return found
  }

  #look(written: string): DomainFacts {
    const dotless = written.replace(/\.$/, '')
    const name = domainKey(dotless)
    if (isIP(addressIn(name)) !== 0) return { name, organisation: addressIn(name), traits: new Set(['address']) }
    const organisation = organisationOf(name)
    return { name, organisation, traits: new Set(this.#traits(name, organisation)) }
  }

  *#traits(name: string, organisation: string): Generator<DomainTrait> {
    const ending = name.slice(name.lastIndexOf('.') + 1)
    const [own = ''] = organisation.split('.', 1)
    if (RESERVED.has(ending)) yield 'reserved-ending'
    else if (!hasListedSuffix(name)) yield 'unlisted-ending'
    if (ending !== name && this.#lists.cheap_endings.has(ending)) yield 'cheap-ending'
    if (own.startsWith('xn--') || ending.startsWith('xn--')) yield 'international'
    const free = isListed(name, this.#lists.free_mail)
    if (free) yield 'free-mail'
    if (isListed(name, this.#lists.disposable)) yield 'disposable'
    if (!free && own !== name && /^\d+$/.test(own)) yield 'digits'
    if (own !== name && isDrawnLabel(own) && !isHosted(name)) yield 'generated'
  }
}

/** `[192.0.2.7]` and `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3) as bare addresses. */
export function addressIn(name: string): string {
  return name.startsWith('[') ? name.replace(/^\[(?:ipv6:)?|\]$/gi, '') : name
}

function isListed(name: string, list: ReadonlySet<string>): boolean {
  for (const one of nameAndParents(name)) if (list.has(one)) return true
  return false
}
