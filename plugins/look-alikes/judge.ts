/** All that is odd with the names of one message, put together. Pure but for reading the text of the message, which is bounded. */
import type { AuthFacts, Envelope, LookAlike, LookAlikeFacts, Message, MessageText, NamePlace } from 'posthouse/api'
import { type FieldMailbox, mailboxOf, organisationOf, printable, toAsciiDomain } from 'posthouse/text'
import { nearKnown, oddHost } from './hosts.js'
import { tricksOfLinks } from './links.js'
import { type Names, trickOfName, wordsOf } from './names.js'
import { hidingInName, mixedWord, turnedFileName } from './odd-characters.js'
import { ownDomain } from './own-domain.js'
import type { ProtectedNames } from './protected.js'

export interface World extends Names {
  /** Whom people here write to, as far as that is known. */
  readonly known: () => ProtectedNames | undefined
  /** In A-labels. */
  readonly forwarders: ReadonlySet<string>
  /** Of `wordsOf` text: words that want something of the reader. */
  readonly lures: RegExp | undefined
}

export interface Arrived {
  readonly message: Message
  /** `undefined`: not known (mail read from a file). */
  readonly sender: Envelope['sender'] | undefined
  readonly auth: AuthFacts | undefined
}

const LIST_FIELDS = ['list-id', 'list-post', 'mailing-list', 'x-mailing-list', 'x-beenthere']
const ANSWER_FIELDS = ['in-reply-to', 'references']
const MOST_LURED = 32 * 1024
const MOST_SAID = 1000
// SRS, VERP, BATV and what bulk senders make: local parts that a machine reads when a bounce comes.
const MACHINE_MADE =
  /^(?:srs[01]|prvs|m?s?prvs\d?|bounces?|returns?|errors?|noreply|no-reply)(?:[=+_.-]|$)|=|[+-]\d|\d{6}/i

export async function judge({ message, sender, auth }: Arrived, world: World): Promise<LookAlikeFacts> {
  const text = await message.text()
  const addresses = { from: mailboxOf(message.header, 'from'), replyTo: mailboxOf(message.header, 'reply-to'), sender }
  const isList = LIST_FIELDS.some(name => message.field(name) !== undefined)
  const tricks = tricksIn({ message, text, addresses, auth, isList }, world)
  const lure = tricks.some(({ trick }) => trick === 'claims-brand') ? lureIn(text, world.lures) : undefined
  const { own, forwarders } = world
  const question = { from: addresses.from?.domain ?? '', sender: sender ?? null, own, forwarders, auth }
  return {
    tricks,
    ownDomain: isList && auth === undefined ? { kind: 'not-ours' } : ownDomain(question),
    ...elsewhere(addresses, auth, isList),
    ...(lure === undefined ? {} : { lure }),
  }
}

interface Seen {
  readonly message: Message
  readonly text: MessageText
  readonly addresses: Addresses
  readonly auth: AuthFacts | undefined
  readonly isList: boolean
}

function tricksIn({ message, text, addresses, auth, isList }: Seen, world: World): readonly LookAlike[] {
  const { from } = addresses
  const isAnswer = ANSWER_FIELDS.some(name => message.field(name) !== undefined)
  // A list writes "Somebody via our list" and the like.
  const claim = from === undefined || isList ? undefined : trickOfName(from, world)
  const name = claim ?? (from === undefined ? undefined : oddName(from))
  const links = tricksOfLinks(text, {
    ...{ names: world.names, quoting: isList || isAnswer, senders: sendersOf(message, auth) },
    from: from === undefined ? '' : organisationOf(from.domain),
  })
  const all = [
    ...senderTricks(message, addresses, world),
    ...(name === undefined ? [] : [name]),
    ...links,
    ...fileTricks(text),
  ]
  return all.map(trick => ({ ...trick, says: printable(trick.says, MOST_SAID) }))
}

interface Addresses {
  readonly from: FieldMailbox | undefined
  readonly replyTo: FieldMailbox | undefined
  readonly sender: Envelope['sender'] | undefined
}

