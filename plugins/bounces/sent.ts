/**
 * Which Message-IDs have left from here, by the id under which the trail knows them: for bounces that return too little of a message to
 * show our Received field. Digests, so that the state does not tell who wrote what.
 */
import { createHash } from 'node:crypto'
import type { Clock, Log, Message, State } from 'posthouse/api'

const DIGEST_BYTES = 15
/** What is noted in this time is written together: under load a commit a second, and not one for each message. */
const GATHER_MS = 1000

export class Sent {
  readonly #state: State
  readonly #clock: Clock
  readonly #keepMs: number
  /** Not written yet: id and time of expiry by key. */
  readonly #gathered = new Map<string, readonly [id: string, until: number]>()

  constructor(state: State, clock: Clock, keepMs: number) {
    this.#state = state
    this.#clock = clock
    this.#keepMs = keepMs
  }

  /** Nobody waits for it: without it bounces are still known by our Received field. */
  note(message: Message, id: string, log: Log): void {
    const messageId = message.field('message-id')?.trim()
    if (this.#keepMs === 0 || messageId === undefined || messageId === '') return
    if (this.#gathered.size === 0) setTimeout(() => this.#write(log), GATHER_MS)
    this.#gathered.set(keyOf(messageId), [id, this.#clock.now() + this.#keepMs])
  }

  /** The queue id. */
  async find(messageId: string): Promise<string | undefined> {
    const key = keyOf(messageId)
    return this.#gathered.get(key)?.[0] ?? this.#state.get(key, this.#clock.now())
  }

  #write(log: Log): void {
    const puts = [...this.#gathered].map(([key, [id, until]]) => this.#state.put(key, id, until))
    this.#gathered.clear()
    Promise.all(puts).catch((error: unknown) => log.warn({ err: error }, 'what was sent cannot be remembered'))
  }
}

function keyOf(messageId: string): string {
  const digest = createHash('sha256').update(messageId).digest()
  return `sent/${digest.subarray(0, DIGEST_BYTES).toString('base64url')}`
}
