/** Tests on who says to have written a message, by From, Reply-To, identifier, greeting, and the author of what is forwarded in it. */
import { isIP } from 'node:net'
import { isDrawnLabel, isDrawnLocal, organisationOf, parseAddressList } from 'posthouse/text'
import { type Ask, inList, under } from './ask.js'

export const SENDER_LIST_TESTS = {
  'reply-to-in-list': ({ replyTo }, list) => (replyTo !== undefined ? inList(replyTo.domain, list) : undefined),

  'from-in-list': ({ from }, list) => (from !== undefined ? inList(from.domain, list) : undefined),

  'from-domain-under': ({ from }, list) => (from !== undefined ? under(from.domain, list) : undefined),

  'forwarded-from-in-list': ({ forwarded }, list) =>
    forwarded !== undefined ? inList(forwarded.domain, list) : undefined,

  'forwarded-from-under': ({ forwarded }, list) =>
    forwarded !== undefined ? under(forwarded.domain, list) : undefined,
} as const satisfies Record<string, Ask>

export const SENDER_TESTS = {
  'reply-to-differs': ({ from, replyTo }) =>
    from !== undefined && replyTo !== undefined && organisationOf(from.domain) !== organisationOf(replyTo.domain)
      ? replyTo.domain
      : undefined,

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

  /** Of what somebody passes on: a machine drew its address or domain. */
  'forwarded-from-drawn': ({ forwarded }) => {
    if (forwarded === undefined) return undefined
    const label = organisationOf(forwarded.domain).split('.', 1)[0]!
    return isDrawnLocal(forwarded.local) || isDrawnLabel(label) ? `${forwarded.local}@${forwarded.domain}` : undefined
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
} as const satisfies Record<string, Ask>
