/**
 * What of a mail is asked of which list: things seen in it become labels in front of a list's zone (RFC 5782 §2.1, §2.4, §3), reversed
 * addresses, names or hashes. Pure, and the only place that knows which list is asked about what.
 */
import { isIP, isIPv6 } from 'node:net'
import { normaliseDomain, organisationOf, parseAddress, plainIp, reversedLabels, toAsciiDomain } from 'posthouse/text'
import { canonicalEmail, hashed, hostAndPath } from './hash.js'
import type { List, Topic } from './list.js'

/** Something in a mail, and where it stood. */
export type Seen = {
  readonly topic: Topic
  /** Shown to be true, by the name service or a signature, and not only claimed: lists that speak for a mail hear of nothing else. */
  readonly proven?: true
} & (
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'email'; readonly local: string; readonly domain: string }
  | { readonly kind: 'url'; readonly url: URL }
)

/** What a list is tested for before it is asked. */
export type Entries = 'ipv4' | 'ipv6' | 'names' | 'hashes'

/** One question to one list. */
export interface Question {
  readonly list: List
  readonly entries: Entries
  readonly label: string
  /** For people: the address, name, mail address or link that is asked about. */
  readonly of: string
  readonly topic: Topic
}

/** RFC 1035 §2.3.4: nothing longer can be asked for. */
const MAX_NAME = 253

/** Questions to all lists that want to hear of it, list by list. */
export function questionsFor(lists: readonly List[], seen: Seen): readonly Question[] {
  return lists
    .filter(list => list.about.has(seen.topic) && (list.kind === 'block' || seen.proven === true))
    .flatMap(list => questionsTo(list, seen))
}

/** Whatever the list can have an entry of, wanted or not. */
export function questionsTo(list: List, seen: Seen): readonly Question[] {
  return namesIn(list, seen)
    .filter(({ label }) => label.length + 1 + list.zone.length <= MAX_NAME)
    .map(name => ({ ...name, list, topic: seen.topic }))
}

function namesIn(list: List, seen: Seen): readonly Pick<Question, 'entries' | 'label' | 'of'>[] {
  switch (list.holds) {
    case 'addresses':
      return seen.kind === 'address' ? reversed(list, seen.address) : []
    case 'domains':
      if (seen.kind === 'address')
        return list.ipLinks ? reversed(list, seen.address).map(name => ({ ...name, entries: 'names' as const })) : []
      if (seen.kind === 'url') return []
      return hostsOf(list, seen.kind === 'host' ? seen.host : seen.domain).map(host => ({
        ...{ entries: 'names', label: host, of: host },
      }))
    case 'emails':
      return seen.kind === 'email' ? [hashOf(list, canonicalEmail(seen, list))] : []
    case 'urls':
      return seen.kind === 'url' ? [hashOf(list, hostAndPath(seen.url))] : []
  }
}

function reversed(list: List, address: string): readonly Pick<Question, 'entries' | 'label' | 'of'>[] {
  const labels = reversedLabels(address)
  const entries = isIPv6(plainIp(address)) ? 'ipv6' : 'ipv4'
  return labels === undefined || !list[entries] ? [] : [{ entries, label: labels, of: plainIp(address) }]
}

function hostsOf({ names }: List, text: string): readonly string[] {
  const host = hostName(text)
  if (host === undefined) return []
  if (names === 'host') return [host]
  const organisation = organisationOf(host)
  return names === 'both' && organisation !== host ? [organisation, host] : [organisation]
}

function hashOf(list: List, text: string): Pick<Question, 'entries' | 'label' | 'of'> {
  return { entries: 'hashes', label: hashed(text, list), of: text }
}

/** A name of the public name space in A-labels; `undefined` for what is none: an address, a single label, a label nobody can register. */
export function hostName(text: string): string | undefined {
  const name = normaliseDomain(text)
  const ascii = name === undefined ? undefined : toAsciiDomain(name)
  return ascii === undefined || !ascii.includes('.') || isIP(ascii) !== 0 || /\.[0-9]+$/.test(ascii) ? undefined : ascii
}

/** What an admin asks about, from its form: an address, a mail address, a link, a name. */
export function seenIn(text: string): readonly Seen[] | undefined {
  const address = text.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0) return [{ kind: 'address', topic: 'client', address }]
  if (/^[^\s/@]+@[^\s/@]+$/.test(text)) {
    const email = parseAddress(text)
    return email === undefined ? undefined : [{ kind: 'email', topic: 'from', ...email }]
  }
  if (!text.includes('/')) {
    const host = hostName(text)
    return host === undefined ? undefined : [{ kind: 'host', topic: 'links', host }]
  }
  return seenInLink(text.includes('://') ? text : `http://${text}`)
}

function seenInLink(text: string): readonly Seen[] | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  return [...hostSeen(url.hostname), { kind: 'url', topic: 'links', url }]
}

/** The host of a link, by name or by number. */
export function hostSeen(hostname: string): readonly Seen[] {
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0) return [{ kind: 'address', topic: 'links', address }]
  const host = hostName(hostname)
  return host === undefined ? [] : [{ kind: 'host', topic: 'links', host }]
}
