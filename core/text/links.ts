/**
 * Links of a message that lead into the web, of its HTML and of its plain text, with the host each leads to. Bounded; nothing is visited.
 */

import { randomBytes } from 'node:crypto'
import { Beside } from './beside.js'
import { chooseFairly, drawOf } from './choose.js'
import { bothEnds } from './ends.js'
import { organisationOf } from './organisation.js'

export interface WebLink {
  /** As it stands there. */
  readonly href: string
  /** What a reader sees; '' for one of plain text. */
  readonly text: string
  /** Lower case, A-labels, no final dot; an IPv6 address without its brackets. */
  readonly host: string
  readonly url: URL
}

/** What of a message is read for them. */
export interface LinkedText {
  readonly body: string
  readonly links: readonly { readonly href: string; readonly text: string }[]
}

const MAX_TEXT = 256 * 1024
/** Different ones: many times the same must not hide what comes behind. */
const MAX_LINKS = 300
/** Of these, at each end. Between them places are spread over organisations. */
const AT_END = 75
/** Different ones that are looked at at all. */
const MAX_SEEN = 2000
// The bounds on length keep it linear.
const PLAIN_LINK = /\bhttps?:\/\/[^\s<>"'()[\]{}]{3,500}/gi
const WEB = /^\s*https?:/i
/** Nobody outside knows which of very many are left out. */
const LOT = randomBytes(8).toString('hex')

const known = new Beside<LinkedText, readonly WebLink[]>()

/** Found once for each text, whoever asks; in the order they stand there. Of more than some hundreds a share that fillers cannot crowd out. */
export function webLinks(text: LinkedText): readonly WebLink[] {
  const there = known.get(text)
  if (there !== undefined) return there
  const links = chosen(differentLinks(text))
  known.set(text, links)
  return links
}

function differentLinks(text: LinkedText): readonly WebLink[] {
  const written = new Map<string, Written>()
  for (const one of writtenLinks(text)) if (WEB.test(one.href)) written.set(`${one.href}\n${one.text}`, one)
  return thinned([...written.values()]).flatMap(({ href, text: shown }) => {
    const url = webAddress(href)
    return url === undefined ? [] : [{ href, text: shown, host: hostOf(url), url }]
  })
}

type Written = LinkedText['links'][number]

function* writtenLinks({ links, body }: LinkedText): Generator<Written> {
  yield* links
  for (const [href] of bothEnds(body, MAX_TEXT).matchAll(PLAIN_LINK)) yield { href, text: '' }
}

/** A quarter from each end, and between them each so-many-th, from a start that is drawn. */
function thinned(links: readonly Written[]): readonly Written[] {
  if (links.length <= MAX_SEEN) return links
  const end = MAX_SEEN / 4
  const between = links.slice(end, -end)
  const step = between.length / (MAX_SEEN - 2 * end)
  const start = (drawOf(LOT) / 2 ** 32) * step
  const some = Array.from({ length: MAX_SEEN - 2 * end }, (_, i) => between[Math.floor(start + i * step)]!)
  return [...links.slice(0, end), ...some, ...links.slice(-end)]
}

function chosen(links: readonly WebLink[]): readonly WebLink[] {
  if (links.length <= MAX_LINKS) return links
  const organisations = new Map<string, string>()
  const groupOf = ({ host }: WebLink) => {
    const there = organisations.get(host) ?? organisationOf(host)
    organisations.set(host, there)
    return there
  }
  const between = links.slice(AT_END, -AT_END).map(link => ({ link, group: groupOf(link) }))
  const fair = chooseFairly(between, ({ link }) => `${link.href}\n${link.text}`, MAX_LINKS - 2 * AT_END, LOT)
  const kept = new Set([...links.slice(0, AT_END), ...fair.map(({ link }) => link), ...links.slice(-AT_END)])
  return links.filter(link => kept.has(link))
}

function webAddress(href: string): URL | undefined {
  try {
    return new URL(href.trim())
  } catch {
    return undefined
  }
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$|\.$/g, '')
}
