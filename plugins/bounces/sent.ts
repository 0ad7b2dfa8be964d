/**
 * Which Message-IDs have left from here, by the id under which the trail knows them: for bounces that return too little of a message to
 * show our Received field. Digests, so that the state does not tell who wrote what.
 */
import { createHash } from 'node:crypto'
import type { Clock, Log, Message, State } from 'posthouse/api'

const DIGEST_BYTES = 15

export class Sent {
  readonly #state: State
  readonly #clock: Clock
  readonly #keepMs: number

  constructor(state: State, clock: Clock, keepMs: number) {
    this.#state = state
    this.#clock = clock
    this.#keepMs = keepMs
  }

  /** Nobody waits for it: without it bounces are still known by our Received field. */
  note(message: Message, id: string, log: Log): void {
    const messageId = message.field('message-id')?.trim()
    if (this.#keepMs === 0 || messageId === undefined || messageId === '') return
    this.#state
      .put(keyOf(messageId), id, this.#clock.now() + this.#keepMs)
      .catch((error: unknown) => log.warn({ err: error }, 'what was sent cannot be remembered'))
  }

  /** The queue id. */
  find(messageId: string): Promise<string | undefined> {
    return this.#state.get(keyOf(messageId), this.#clock.now())
  }
}

function keyOf(messageId: string): string {
  const digest = createHash('sha256').update(messageId).digest()
  return `sent/${digest.subarray(0, DIGEST_BYTES).toString('base64url')}`
}
