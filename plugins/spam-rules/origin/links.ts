/** Tests on where links and pictures of a message lead, into the web and to mailboxes. Nothing is visited. */
import { isIP } from 'node:net'
import { addressKey, organisationOf, readMailto } from 'posthouse/text'
import type { Facts, Host } from '../facts.js'
import { Shape } from '../structure/shape.js'
import { type Ask, inList, under } from './ask.js'

const MAX_MAILTO = 50
const MAX_PICTURES = 50
const SHORTEST_FRAGMENT = 6
/** An address of the web within another, as it stands or escaped. */
const INNER_ADDRESS = /https?(?::|%3a)(?:\/|%2f){2}([a-z0-9.-]{4,200})/i

export const LINK_LIST_TESTS = {
  'link-in-list': (facts, list) => firstHost(facts, ({ withParents }) => withParents.find(name => list.has(name))),

  'link-domain-under': (facts, list) => firstHost(facts, ({ name }) => under(name, list)),

  /** Every one of them. */
  'links-all-in-list': ({ hosts }, list) => {
    if (hosts.length === 0 || !hosts.every(({ withParents }) => withParents.some(name => list.has(name))))
      return undefined
    return hosts[0]!.name
  },

  /** Answers are made by a click, and go to whoever has a mailbox at such a place. */
  'mailto-in-list': (facts, list) => {
    for (const { local, domain } of mailboxes(facts))
      if (inList(domain, list) !== undefined && !isAuthor(facts, local, domain)) return `${local}@${domain}`
    return undefined
  },

  'picture-in-list': ({ seen }, list) => {
    for (const source of seen.htmlFacts.imageSources.slice(0, MAX_PICTURES)) {
      const host = /^\s{0,5}https?:\/\/([^\s/?#:]{3,255})/i.exec(source)?.[1]?.toLowerCase()
      if (host !== undefined && inList(host, list) !== undefined) return host
    }
    return undefined
  },

  /** It goes by way of a host that leads on to whatever is asked of it. */
  'link-by-way-of': (facts, list) => {
    if (firstHost(facts, ({ withParents }) => withParents.find(name => list.has(name))) === undefined) return undefined
    for (const { url, host } of facts.links) {
      if (inList(host, list) === undefined) continue
      const [, inner] = INNER_ADDRESS.exec(`${url.pathname}${url.search}${url.hash}`.slice(0, 2000)) ?? []
      if (inner !== undefined && organisationOf(inner) !== organisationOf(host)) return `${host}, on to ${inner}`
    }
    return undefined
  },
} as const satisfies Record<string, Ask>

export const LINK_TESTS = {
  'link-to-number': ({ links }) => links.find(({ host }) => isIP(host) !== 0)?.url.hostname,

  /** A link in a page, made to be clicked, that writes to neither the sender nor whoever takes answers. */
  'mailto-elsewhere': facts => {
    for (const { local, domain } of mailboxes(facts)) {
      if (isAuthor(facts, local, domain)) continue
      const theirs = [facts.from, facts.replyTo].some(
        one => one !== undefined && organisationOf(one.domain) === organisationOf(domain),
      )
      if (!theirs) return `${local}@${domain}`
    }
    return undefined
  },

  /** Behind `#` no server of the link's reads it: it is for a script on a page that fills it in. */
  'link-names-receiver': facts => {
    // Few links have anything there.
    const links = facts.links.filter(({ url }) => url.hash.length >= SHORTEST_FRAGMENT)
    const receiver = links.length === 0 ? undefined : Shape.of(facts).to
    if (receiver === undefined) return undefined
    const address = addressKey(receiver)
    const encoded = Buffer.from(address).toString('base64').replace(/=+$/, '')
    return links.find(({ url }) => holds(url.hash, address, encoded))?.url.hostname
  },
} as const satisfies Record<string, Ask>

function holds(fragment: string, address: string, encoded: string): boolean {
  const text = fragment.slice(0, 2000)
  return text.toLowerCase().replace('%40', '@').includes(address) || text.includes(encoded)
}

interface Mailbox {
  readonly local: string
  readonly domain: string
}

/** Whom links write to; those of `List-Unsubscribe` stand in the header and are none. */
function mailboxes(facts: Facts): readonly Mailbox[] {
  return facts.once(readMailboxes)
}

function readMailboxes({ seen }: Facts): readonly Mailbox[] {
  return seen.links
    .filter(({ href }) => /^\s{0,5}mailto:/i.test(href))
    .slice(0, MAX_MAILTO)
    .flatMap(({ href }) => {
      const address = readMailto(href.trim())
      return address === undefined ? [] : [{ local: address.local, domain: address.domain.toLowerCase() }]
    })
}

function isAuthor({ from, replyTo, forwarded }: Facts, local: string, domain: string): boolean {
  return [from, replyTo, forwarded].some(
    one => one !== undefined && one.domain === domain && one.local.toLowerCase() === local.toLowerCase(),
  )
}

function firstHost({ hosts }: Facts, find: (host: Host) => string | undefined): string | undefined {
  for (const host of hosts) {
    const found = find(host)
    if (found !== undefined) return found
  }
  return undefined
}
