/** Hosts that a mail leads to, in its body and in the header fields of lists, and those of its links that are short. Nothing is visited. */
import type { HeaderField, MessageText } from 'posthouse/api'
import { chooseFairly, webLinks } from 'posthouse/text'
import { hostAndPath } from './hash.js'
import type { Topic } from './list.js'
import { hostSeen, type Seen } from './question.js'

/** RFC 2369, RFC 8058, RFC 5064: where those who want to leave, answer or read are led. */
const FIELDS = /^(?:list-[a-z-]{1,40}|archived-at)$/i
const MAX_FIELDS = 30
const MAX_RAW = 4000
const FIELD_LINK = /https?:\/\/[^\s<>"]{3,500}/gi

export interface Link {
  readonly url: URL
  readonly host: string
  /** Whose it is. */
  readonly group: string
  /** Its host, as lists hear of it. */
  readonly seen: Seen
}

/** Those of domains that are to be asked about, as often as they appear. */
export function linksIn(
  text: MessageText,
  header: readonly HeaderField[],
  skipped: (host: string) => boolean,
): readonly Link[] {
  const places = new Map<string, Pick<Link, 'group' | 'seen'> | undefined>()
  return [...webLinks(text), ...linksOfFields(header)].flatMap(({ url, host }) => {
    if (!places.has(host)) places.set(host, placeOf(host, skipped))
    const place = places.get(host)
    return place === undefined ? [] : [{ url, host, group: place.group, seen: place.seen }]
  })
}

function placeOf(host: string, skipped: (host: string) => boolean): Pick<Link, 'group' | 'seen'> | undefined {
  const seen = hostSeen(host)
  if (seen === undefined || skipped(host)) return undefined
  return { seen, group: seen.kind === 'host' ? seen.host.organisation : host }
}

function linksOfFields(header: readonly HeaderField[]): readonly Pick<Link, 'url' | 'host'>[] {
  return header
    .filter(({ name }) => FIELDS.test(name))
    .slice(0, MAX_FIELDS)
    .flatMap(({ raw }) => [...raw.slice(0, MAX_RAW).matchAll(FIELD_LINK)])
    .flatMap(([href]) => {
      if (!URL.canParse(href)) return []
      const url = new URL(href)
      return [{ url, host: url.hostname.replace(/^\[|\]$|\.$/g, '') }]
    })
}

/** Hosts to ask about, and how many there are beyond them. */
export function hostsToAsk(
  links: readonly Link[],
  most: number,
  lot: string,
): { readonly seen: readonly Seen[]; readonly leftOut: number } {
  const chosen = chooseFairly(links, ({ host }) => host, most, lot)
  const all = new Set(links.map(({ host }) => host))
  return { seen: chosen.map(({ seen }) => seen), leftOut: all.size - chosen.length }
}

/** Whole links, for lists that have them. */
export function urlsToAsk(links: readonly Link[], topic: Topic, most: number, lot: string): readonly Seen[] {
  const whole = links.filter(({ url }) => url.pathname.length > 1)
  return chooseFairly(whole, ({ url }) => hostAndPath(url), most, lot).map(({ url }) => ({
    kind: 'url',
    topic,
    url,
  }))
}
