/**
 * Where a message says it comes from and where its links lead: tests on names and domains alone, without any look-up. What is made to be taken for
 * something else is the matter of the plugin look-alikes.
 * Each is a pure function from facts to what was found, or nothing.
 */
import { isIP } from 'node:net'
import { nameAndParents, organisationOf, parseAddressList } from 'posthouse/text'
import type { Facts } from './facts.js'
import type { OriginTest } from './rule.js'

type Test = (facts: Facts, list: ReadonlySet<string>) => string | undefined

export function testOrigin(test: OriginTest, facts: Facts, list: ReadonlySet<string>): string | undefined {
  return TESTS[test](facts, list)
}

const TESTS: Readonly<Record<OriginTest, Test>> = {
  'reply-to-differs': ({ from, replyTo }) =>
    from !== undefined && replyTo !== undefined && organisationOf(from.domain) !== organisationOf(replyTo.domain)
      ? replyTo.domain
      : undefined,

  'reply-to-in-list': ({ replyTo }, list) => (replyTo !== undefined ? inList(replyTo.domain, list) : undefined),

  'from-in-list': ({ from }, list) => (from !== undefined ? inList(from.domain, list) : undefined),

  'from-domain-under': ({ from }, list) => (from !== undefined ? under(from.domain, list) : undefined),

  'from-missing': ({ from }) => (from === undefined ? 'no sender address' : undefined),

  // An unquoted comma makes two addresses of one, the first without a domain.
  'from-broken': ({ message }) => {
    const raw = message.header.find(({ name }) => name.toLowerCase() === 'from')?.raw.slice(0, 4000) ?? ''
    const items = parseAddressList(raw).flatMap(item => (item.kind === 'group' ? item.members : [item]))
    return items.length > 1 && items.some(({ domain }) => domain === '') ? raw.slice(0, 60) : undefined
  },

  'name-holds-address': ({ from }) => {
    const [, domain] = /[^\s@<>"]{1,64}@([a-z0-9.-]{3,200}\.[a-z]{2,20})/i.exec(from?.name ?? '') ?? []
    return domain !== undefined && organisationOf(domain) !== organisationOf(from!.domain) ? domain : undefined
  },

  // RFC 5321 §4.5.5: the null sender is for bounces, receipts and other answers of machines.
  'null-sender-without-bounce': ({ envelopeSender, message }) => {
    if (envelopeSender !== null) return undefined
    const type = message.field('content-type') ?? ''
    const automatic = message.field('auto-submitted') ?? 'no'
    return /multipart\/report|delivery-status/i.test(type) || !/^no\b/i.test(automatic) ? undefined : '<>'
  },

  'message-id-missing': ({ message }) => (message.field('message-id') === undefined ? 'no Message-ID' : undefined),

  'message-id-without-host': ({ message }) => {
    const id = message.field('message-id')
    return id === undefined || /<[^<>\s]{1,500}@[^<>\s@]{1,300}>/.test(id) ? undefined : id.slice(0, 60)
  },

  'helo-is-address': ({ helo, insider }) => (helo !== undefined && !insider && isIP(helo) !== 0 ? helo : undefined),

  'helo-is-no-name': ({ helo, insider }) =>
    helo !== undefined && !insider && isIP(helo) === 0 && !/^\[.*\]$|.\../.test(helo) ? helo : undefined,

  'link-to-number': ({ links }) => links.find(({ host }) => isIP(host) !== 0)?.url.hostname,

  'link-in-list': (facts, list) => firstHost(facts, host => inList(host, list)),

  'link-domain-under': (facts, list) => firstHost(facts, host => under(host, list)),
}

function firstHost({ links }: Facts, find: (host: string) => string | undefined): string | undefined {
  for (const { host } of links) {
    const found = find(host)
    if (found !== undefined) return found
  }
  return undefined
}

/** The domain or one above it is on the list. */
function inList(domain: string, list: ReadonlySet<string>): string | undefined {
  for (const name of nameAndParents(domain)) if (list.has(name)) return name
  return undefined
}

/** The last label is on the list: `click`. */
function under(domain: string, list: ReadonlySet<string>): string | undefined {
  const last = domain.slice(domain.lastIndexOf('.') + 1)
  return last !== domain && list.has(last) ? domain : undefined
}