function senderTricks(message: Message, { from, replyTo, sender }: Addresses, world: World): readonly LookAlike[] {
  const envelope = sender === undefined || sender === null ? undefined : (toAsciiDomain(sender.domain) ?? sender.domain)
  const places: readonly (readonly [NamePlace, string | undefined, string])[] = [
    ['from', from?.domain, 'From'],
    ['reply-to', replyTo?.domain, 'Reply-To'],
    ['envelope', envelope, 'the envelope'],
  ]
  const seen = new Set<string>([''])
  return places.flatMap(([place, host = '', where]) => {
    if (seen.has(host)) return []
    seen.add(host)
    const written = asWritten(message, place, host)
    const known = world.names.isHome(host) ? undefined : world.known()
    const odd = oddHost(host, world.names, written) ?? (known && nearKnown(host, known, written))
    const shown = printable(host, 255)
    return odd === undefined ? [] : [{ place, shown, ...odd, says: `The sender in ${where} deceives: ${odd.says}` }]
  })
}

/** The domain with the capitals that a reader sees: paypaI.com. */
function asWritten({ header }: Message, place: NamePlace, host: string): string {
  const raw = header.find(({ name }) => name.toLowerCase() === place)?.raw.slice(0, 4000) ?? ''
  const at = raw.toLowerCase().lastIndexOf(`@${host}`)
  return at < 0 ? host : raw.slice(at + 1, at + 1 + host.length)
}

function oddName({ name }: FieldMailbox): LookAlike | undefined {
  const shown = printable(name, 60)
  const hiding = hidingInName(name)
  if (hiding !== undefined)
    return { place: 'name', trick: 'odd-characters', shown, says: `The display name "${shown}" ${hiding}` }
  const word = mixedWord(name)
  if (word === undefined) return undefined
  const says = `The display name "${shown}" has a word of letters from two alphabets: ${word}`
  return { place: 'name', trick: 'mixed-scripts', shown, says }
}

function fileTricks({ attachments }: MessageText): readonly LookAlike[] {
  const odd = attachments.slice(0, 100).find(({ name }) => turnedFileName(name))
  if (odd === undefined) return []
  const shown = printable(odd.name, 100)
  const says = `The name of the file "${shown}" turns the direction of writing, so that it shows another ending than it has`
  return [{ place: 'file', trick: 'odd-characters', shown, says }]
}

/** Who has proven to send it, and where one unsubscribes from it. */
function sendersOf(message: Message, auth: AuthFacts | undefined): ReadonlySet<string> {
  const unsubscribe = message.field('list-unsubscribe')?.slice(0, 2000) ?? ''
  const hosts = [...unsubscribe.matchAll(/(?:https?:\/\/|@)([a-z0-9.-]{3,253})/gi)].slice(0, 5).map(([, host]) => host!)
  return new Set([...(auth?.vouching ?? []).slice(0, 20), ...hosts].map(organisationOf))
}

function elsewhere({ from, replyTo, sender }: Addresses, auth: AuthFacts | undefined, isList: boolean) {
  if (from === undefined || isList) return {}
  const home = organisationOf(from.domain)
  const answers = replyTo === undefined ? home : organisationOf(replyTo.domain)
  const bounces = sender === undefined || sender === null || sender.domain === '' ? home : organisationOf(sender.domain)
  const vouched = auth?.vouching.some(domain => organisationOf(domain) === home) ?? false
  const made = MACHINE_MADE.test(sender?.local ?? '')
  return {
    ...(answers === home ? {} : { replyElsewhere: printable(answers, 255) }),
    ...(bounces === home || vouched || made ? {} : { bouncesElsewhere: printable(bounces, 255) }),
  }
}

function lureIn({ subject, body }: MessageText, lures: RegExp | undefined): string | undefined {
  return lures?.exec(wordsOf(`${subject} ${body.slice(0, MOST_LURED)}`))?.[1]
}

/** Words as `wordsOf` has them, `expire*` for the start of one; nothing: there are none. */
export function lurePattern(words: readonly string[]): RegExp | undefined {
  const parts = words.map(word => {
    const plain = wordsOf(word).trim()
    return word.endsWith('*') ? `${plain}[^ ]{0,30}` : plain
  })
  return parts.length === 0 ? undefined : new RegExp(` (${parts.join('|')})(?= )`)
}
