/** Header fields that are doubled, missing or drawn, and what identifiers and addresses say about who wrote them. */
import { addressKey, isDrawnLocal, organisationOf, printable } from 'posthouse/text'
import type { Facts } from '../facts.js'
import { mangledWords } from '../letters/odd-words.js'
import { type Look, Shape } from './shape.js'

/** Where lists live: what makes their mail gives it an identifier too. */
const LIST_HOST = /^(?:lists?|mail(?:man)?|groups?|sympa)\d*\./

/** Providers that send in their own name only, and what stands in the identifiers of their mail. */
const PROVIDER_IDS = [
  {
    from: /^(?:gmail|googlemail)\.com$/,
    ids: /(?:^|\.)(?:gmail|googlemail|google|googlegroups|android)\.com$|(?:^|\.)(?:local|lan|home|localdomain|localhost)$|\.outlook\.com$|\.icloud\.com$/,
  },
  {
    from: /^(?:yahoo|ymail|rocketmail)\.[a-z.]{2,6}$/,
    ids: /(?:^|\.)(?:yahoo|ymail|yahoodns)\.[a-z.]{2,6}$|(?:^|\.)(?:local|lan|home|localdomain|localhost)$|\.outlook\.com$/,
  },
  {
    from: /^(?:hotmail|outlook|live|msn)\.[a-z.]{2,6}$/,
    ids: /(?:^|\.)(?:hotmail|outlook|live|msn|microsoft)\.[a-z.]{2,6}$|\.phx\.gbl$|^phx\.gbl$|(?:^|\.)(?:local|lan|home|localdomain|localhost)$/,
  },
] as const

export const HEADER_TESTS = {
  // RFC 5322 §3.6: each of these stands at most once.
  'from-twice': twice('from'),
  'subject-twice': twice('subject'),
  'date-twice': twice('date'),
  'message-id-twice': twice('message-id'),
  'recipients-twice': facts => twice('to')(facts) ?? twice('cc')(facts),
  'mime-field-twice': facts => twice('content-type')(facts) ?? twice('mime-version')(facts),

  // A list's copy and a forwarded one have their receivers elsewhere; Bcc may be empty.
  'recipients-missing': facts => {
    const shape = Shape.of(facts)
    const there = ['to', 'cc', 'bcc', 'resent-to', 'apparently-to', 'delivered-to'].some(name => shape.has(name))
    return there || shape.byList ? undefined : 'no To and no Cc'
  },

  /** It was made by the receiver's side, or by a program that wanted to look so. */
  'message-id-of-receiver': facts => {
    const host = hostOfId(facts)
    if (host === undefined || facts.from === undefined || facts.insider || LIST_HOST.test(host)) return undefined
    const home = organisationOf(host)
    const shape = Shape.of(facts)
    // Told by the raw field first, as reading addresses is what costs.
    if (!shape.raw('to').toLowerCase().includes(home) || shape.byList || shape.has('references')) return undefined
    const to = shape.to
    return to !== undefined && organisationOf(to.domain) === home && organisationOf(facts.from.domain) !== home
      ? host
      : undefined
  },

  /** Providers of free mailboxes and the programs of their users write the provider's name, or that of the address, into it. */
  'message-id-of-other': facts => {
    const host = hostOfId(facts)
    const shape = Shape.of(facts)
    if (host === undefined || facts.from === undefined || facts.insider || shape.byList) return undefined
    const own = PROVIDER_IDS.find(({ from }) => from.test(facts.from!.domain))
    return own === undefined || own.ids.test(host) || host === facts.from.domain
      ? undefined
      : `${host}, of ${facts.from.domain}`
  },

  'from-is-to': facts => {
    const { from, insider } = facts
    const shape = Shape.of(facts)
    if (from === undefined || insider || shape.byList) return undefined
    const { to } = shape
    return to !== undefined && addressKey(from) === addressKey(to) ? addressKey(to) : undefined
  },

  /** Written for one receiver by a program that has a list of them. */
  'subject-names-receiver': facts => {
    const subject = facts.text('subject').toLowerCase()
    // Told by the sign first: long lists of receivers are read in vain otherwise.
    if (!subject.includes('@') || facts.from === undefined || facts.insider) return undefined
    const { to } = Shape.of(facts)
    if (to === undefined) return undefined
    if (!subject.includes(addressKey(to)) || organisationOf(facts.from.domain) === organisationOf(to.domain))
      return undefined
    return addressKey(to)
  },

  /** `supp0rt@…`: nobody's name is written so. Other digits are in names that people choose for themselves. */
  'address-mangled': ({ from, replyTo }) => {
    for (const address of [from, replyTo]) {
      const local = address?.local.slice(0, 64) ?? ''
      if (!/[a-z]0[a-z]/i.test(local)) continue
      for (const word of mangledWords({ text: local.replace(/[._+-]/g, ' ') }))
        return `${word} in ${addressKey(address!)}`
    }
    return undefined
  },

  'sender-drawn': facts => {
    const sender = facts.envelope.sender
    if (sender === null || facts.from === undefined || sender.local === facts.from.local) return undefined
    return isDrawnLocal(sender.local) && organisationOf(sender.domain) !== organisationOf(facts.from.domain)
      ? `${sender.local}@${sender.domain}`
      : undefined
  },

  /** Letters whose direction is forced by an override: Arabic and Hebrew need none. */
  'text-turned': ({ seen, from, message }) => {
    const where = [
      seen.subject,
      from?.name ?? '',
      message.field('reply-to') ?? '',
      ...seen.parts.map(({ name }) => name),
    ]
    const turned = where.find(text => /[\u202d\u202e]/.test(text))
    return turned === undefined ? undefined : printable(turned.replace(/[\u202d\u202e]/g, '⇄'), 60)
  },

  'subject-control': ({ seen }) =>
    /[\x00-\x08\x0b-\x1f\x7f]/.test(seen.subject) ? printable(seen.subject, 60) : undefined,
} as const satisfies Record<string, Look>

function twice(name: string): Look {
  return facts => {
    const shape = Shape.of(facts)
    return shape.count(name) > 1 ? `${shape.count(name)} × ${name}: ${shape.all(name)[1]!.slice(0, 60)}` : undefined
  }
}

function hostOfId(facts: Facts): string | undefined {
  return /<[^<>\s@]{1,500}@([^<>\s@]{1,300})>/.exec(Shape.of(facts).raw('message-id'))?.[1]?.toLowerCase()
}
