/** What in the text and the list fields of a mail is asked about: hosts of links, short links, mail addresses; chosen fairly and bounded. Pure. */
import type { HeaderField, MessageText } from 'posthouse/api'
import { chooseFairly, emailsIn } from 'posthouse/text'
import { type Host, hostOf } from './host.js'
import { hostsToAsk, linksIn, urlsToAsk } from './links.js'
import type { Topic } from './list.js'
import type { Seen } from './question.js'

export interface ContentTerms {
  readonly most: { readonly links: number; readonly emails: number }
  /** Nobody is asked about these. */
  readonly skipped: (name: string) => boolean
  /** Hosts of short links. */
  readonly short: (name: string) => boolean
  /** Any list wants to hear of it. */
  readonly wanted: ReadonlySet<Topic>
  /** A list wants whole links, short or not. */
  readonly wholeLinks: boolean
}

export interface Contents {
  readonly seen: readonly Seen[]
  readonly shorteners: readonly string[]
  /** Hosts and addresses beyond the bounds. */
  readonly leftOut: number
}

export const NO_CONTENTS: Contents = { seen: [], shorteners: [], leftOut: 0 }

export function contentsOf(
  text: MessageText,
  header: readonly HeaderField[],
  terms: ContentTerms,
  lot: string,
): Contents {
  const mails = terms.wanted.has('body') ? emailsToAsk(text, header, terms, lot) : []
  const links = linksIn(text, header, terms.skipped)
  const hosts = hostsToAsk(links, terms.most.links, lot)
  const shortened = links.filter(({ host }) => terms.short(host))
  const urls = [
    ...(terms.wanted.has('short-links') ? urlsToAsk(shortened, 'short-links', terms.most.links, lot) : []),
    ...(terms.wholeLinks ? urlsToAsk(links, 'links', terms.most.links, lot) : []),
  ]
  const shorteners = [...new Set(shortened.map(({ host }) => host))]
  return { seen: [...mails, ...urls, ...hosts.seen], shorteners, leftOut: hosts.leftOut }
}

function emailsToAsk(
  text: MessageText,
  header: readonly HeaderField[],
  { most, skipped }: ContentTerms,
  lot: string,
): readonly Seen[] {
  const hosts = new Map<string, Host | undefined>()
  const found = emailsIn(text, header).flatMap(({ local, domain }) => {
    if (!hosts.has(domain)) hosts.set(domain, hostOf(domain))
    const host = hosts.get(domain)
    return host === undefined || skipped(host.name) ? [] : [{ local, host, group: host.organisation }]
  })
  return chooseFairly(found, ({ local, host }) => `${local.toLowerCase()}@${host.name}`, most.emails, lot).map(
    ({ local, host }) => ({ kind: 'email', topic: 'body', local, host }),
  )
}
