/**
 * `origin`: where a message says it comes from and where its links lead, by names and domains alone, without any look-up. What is made to be
 * taken for something else is the matter of the plugin look-alikes.
 */
import { isIP } from 'node:net'
import { closest, nameAndParents, organisationOf, parseAddressList } from 'posthouse/text'
import type { Facts, Host } from '../facts.js'
import { LIST } from './keys.js'
import { foundOr, type Kind, type Reader } from './kind.js'

type RawOrigin = { readonly origin: OriginTest; readonly list?: string }

interface Origin {
  readonly test: OriginTest
  readonly list: ReadonlySet<string>
}

type OriginTest = (typeof ORIGIN_TESTS)[number]

const WITH_LIST = [
  'reply-to-in-list',
  'from-in-list',
  'from-domain-under',
  'link-in-list',
  'link-domain-under',
] as const
const ORIGIN_TESTS = [
  'reply-to-differs',
  'from-missing',
  'from-broken',
  'name-holds-address',
  'null-sender-without-bounce',
  'message-id-missing',
  'message-id-without-host',
  'helo-is-address',
  'helo-is-no-name',
  'link-to-number',
  ...WITH_LIST,
] as const

export const origin: Kind<Origin, RawOrigin> = {
  name: 'origin',
  cost: 2,
  key: { type: 'string', enum: ORIGIN_TESTS, description: 'test on where the message comes from and leads to' },
  companions: { list: LIST },
  read: readOrigin,
  prepare: () => ({
    bind: ({ test, list }) => {
      const asks = TESTS[test]
      return facts => foundOr(asks(facts, list))
    },
  }),
}

function readOrigin({ origin: test, list: name }: RawOrigin, reader: Reader): Origin | undefined {
  const wants = (WITH_LIST as readonly string[]).includes(test)
  if (!wants) return name === undefined ? { test, list: new Set() } : reader.wrong(['list'], `"${test}" takes no list`)
  if (name === undefined) return reader.wrong(['origin'], `"${test}" needs "list:", the name of a list`)
  const list = reader.lists.get(name)
  if (list !== undefined) return { test, list }
  const near = closest(name, reader.lists.keys())
  return reader.wrong(['list'], `there is no list "${name}"${near === undefined ? '' : `, did you mean "${near}"?`}`)
}

type Ask = (facts: Facts, list: ReadonlySet<string>) => string | undefined

const TESTS: Readonly<Record<OriginTest, Ask>> = {
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
    if (!raw.includes(',')) return undefined
    const items = parseAddressList(raw).flatMap(item => (item.kind === 'group' ? item.members : [item]))
    return items.length > 1 && items.some(({ domain }) => domain === '') ? raw.slice(0, 60) : undefined
  },

  'name-holds-address': ({ from }) => {
    const [, domain] = /[^\s@<>"]{1,64}@([a-z0-9.-]{3,200}\.[a-z]{2,20})/i.exec(from?.name ?? '') ?? []
    return domain !== undefined && organisationOf(domain) !== organisationOf(from!.domain) ? domain : undefined
  },

  // RFC 5321 §4.5.5: the null sender is for bounces, receipts and other answers of machines.
  'null-sender-without-bounce': ({ envelope, message }) => {
    if (envelope.sender !== null) return undefined
    const type = message.field('content-type') ?? ''
    const automatic = message.field('auto-submitted') ?? 'no'
    return /multipart\/report|delivery-status/i.test(type) || !/^no\b/i.test(automatic) ? undefined : '<>'
  },

  'message-id-missing': ({ message }) => (message.field('message-id') === undefined ? 'no Message-ID' : undefined),

  'message-id-without-host': ({ message }) => {
    const id = message.field('message-id')
    return id === undefined || /<[^<>\s]{1,500}@[^<>\s@]{1,300}>/.test(id) ? undefined : id.slice(0, 60)
  },

  'helo-is-address': ({ session: { helo }, insider }) =>
    helo !== undefined && !insider && isIP(helo) !== 0 ? helo : undefined,

  'helo-is-no-name': ({ session: { helo }, insider }) =>
    helo !== undefined && !insider && isIP(helo) === 0 && !/^\[.*\]$|.\../.test(helo) ? helo : undefined,

  'link-to-number': ({ links }) => links.find(({ host }) => isIP(host) !== 0)?.url.hostname,

  'link-in-list': (facts, list) => firstHost(facts, ({ withParents }) => withParents.find(name => list.has(name))),

  'link-domain-under': (facts, list) => firstHost(facts, ({ name }) => under(name, list)),
}

function firstHost({ hosts }: Facts, find: (host: Host) => string | undefined): string | undefined {
  for (const host of hosts) {
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
