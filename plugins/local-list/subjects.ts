/**
 * What of a session, an envelope and a message is looked for in the list, and which of it the sender has shown to be his. What anybody can
 * write (a greeting, a From that nobody vouches for, a link) can only be held against a mail: an entry that allows it gives nothing.
 */
import type { Asked, AuthFacts, ListQuestion, ReverseName, Session } from 'posthouse/api'
import { domainKey, emailsIn, mailboxOf, webLinks } from 'posthouse/text'
import type { Subject } from './config.js'

export interface Wanted {
  readonly subject: Subject
  /** As it stands in the mail, for people. */
  readonly shown: string
  readonly question: ListQuestion
  /** An entry that allows counts for it. */
  readonly proven: boolean
}

/** Different ones, so that many alike hide nothing. */
const MAX_ADDRESSES = 200
const MAX_SIGNATURES = 20

/** Known before the message comes. */
export function ofEnvelope(
  { session, envelope }: Pick<Asked['mail'], 'session' | 'envelope'>,
  reverse: ReverseName | undefined,
): readonly Wanted[] {
  const { address } = session.remote
  const wanted: Wanted[] = [
    { subject: 'client', shown: address, question: { kind: 'address', address }, proven: true },
    ...heloOf(session),
    ...reverseOf(reverse),
  ]
  if (envelope.sender !== null && envelope.sender.domain !== '') wanted.push(mailbox('sender', envelope.sender, false))
  return wanted
}

/** All of it. `facts`: what is known of who stands behind the mail. */
export async function ofMessage(
  asked: Asked['score'],
  reverse: ReverseName | undefined,
  facts: AuthFacts | undefined,
): Promise<readonly Wanted[]> {
  const { message, envelope } = asked
  const vouching = new Set(facts?.vouching)
  const from = mailboxOf(message.header, 'from')
  const replyTo = mailboxOf(message.header, 'reply-to')
  const text = await message.text()
  return [
    ...ofEnvelope(asked, reverse).map(one => ({
      ...one,
      proven: one.proven || (one.subject === 'sender' && vouching.has(ascii(envelope.sender?.domain ?? ''))),
    })),
    ...(from === undefined
      ? []
      : [mailbox('from', from, facts?.dmarc.result === 'pass' && facts.dmarc.domain === ascii(from.domain))]),
    ...(replyTo === undefined ? [] : [mailbox('reply_to', replyTo, false)]),
    ...signersOf(facts),
    ...linksOf(webLinks(text)),
    ...addressesOf(emailsIn(text, message.header)),
  ]
}

function heloOf({ helo }: Session): readonly Wanted[] {
  if (helo === undefined || helo === '') return []
  const literal = /^\[(?:IPv6:)?([0-9a-f.:]+)\]$/i.exec(helo)?.[1]
  const question: ListQuestion =
    literal === undefined ? { kind: 'name', name: helo } : { kind: 'address', address: literal }
  return [{ subject: 'helo', shown: helo, question, proven: false }]
}

/** A name that does not lead back is one that anybody can give himself. */
function reverseOf(reverse: ReverseName | undefined): readonly Wanted[] {
  if (reverse?.kind !== 'confirmed' && reverse?.kind !== 'unconfirmed') return []
  const names = reverse.kind === 'confirmed' ? [reverse.name] : reverse.names.slice(0, 5)
  const proven = reverse.kind === 'confirmed'
  return names.map(name => ({ subject: 'reverse', shown: name, question: { kind: 'name', name }, proven }))
}

function signersOf(facts: AuthFacts | undefined): readonly Wanted[] {
  const passed = (facts?.dkim ?? []).filter(({ result }) => result === 'pass').map(({ domain }) => domain)
  return [...new Set(passed)]
    .slice(0, MAX_SIGNATURES)
    .map(name => ({ subject: 'dkim', shown: name, question: { kind: 'name', name }, proven: true }))
}

function mailbox(
  subject: Subject,
  { local, domain }: { readonly local: string; readonly domain: string },
  proven: boolean,
): Wanted {
  return { subject, shown: `${local}@${domain}`, question: { kind: 'mailbox', local, domain }, proven }
}

function addressesOf(emails: ReturnType<typeof emailsIn>): readonly Wanted[] {
  const different = new Map(emails.map(email => [`${email.local}@${email.domain}`.toLowerCase(), email]))
  return [...different.values()].slice(0, MAX_ADDRESSES).map(email => mailbox('address', email, false))
}

/** Hosts and paths; what stands behind `?` is another for everybody. */
function linksOf(links: ReturnType<typeof webLinks>): readonly Wanted[] {
  const different = new Map(links.map(({ host, url }) => [host + url.pathname, { host, path: url.pathname }]))
  return [...different].map(([shown, { host, path }]) => ({
    subject: 'link',
    shown,
    question: { kind: 'link', host, path },
    proven: false,
  }))
}

function ascii(domain: string): string {
  return domainKey(domain)
}
