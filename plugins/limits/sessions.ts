/**
 * What a session holds: places, until it ends, and charges of a transaction that may still be refused by others. A session ends when its
 * signal fires, whatever labels it has got meanwhile: by then an entry with `unless` may not be told of the end any more.
 */
import type { Call, Place, Session } from 'posthouse/api'
import type { Charge, Till } from './till.js'

interface Held {
  readonly places: Place[]
  /** Keys of places held: a session takes one of each. */
  readonly inside: Set<string>
  charges: readonly Charge[]
}

export class Sessions {
  readonly #till: Till
  readonly #held = new Map<string, Held>()
  readonly #failed: (error: unknown) => void

  constructor(till: Till, failed: (error: unknown) => void) {
    this.#till = till
    this.#failed = failed
  }

  isInside(session: Session, key: string): boolean {
    return this.#held.get(session.id)?.inside.has(key) === true
  }

  entered(session: Session, call: Call, keys: readonly string[], places: readonly Place[]): void {
    const held = this.#of(session, call)
    held.places.push(...places)
    for (const key of keys) held.inside.add(key)
    if (call.signal.aborted) this.end(session.id)
  }

  charged(session: Session, call: Call, charges: readonly Charge[]): void {
    const held = this.#of(session, call)
    held.charges = [...held.charges, ...charges]
    if (call.signal.aborted) this.end(session.id)
  }

  /** The message is taken: its charges stay. */
  accepted(session: Session): void {
    const held = this.#held.get(session.id)
    if (held !== undefined) held.charges = []
  }

  /** Something was charged for a message that was not accepted yet. */
  owes(session: Session): boolean {
    return (this.#held.get(session.id)?.charges.length ?? 0) > 0
  }

  /** A new transaction: what the last one was charged and was not accepted is given back. */
  async begun(session: Session): Promise<void> {
    const held = this.#held.get(session.id)
    if (held === undefined || held.charges.length === 0) return
    const { charges } = held
    held.charges = []
    await this.#till.giveBack(charges)
  }

  end(id: string): void {
    this.#giveUp(id).catch(this.#failed)
  }

  /** The same connection for another client: what it held and was charged until now is given back. */
  async startsAnew(id: string, charged: readonly Charge[]): Promise<void> {
    await this.#giveUp(id)
    await this.#till.giveBack(charged)
  }

  async #giveUp(id: string): Promise<void> {
    const held = this.#held.get(id)
    if (held === undefined) return
    this.#held.delete(id)
    await this.#till.leave(held.places)
    await this.#till.giveBack(held.charges)
  }

  #of({ id }: Session, call: Call): Held {
    const known = this.#held.get(id)
    if (known !== undefined) return known
    const held: Held = { places: [], inside: new Set(), charges: [] }
    this.#held.set(id, held)
    call.signal.addEventListener('abort', () => this.end(id), { once: true })
    return held
  }
}
