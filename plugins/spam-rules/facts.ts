/**
 * What rules look at, taken from session, envelope and message once and as late as possible. Bounded: of a long text the first
 * 256 K characters, of many links the first few hundred.
 */
import type { Asked, Envelope, Finding, Message, MessageText, Session } from 'posthouse/api'
import { type FieldMailbox, mailboxOf, nameAndParents, type WebLink, webLinks } from 'posthouse/text'
import { type BrandTable, shippedBrands } from './origin/brands.js'
import { forwardedAuthor } from './origin/forwarded.js'

/**
 * Where rules look: subject, text as a reader sees it, display name of the sender (and of who wrote what is forwarded), addresses of links, names of attachments, text that is
 * there and cannot be seen, what pictures say in place of themselves, text of attached files that hold text, HTML as it stands.
 */
export const PLACES = ['subject', 'body', 'name', 'link', 'file', 'hidden', 'alt', 'attached', 'html'] as const
export type Place = (typeof PLACES)[number]

export const MAX_TEXT = 256 * 1024
const MAX_LINKS = 300
const MAX_SUBJECT = 1000

export interface Host {
  readonly name: string
  /** The name itself comes first. */
  readonly withParents: readonly string[]
}

export class Facts {
  readonly session: Session
  readonly envelope: Envelope
  /** The sending host is one of our own people's: what it calls itself says nothing. */
  readonly insider: boolean
  readonly message: Message
  /** Milliseconds since the epoch. */
  readonly now: number
  /** What is found so far, by all plugins: nothing until it is weighed. */
  findings: readonly Finding[] = []
  /** The message as a reader sees it. */
  readonly seen: MessageText
  readonly #brands: BrandTable | undefined
  readonly #fields = new Map<string, readonly string[]>()
  readonly #texts = new Map<Place, string>()
  readonly #kept = new Map<unknown, unknown>()
  #from: FieldMailbox | undefined | null = null
  #replyTo: FieldMailbox | undefined | null = null
  #forwarded: FieldMailbox | undefined | null = null

  private constructor(
    { session, envelope, message }: Asked['score'],
    text: MessageText,
    now: number,
    brands: BrandTable | undefined,
  ) {
    this.now = now
    this.session = session
    this.envelope = envelope
    this.insider = session.trusted || session.account !== undefined
    this.message = message
    this.seen = text
    this.#brands = brands
  }

  /** `brands`: left out, those that are shipped. */
  static async of(asked: Asked['score'], now: number, brands?: BrandTable): Promise<Facts> {
    return new Facts(asked, await asked.message.text(), now, brands)
  }

  get brands(): BrandTable {
    return this.#brands ?? shippedBrands()
  }

  get from(): FieldMailbox | undefined {
    if (this.#from === null) this.#from = mailboxOf(this.message.header, 'from')
    return this.#from
  }

  get replyTo(): FieldMailbox | undefined {
    if (this.#replyTo === null) this.#replyTo = mailboxOf(this.message.header, 'reply-to')
    return this.#replyTo
  }

  /** The author of what this mail passes on. */
  get forwarded(): FieldMailbox | undefined {
    if (this.#forwarded === null) this.#forwarded = forwardedAuthor(this.seen.subject, this.seen.body)
    return this.#forwarded
  }

  get links(): readonly WebLink[] {
    return webLinks(this.seen)
  }

  /** Hosts that links lead to, each once, with the domains above them. */
  get hosts(): readonly Host[] {
    return this.once(hostsOf)
  }

  /** Fields of that name (in lower case), decoded once however many rules ask. */
  fields(name: string): readonly string[] {
    const known = this.#fields.get(name)
    if (known !== undefined) return known
    const values = this.message.fields(name)
    this.#fields.set(name, values)
    return values
  }

  text(place: Place): string {
    const known = this.#texts.get(place)
    if (known !== undefined) return known
    const text = this.#read(place)
    this.#texts.set(place, text)
    return text
  }

  /** What `make` finds out about this message, once. The function itself is what it is kept by, so that asking again costs a look-up and no memory. */
  once<T>(make: (facts: Facts) => T): T {
    const there = this.#kept.get(make)
    if (there !== undefined || this.#kept.has(make)) return there as T
    const made = make(this)
    this.#kept.set(make, made)
    return made
  }

  /** What was found out beforehand: `once` does not ask for it again. */
  keep<T>(make: (facts: Facts) => T, made: T): void {
    this.#kept.set(make, made)
  }

  #read(place: Place): string {
    switch (place) {
      case 'subject':
        return this.seen.subject.slice(0, MAX_SUBJECT)
      case 'body':
        return this.seen.body.slice(0, MAX_TEXT)
      case 'html':
        return this.seen.html.slice(0, MAX_TEXT)
      case 'name':
        return this.forwarded === undefined
          ? (this.from?.name ?? '')
          : `${this.from?.name ?? ''}\n${this.forwarded.name}`
      case 'link':
        return hrefs([...this.seen.links.slice(0, MAX_LINKS), ...this.links])
      case 'file':
        return this.seen.attachments.map(({ name }) => name).join('\n')
      case 'hidden':
        return this.seen.hidden.slice(0, MAX_TEXT)
      case 'alt':
        return this.seen.htmlFacts.imageText.slice(0, MAX_TEXT)
      case 'attached':
        return this.seen.attached.slice(0, MAX_TEXT)
    }
  }
}

function hostsOf({ links }: Facts): readonly Host[] {
  return [...new Set(links.map(({ host }) => host))].map(name => ({ name, withParents: [...nameAndParents(name)] }))
}

/** Each once, those that lead elsewhere than into the web too. */
function hrefs(links: readonly { readonly href: string }[]): string {
  return [...new Set(links.map(({ href }) => href))].join('\n')
}
