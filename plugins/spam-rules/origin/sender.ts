/** Tests on who says to have written a message, by From, Reply-To, identifier, greeting, and the author of what is forwarded in it. */
import { isIP } from 'node:net'
import { isDrawnLabel, isDrawnLocal, organisationOf, parseAddressList } from 'posthouse/text'
import { type Ask, inList, under } from './ask.js'

/** `Doe, John <…>` without quotes: programs made at home write so, and mean one person. */
const LAST_FIRST =
  /^\s*(?:\p{Ll}{1,4} ){0,2}\p{Lu}[\p{L}'’-]{1,30}(?: \p{Lu}[\p{L}'’-]{1,30})?, ?\p{Lu}[\p{L}'’.-]{0,30}(?: \p{Lu}[\p{L}'’.-]{0,30}){0,2} ?<[^<>\s,]{3,200}>\s*$/u
const MARKS = /\p{M}+/gu

export const SENDER_LIST_TESTS = {
  'reply-to-in-list': ({ replyTo }, list) => (replyTo !== undefined ? inList(replyTo.domain, list) : undefined),

  'from-in-list': ({ from }, list) => (from !== undefined ? inList(from.domain, list) : undefined),

  'from-domain-under': ({ from }, list) => (from !== undefined ? under(from.domain, list) : undefined),

  /** The list that it says to come from has a domain under such an ending. */
  'list-domain-under': ({ message }, list) => {
    const [, at] = /\blist [^\s@;]{1,64}@([^\s@;]{1,200})/i.exec(message.field('mailing-list') ?? '') ?? []
    const [, id] = /<([^<>\s]{3,200})>/.exec(message.field('list-id') ?? '') ?? []
    const domain = at ?? id
    return domain === undefined ? undefined : under(domain.toLowerCase(), list)
  },

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

  /** Another mailbox of the same provider: a tag or dots make no other one. */
  'reply-to-other-mailbox': ({ from, replyTo }) =>
    from !== undefined &&
    replyTo !== undefined &&
    from.domain === replyTo.domain &&
    plain(from.local) !== plain(replyTo.local)
      ? `${replyTo.local}@${replyTo.domain}`
      : undefined,

  /** Neither three letters in a row of a word of the name nor its initials are those of the address. Of names in other alphabets nothing is said. */
  'name-unlike-address': ({ from }) => {
    const words = bareWords(from?.name ?? '')
    if (from === undefined || !words.some(({ length }) => length > 2)) return undefined
    const local = bareWords(from.local).join('')
    const initials = words.map(word => word[0]).join('')
    const alike = words.some(word => (word.length > 2 ? local.includes(word.slice(0, 3)) : local.startsWith(word)))
    return alike || local === '' || (initials.length > 1 && local.startsWith(initials))
      ? undefined
      : `${from.name.slice(0, 60)}, ${from.local}@${from.domain}`
  },

  'from-missing': ({ from }) => (from === undefined ? 'no sender address' : undefined),

  // An unquoted comma makes two addresses of one, the first without a domain.
  'from-broken': ({ message }) => {
    const raw = message.header.find(({ name }) => name.toLowerCase() === 'from')?.raw.slice(0, 4000) ?? ''
    if (!raw.includes(',') || LAST_FIRST.test(raw)) return undefined
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

  /** A machine drew the name of the list: whoever rents a domain has lists on it at once, and mail of lists is spared by many. */
  'list-drawn': ({ message }) => {
    const list = /\blist ([^\s@;]{1,64})@[^\s@;]{1,200}/i.exec(message.field('mailing-list') ?? '')?.[1]
    const id = /<([^<>.\s]{1,64})\.[^<>\s]{1,200}>/.exec(message.field('list-id') ?? '')?.[1]
    return [list, id].find(name => name !== undefined && isDrawnLocal(name))
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

/** As its provider takes it, where it is one that takes tags and dots for nothing. */
function plain(local: string): string {
  return local.toLowerCase().replace(/\+.*$/s, '').replaceAll('.', '')
}

/** Words of the Latin letters of a name or address; none when some of its letters are others. */
function bareWords(text: string): readonly string[] {
  const bare = text.slice(0, 200).normalize('NFKD').replace(MARKS, '').toLowerCase()
  return /[^\p{Script=Latin}\P{L}]/u.test(bare) ? [] : (bare.match(/[a-z]{1,60}/g) ?? [])
}
