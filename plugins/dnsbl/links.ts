/** Hosts that a mail leads to, in its body and in the header fields of lists, and those of its links that are short. Nothing is visited. */
import type { HeaderField, MessageText } from 'posthouse/api'
import { organisationOf, webLinks } from 'posthouse/text'
import { chooseFairly } from './choose.js'
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
}

/** Those of domains that are to be asked about, as often as they appear. */
export function linksIn(
  text: MessageText,
  header: readonly HeaderField[],
  skipped: (host: string) => boolean,
): readonly Link[] {
  const body = webLinks(text).map(({ url, host }) => ({ url, host }))
  const groups = new Map<string, string | undefined>()
  const groupOf = (host: string) => {
    if (!groups.has(host)) groups.set(host, skipped(host) ? undefined : organisationOf(host))
    return groups.get(host)
  }
  return [...body, ...linksOfFields(header)].flatMap(link => {
    const group = groupOf(link.host)
    return group === undefined ? [] : [{ ...link, group }]
  })
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
  return { seen: chosen.flatMap(({ host }) => hostSeen(host)), leftOut: all.size - chosen.length }
}

/** Whole links, for lists that have them; `short` tells those that hide where they lead. */
export function urlsToAsk(
  links: readonly Link[],
  short: (host: string) => boolean,
  most: number,
  lot: string,
): readonly Seen[] {
  const whole = links.filter(({ url }) => url.pathname.length > 1)
  const shortened = whole.filter(({ host }) => short(host))
  const asked = (some: readonly Link[]) => chooseFairly(some, ({ url }) => `${url.hostname}${url.pathname}`, most, lot)
  return [
    ...asked(shortened).map(({ url }) => ({ kind: 'url', topic: 'short-links', url }) as const),
    ...asked(whole).map(({ url }) => ({ kind: 'url', topic: 'links', url }) as const),
  ]
}
