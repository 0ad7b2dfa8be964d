/**
 * Messages that were lent out as they came in, by their leases: who settles one has no use for reading back what was written a moment before. Rows
 * under a lease are nobody else's to change, so what stands here is what stands in the store for as long as the lease does.
 */
import type { Envelope, RowRecord } from './records.js'

export interface LentMessage {
  readonly envelope: Envelope
  readonly rows: readonly RowRecord[]
}

/** More are read back: leases that nobody ends must not stay for ever. */
const MOST = 1000

export class Lent {
  readonly #messages = new Map<string, LentMessage>()

  set(token: string, message: LentMessage): void {
    this.#messages.set(token, message)
    if (this.#messages.size > MOST) this.#messages.delete(this.#messages.keys().next().value!)
  }

  get(token: string): LentMessage | undefined {
    return this.#messages.get(token)
  }

  delete(token: string): void {
    this.#messages.delete(token)
  }

  /** Something of the message turned out to be damaged in the store: what stands there is looked at again. */
  forget(id: string): void {
    for (const [token, { envelope }] of this.#messages) if (envelope.id === id) this.#messages.delete(token)
  }
}
