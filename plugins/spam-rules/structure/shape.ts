/** What the tests of structure share: what a test is, and the header by name, found once for each message. */
import type { Message } from 'posthouse/api'
import { type FieldMailbox, mailboxOf } from 'posthouse/text'
import type { Facts } from '../facts.js'

/** From facts to what was found, or nothing. Synchronous, and its work is bounded by what `Facts` bounds. */
export type Look = (facts: Facts) => string | undefined

export class Shape {
  static readonly #read = (facts: Facts) => new Shape(facts)
  readonly #message: Message
  #to: FieldMailbox | undefined | null = null
  #byList: boolean | undefined
  /** As they stand, encoded words left alone, by name in lower case. */
  readonly #raw = new Map<string, string[]>()

  private constructor({ message }: Facts) {
    this.#message = message
    for (const { name, raw } of message.header) {
      const key = name.toLowerCase()
      const there = this.#raw.get(key)
      if (there === undefined) this.#raw.set(key, [raw])
      else there.push(raw)
    }
  }

  static of(facts: Facts): Shape {
    return facts.once(Shape.#read)
  }

  has(name: string): boolean {
    return this.#raw.has(name)
  }

  count(name: string): number {
    return this.#raw.get(name)?.length ?? 0
  }

  raw(name: string): string {
    return this.#raw.get(name)?.[0] ?? ''
  }

  all(name: string): readonly string[] {
    return this.#raw.get(name) ?? []
  }

  /** The first receiver it names. */
  get to(): FieldMailbox | undefined {
    if (this.#to === null) this.#to = mailboxOf(this.#message.header, 'to')
    return this.#to
  }

  /** A list's program has had it in its hands, and may have given it another shape than its writer's. */
  get byList(): boolean {
    this.#byList ??= LIST_FIELDS.some(name => this.has(name)) || /^(?:list|bulk)$/i.test(this.raw('precedence').trim())
    return this.#byList
  }

  /** What its writer's program calls itself; ''. */
  get program(): string {
    return (this.raw('x-mailer') || this.raw('user-agent')).slice(0, 200)
  }
}

const LIST_FIELDS = ['list-id', 'list-post', 'list-unsubscribe', 'mailing-list', 'x-mailing-list', 'x-beenthere']
