/** All that is odd with the names of one message, put together. Pure but for reading the text of the message, which is bounded. */
import type { AuthFacts, Envelope, LookAlike, LookAlikeFacts, Message, MessageText, NamePlace } from 'posthouse/api'
import { type FieldMailbox, mailboxOf, organisationOf, printable, toAsciiDomain } from 'posthouse/text'
import { oddHost } from './hosts.js'
import { tricksOfLinks } from './links.js'
import { type Names, trickOfName, wordsOf } from './names.js'
import { turnedFileName, turnedName } from './odd-characters.js'
import { ownDomain } from './own-domain.js'

export interface World extends Names {
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
// SRS, VERP, BATV and what bulk senders make: local parts that a machine reads when a bounce comes.
const MACHINE_MADE =
  /^(?:srs[01]|prvs|m?s?prvs\d?|bounces?|returns?|errors?|noreply|no-reply)(?:[=+_.-]|$)|=|[+-]\d|\d{6}/i

export async function judge({ message, sender, auth }: Arrived, world: World): Promise<LookAlikeFacts> {
  const text = await message.text()
  const from = mailboxOf(message.header, 'from')
  const replyTo = mailboxOf(message.header, 'reply-to')
  const isList = LIST_FIELDS.some(name => message.field(name) !== undefined)
  const isAnswer = ANSWER_FIELDS.some(name => message.field(name) !== undefined)
  const tricks = [
    ...senderTricks(message, { from, replyTo, sender }, world),
    // A list writes "Somebody via our list" and the like.
    ...(from === undefined || isList ? [] : [trickOfName(from, world) ?? []].flat()),
    ...nameCharacters(from),
    ...tricksOfLinks(text, {
      ...{ names: world.names, quoting: isList || isAnswer },
      from: from === undefined ? '' : organisationOf(from.domain),
      senders: sendersOf(message, auth),
    }),
    ...fileTricks(text),
  ]
  const lure = tricks.some(({ trick }) => trick === 'claims-brand') ? lureIn(text, world.lures) : undefined
  const question = {
    from: from?.domain ?? '',
    sender: sender ?? null,
    own: world.own,
    forwarders: world.forwarders,
    auth,
  }
  return {
    tricks,
    ownDomain: isList && auth === undefined ? { kind: 'not-ours' } : ownDomain(question),
    ...elsewhere({ from, replyTo, sender, auth, isList }),
    ...(lure === undefined ? {} : { lure }),
  }
}

interface Addresses {
  readonly from: FieldMailbox | undefined
  readonly replyTo: FieldMailbox | undefined
  readonly sender: Envelope['sender'] | undefined
}

function senderTricks(message: Message, { from, replyTo, sender }: Addresses, { names }: World): readonly LookAlike[] {
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
    const odd = oddHost(host, names, asWritten(message, place, host))
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

function nameCharacters(from: FieldMailbox | undefined): readonly LookAlike[] {
  if (from === undefined || !turnedName(from.name)) return []
  const shown = printable(from.name, 60)
  return [
    {
      place: 'name',
      trick: 'odd-characters',
      shown,
      says: `The display name “${shown}” turns the direction of writing`,
    },
  ]
}

function fileTricks({ attachments }: MessageText): readonly LookAlike[] {
  const odd = attachments.slice(0, 100).find(({ name }) => turnedFileName(name))
  if (odd === undefined) return []
  const shown = printable(odd.name, 100)
  const says = `The name of the file “${shown}” turns the direction of writing, so that it shows another ending than it has`
  return [{ place: 'file', trick: 'odd-characters', shown, says }]
}

/** Who has proven to send it, and where one unsubscribes from it. */
function sendersOf(message: Message, auth: AuthFacts | undefined): ReadonlySet<string> {
  const unsubscribe = message.field('list-unsubscribe')?.slice(0, 2000) ?? ''
  const hosts = [...unsubscribe.matchAll(/(?:https?:\/\/|@)([a-z0-9.-]{3,253})/gi)].slice(0, 5).map(([, host]) => host!)
  return new Set([...(auth?.vouching ?? []).slice(0, 20), ...hosts].map(organisationOf))
}

function elsewhere({
  from,
  replyTo,
  sender,
  auth,
  isList,
}: Addresses & { auth: AuthFacts | undefined; isList: boolean }) {
  if (from === undefined || isList) return {}
  const home = organisationOf(from.domain)
  const answers = replyTo === undefined ? home : organisationOf(replyTo.domain)
  const bounces = sender === undefined || sender === null || sender.domain === '' ? home : organisationOf(sender.domain)
  const vouched = auth?.vouching.some(domain => organisationOf(domain) === home) ?? false
  const made = MACHINE_MADE.test(sender?.local ?? '')
  return {
    ...(answers === home ? {} : { replyElsewhere: answers }),
    ...(bounces === home || vouched || made ? {} : { bouncesElsewhere: bounces }),
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
