/**
 * What rules look at, taken from session, envelope and message once and as late as possible. Bounded: of a long text the first
 * 256 K characters, of many links the first few hundred.
 */
import type { Address, Asked, Message, MessageText } from 'posthouse/api'
import { type FieldMailbox, mailboxOf, type WebLink, webLinks } from 'posthouse/text'
import { fold } from './fold.js'
import type { TextName, Zone } from './rule.js'

export const MAX_TEXT = 256 * 1024
const MAX_LINKS = 300

export class Facts {
  readonly envelopeSender: Address | null
  readonly helo: string | undefined
  /** The sending host is one of our own people's: what it calls itself says nothing. */
  readonly insider: boolean
  readonly message: Message
  readonly #text: MessageText
  readonly #folded = new Map<Zone, string>()
  #from: FieldMailbox | undefined | null = null
  #replyTo: FieldMailbox | undefined | null = null

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

  get from(): FieldMailbox | undefined {
    if (this.#from === null) this.#from = mailboxOf(this.message.header, 'from')
    return this.#from
  }

  get replyTo(): FieldMailbox | undefined {
    if (this.#replyTo === null) this.#replyTo = mailboxOf(this.message.header, 'reply-to')
    return this.#replyTo
  }

  get links(): readonly WebLink[] {
    return webLinks(this.#text)
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
        return hrefs([...this.#text.links.slice(0, MAX_LINKS), ...this.links])
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

/** Each once, those that lead elsewhere than into the web too. */
function hrefs(links: readonly { readonly href: string }[]): string {
  return [...new Set(links.map(({ href }) => href))].join('\n')
}
