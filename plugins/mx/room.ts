/**
 * Room within the limits of the destination and of our own addresses, for one delivery: what was charged before a connection is used by the
 * message that goes over it, and what was not used is given back.
 */
import type { DeliveryCall, Wanted } from 'posthouse/api'

type Message = Extract<Wanted, { kind: 'message' }>

/** For people, and when there may be room. */
export interface Shortage {
  readonly text: string
  readonly notBefore: number
}

interface Reserved {
  readonly message: Message
  readonly local: string | undefined
  giveBack?(): Promise<void>
}

export class Room {
  readonly #call: Pick<DeliveryCall, 'allow'>
  readonly #now: () => number
  #reserved: Reserved | undefined
  #short: 'own' | 'theirs' | undefined
  /** The soonest of all sources. */
  #free = Number.POSITIVE_INFINITY

  constructor(call: Pick<DeliveryCall, 'allow'>, now: () => number) {
    this.#call = call
    this.#now = now
  }

  /** Whose limit is reached: of the address we send from, or of the destination. Nothing more is begun then. */
  get short(): 'own' | 'theirs' | undefined {
    return this.#short
  }

  /** Another of our addresses is asked. */
  turn(): void {
    this.#short = undefined
  }

  async ask(wanted: Wanted, local: string | undefined): Promise<Shortage | undefined> {
    const allowed = await this.#call.allow?.(wanted, local)
    if (allowed === undefined || allowed.granted) {
      if (wanted.kind === 'message')
        this.#reserved = { message: wanted, local, ...(allowed?.giveBack && { giveBack: allowed.giveBack }) }
      return undefined
    }
    this.#short = allowed.own ? 'own' : 'theirs'
    this.#free = Math.min(this.#free, this.#now() + allowed.waitMs)
    return { text: allowed.why, notBefore: this.#free }
  }

  /** Charges a message that is to go, unless that was done and it has not gone yet. */
  async reserve(message: Message, local: string | undefined): Promise<Shortage | undefined> {
    if (this.#reserved !== undefined && isSame(this.#reserved, message, local)) return undefined
    await this.end()
    return this.ask(message, local)
  }

  /** The message has gone. */
  spent(): void {
    this.#reserved = undefined
  }

  /** What was charged for nothing is given back. Never rejects: what was delivered must be told. */
  async end(): Promise<void> {
    const reserved = this.#reserved
    this.#reserved = undefined
    await reserved?.giveBack?.().catch(() => undefined)
  }
}

function isSame(reserved: Reserved, { recipients, bytes }: Message, local: string | undefined): boolean {
  const { message } = reserved
  return reserved.local === local && message.recipients === recipients && message.bytes === bytes
}
