/**
 * Keeps a lease alive while its job is under way, and knows when it was lost. `end` must be called, or it is kept alive for ever.
 */
import type { Claimed, Clock, Log, Queue } from '../api/index.js'
import { Beat } from './beat.js'

/** It is looked at so often in its time, and renewed when a third of it is over at the latest. */
const LOOKS = 6

export class Lease {
  readonly claimed: Claimed
  /** Of its message, where it has just come in: it need not be read back. */
  readonly body: Buffer | undefined
  /** Somebody else may have the rows now: nothing may be settled any more. */
  lost = false
  readonly #queue: Queue
  readonly #leaseMs: number
  readonly #clock: Clock
  readonly #log: Log
  readonly #beat: Beat
  /** Looked at since it was renewed. */
  #looked = false
  #renewing = false
  #until: number

  constructor(claimed: Claimed, queue: Queue, leaseMs: number, clock: Clock, log: Log, body?: Buffer) {
    this.claimed = claimed
    this.body = body
    this.#queue = queue
    this.#leaseMs = leaseMs
    this.#clock = clock
    this.#log = log
    this.#until = claimed.leaseUntil
    this.#beat = Beat.every(Math.max(1, leaseMs / LOOKS))
    this.#beat.add(this)
  }

  end(): void {
    this.#beat.delete(this)
  }

  /** Most leases end before the second time. */
  beat(): void {
    if (this.#looked) void this.#renew()
    this.#looked = !this.#looked
  }

  async #renew(): Promise<void> {
    if (this.#renewing || this.lost) return
    this.#renewing = true
    const until = this.#clock.now() + this.#leaseMs
    try {
      if (await this.#queue.renew(this.claimed.token, until)) this.#until = until
      else this.#lose('the store has given it to somebody else')
    } catch (error) {
      // The store may be back before the lease runs out.
      this.#log.warn({ err: error, id: this.claimed.message.id }, 'lease not renewed')
      if (this.#clock.now() >= this.#until) this.#lose('it ran out')
    } finally {
      this.#renewing = false
    }
  }

  #lose(why: string): void {
    this.lost = true
    this.end()
    this.#log.error({ id: this.claimed.message.id, why }, 'lease lost')
  }
}
