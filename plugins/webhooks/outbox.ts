/**
 * What waits to be told to one hook, in the state that all workers share, so that it outlives them. Bounded: what does not fit is dropped,
 * and whoever puts it is told so.
 */
import { randomBytes } from 'node:crypto'
import type { Clock, QueueEvent, State } from 'posthouse/api'

export interface Waiting {
  readonly key: string
  readonly event: QueueEvent & { readonly id: string }
}

export interface OutboxTerms {
  /** Events. */
  readonly most: number
  readonly keepMs: number
}

/** Looked at by the sender, which counts what is too old; the state forgets it somewhat later. */
const GRACE_MS = 3_600_000
/** Puts between two counts; with several workers the bound may be missed by as many for each. */
const UNCOUNTED = 200
/** A full outbox is not counted for every event. */
const RECOUNT_MS = 2000
/** One who has stopped us is not asked again for as long. */
const STOPPED_MS = 10 * 365 * 86_400_000

export class Outbox {
  readonly #state: State
  readonly #clock: Clock
  readonly #key: string
  readonly #terms: OutboxTerms
  readonly #process = randomBytes(4).toString('hex')
  #sequence = 0
  #room = 0
  #counted = Number.NEGATIVE_INFINITY
  #counting: Promise<void> | undefined

  constructor(state: State, clock: Clock, key: string, terms: OutboxTerms) {
    this.#state = state
    this.#clock = clock
    this.#key = key
    this.#terms = terms
  }

  /** False: there was no room. In order for events of one process. */
  async put(event: QueueEvent): Promise<boolean> {
    const now = this.#clock.now()
    // Taken before anything is waited for, so that later events are behind.
    this.#sequence += 1
    const sequence = this.#sequence.toString(36).padStart(6, '0')
    const id = `${now.toString(36).padStart(9, '0')}${sequence}${this.#process}`
    if (!(await this.#hasRoom(now))) return false
    this.#room -= 1
    await this.#state.put(this.#prefix + id, JSON.stringify({ id, ...event }), now + this.#terms.keepMs + GRACE_MS)
    return true
  }

  /** The oldest. */
  async next(most: number): Promise<readonly Waiting[]> {
    const found = await this.#state.list(this.#prefix, this.#clock.now(), most)
    return found.flatMap(({ key, value }) => {
      const event = read(value)
      return event === undefined ? [] : [{ key, event }]
    })
  }

  async remove(waiting: readonly Waiting[]): Promise<void> {
    for (const { key } of waiting) await this.#state.remove(key)
  }

  async size(): Promise<number> {
    return (await this.#state.list(this.#prefix, this.#clock.now(), this.#terms.most)).length
  }

  /** 410: nobody wants to hear it any more. */
  async stop(): Promise<void> {
    const now = this.#clock.now()
    await this.#state.put(`stopped/${this.#key}`, new Date(now).toISOString(), now + STOPPED_MS)
  }

  /** Since when; ISO. */
  stopped(): Promise<string | undefined> {
    return this.#state.get(`stopped/${this.#key}`, this.#clock.now())
  }

  resume(): Promise<boolean> {
    return this.#state.remove(`stopped/${this.#key}`)
  }

  async noteTrouble(why: string | undefined): Promise<void> {
    const now = this.#clock.now()
    const key = `trouble/${this.#key}`
    if (why === undefined) await this.#state.remove(key)
    else await this.#state.put(key, `${new Date(now).toISOString()} ${why}`, now + this.#terms.keepMs + GRACE_MS)
  }

  trouble(): Promise<string | undefined> {
    return this.#state.get(`trouble/${this.#key}`, this.#clock.now())
  }

  get #prefix(): string {
    return `out/${this.#key}/`
  }

  async #hasRoom(now: number): Promise<boolean> {
    if (this.#room > 0) return true
    if (now - this.#counted < RECOUNT_MS) return false
    this.#counting ??= this.#count(now).finally(() => {
      this.#counting = undefined
    })
    await this.#counting
    return this.#room > 0
  }

  async #count(now: number): Promise<void> {
    const left = this.#terms.most - (await this.size())
    this.#room = Math.min(UNCOUNTED, Math.max(0, left))
    // With room, the next count comes when it is used up.
    this.#counted = this.#room > 0 ? Number.NEGATIVE_INFINITY : now
  }
}

function read(value: string): Waiting['event'] | undefined {
  try {
    return JSON.parse(value) as Waiting['event']
  } catch {
    // written by another version; it cannot be told and does not stop the others
    return undefined
  }
}
