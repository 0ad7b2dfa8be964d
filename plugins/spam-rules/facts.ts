/**
 * What rules look at, taken from session, envelope and message once and as late as possible. Bounded: of a long text the first
 * 256 K characters, of many links the first few hundred.
 */
import type { Address, Asked, Message, MessageText } from 'posthouse/api'
import { decodeWords, parseAddressList } from 'posthouse/text'
import { getDomain } from 'tldts'
import { fold } from './fold.js'
import type { TextName, Zone } from './rule.js'

export const MAX_TEXT = 256 * 1024
const MAX_LINKS = 300
// The bound on length keeps it linear.
const PLAIN_LINK = /\bhttps?:\/\/[^\s<>"'()[\]{}]{3,500}/gi

export interface Link {
  readonly href: string
  readonly text: string
  /** `undefined` for what is no web address. */
  readonly url: URL | undefined
}

export interface Sender {
  readonly name: string
  readonly local: string
  readonly domain: string
}

export class Facts {
  readonly envelopeSender: Address | null
  readonly helo: string | undefined
  /** The sending host is one of our own people's: what it calls itself says nothing. */
  readonly insider: boolean
  readonly message: Message
  readonly #text: MessageText
  readonly #folded = new Map<Zone, string>()
  #links: readonly Link[] | undefined
  #from: Sender | undefined | null = null
  #replyTo: Sender | undefined | null = null

  private constructor({ session, envelope, message }: Asked['score'], text: MessageText) {
    this.envelopeSender = envelope.sender
    this.helo = session.helo
    this.insider = session.trusted || session.account !== undefined
    this.message = message
    this.#text = text
  }

  static async of(asked: Asked['score']): Promise<Facts> {
    return new Facts(asked, await asked.message.text())
  }

  get from(): Sender | undefined {
    if (this.#from === null) this.#from = firstAddress(this.message, 'from')
    return this.#from
  }

  get replyTo(): Sender | undefined {
    if (this.#replyTo === null) this.#replyTo = firstAddress(this.message, 'reply-to')
    return this.#replyTo
  }

  get links(): readonly Link[] {
    this.#links ??= [
      ...this.#text.links,
      ...[...this.text('body').matchAll(PLAIN_LINK)].slice(0, MAX_LINKS).map(([href]) => ({ href, text: '' })),
    ]
      .slice(0, MAX_LINKS)
      .map(({ href, text }) => ({ href, text, url: webAddress(href) }))
    return this.#links
  }

  text(name: TextName): string {
    switch (name) {
      case 'subject':
        return this.#text.subject.slice(0, 1000)
      case 'body':
        return this.#text.body.slice(0, MAX_TEXT)
      case 'html':
        return this.#text.html.slice(0, MAX_TEXT)
      case 'link':
        return this.links.map(link => link.href).join('\n')
    }
  }

  zone(zone: Zone): string {
    return zone === 'name' ? (this.from?.name ?? '') : this.text(zone)
  }

  folded(zone: Zone): string {
    const known = this.#folded.get(zone)
    if (known !== undefined) return known
    const text = fold(this.zone(zone))
    this.#folded.set(zone, text)
    return text
  }
}

/** `mail.shop.example.co.uk` → `example.co.uk`. A name without a public suffix is its own organisation. */
export function organisation(host: string): string {
  const name = host.toLowerCase().replace(/\.$/, '')
  return getDomain(name, { allowPrivateDomains: false, validateHostname: false }) ?? name
}

function firstAddress(message: Message, field: string): Sender | undefined {
  const raw = message.header.find(({ name }) => name.toLowerCase() === field)?.raw
  if (raw === undefined) return undefined
  const items = parseAddressList(raw.slice(0, 4000))
  const item = items
    .flatMap(entry => (entry.kind === 'group' ? entry.members : [entry]))
    .find(entry => entry.domain !== '')
  if (item === undefined) return undefined
  return { name: decodeWords(item.name).slice(0, 300), local: item.local, domain: item.domain.toLowerCase() }
}

function webAddress(href: string): URL | undefined {
  if (!/^\s*https?:/i.test(href)) return undefined
  try {
    return new URL(href.trim())
  } catch {
    return undefined
  }
}
