/**
 * What of a mail is asked of which list: things seen in it become labels in front of a list's zone (RFC 5782 §2.1, §2.4, §3), reversed
 * addresses, names or hashes. Pure, and the only place that knows which list is asked about what.
 */
import { isIP, isIPv6 } from 'node:net'
import { parseAddress, plainIp, reversedLabels } from 'posthouse/text'
import { canonicalEmail, hashed, hostAndPath } from './hash.js'
import { type Host, hostOf } from './host.js'
import type { List, Topic } from './list.js'

/** Something in a mail, and where it stood. */
export type Seen = {
  readonly topic: Topic
  /** Shown to be true, by the name service or a signature, and not only claimed: lists that speak for a mail hear of nothing else. */
  readonly proven?: true
} & (
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'host'; readonly host: Host }
  | { readonly kind: 'email'; readonly local: string; readonly host: Host }
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
  return lists.flatMap(list =>
    list.about.has(seen.topic) && (list.kind === 'block' || seen.proven === true) ? questionsTo(list, seen) : [],
  )
}

/** Whatever the list can have an entry of, wanted or not. */
export function questionsTo(list: List, seen: Seen): readonly Question[] {
  const { topic } = seen
  switch (list.holds) {
    case 'addresses':
      return seen.kind === 'address' ? aboutAddress(list, seen.address, topic) : []
    case 'domains':
      if (seen.kind === 'url') return []
      if (seen.kind === 'address') return list.ipLinks ? aboutAddress(list, seen.address, topic, 'names') : []
      return namesOf(list, seen.host).flatMap(name => question(list, 'names', name, name, topic))
    case 'emails':
      return seen.kind === 'email' ? aboutHash(list, canonicalEmail(seen.local, seen.host.name, list), topic) : []
    case 'urls':
      return seen.kind === 'url' ? aboutHash(list, hostAndPath(seen.url), topic) : []
  }
}

/** Written out field by field: there are many for each message, and copies of objects are slow. */
function question(list: List, entries: Entries, label: string, of: string, topic: Topic): readonly Question[] {
  return label.length + 1 + list.zone.length > MAX_NAME ? [] : [{ list, entries, label, of, topic }]
}

function aboutAddress(list: List, text: string, topic: Topic, entries?: Entries): readonly Question[] {
  const address = plainIp(text)
  const labels = reversedLabels(address)
  const family = isIPv6(address) ? 'ipv6' : 'ipv4'
  return labels === undefined || !list[family] ? [] : question(list, entries ?? family, labels, address, topic)
}

function namesOf({ names }: List, { name, organisation }: Host): readonly string[] {
  if (names === 'host') return [name]
  return names === 'both' && organisation !== name ? [organisation, name] : [organisation]
}

function aboutHash(list: List, text: string, topic: Topic): readonly Question[] {
  return question(list, 'hashes', hashed(text, list), text, topic)
}

/** What an admin asks about, from its form: an address, a mail address, a link, a name. */
export function seenIn(text: string): readonly Seen[] | undefined {
  const address = text.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0) return [{ kind: 'address', topic: 'client', address }]
  if (/^[^\s/@]+@[^\s/@]+$/.test(text)) {
    const email = parseAddress(text)
    const host = email && hostOf(email.domain)
    return email && host && [{ kind: 'email', topic: 'from', local: email.local, host }]
  }
  if (text.includes('/')) return seenInLink(text.includes('://') ? text : `http://${text}`)
  const host = hostOf(text)
  return host && [{ kind: 'host', topic: 'links', host }]
}

function seenInLink(text: string): readonly Seen[] | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const host = hostSeen(url.hostname)
  return [...(host === undefined ? [] : [host]), { kind: 'url', topic: 'links', url }]
}

/** The host of a link, by name or by number. */
export function hostSeen(hostname: string): Extract<Seen, { kind: 'address' | 'host' }> | undefined {
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0) return { kind: 'address', topic: 'links', address }
  const host = hostOf(hostname)
  return host && { kind: 'host', topic: 'links', host }
}
