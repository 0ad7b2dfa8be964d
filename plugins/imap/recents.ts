/**
 * \Recent (RFC 3501 §2.3.2): the first session that is told of a message has it as recent, all others have not. Kept is one number for each
 * mailbox, the first UID nobody was told of, in the state all workers share. Two workers asking in the same instant may both be first:
 * the RFC wants a message to be recent when that cannot be told.
 */
import type { Clock, Log, State } from 'posthouse/api'

/** A mailbox nobody opens for so long starts anew. */
const KEEP_MS = 400 * 24 * 3600_000

export class Recents {
  private readonly state: State
  private readonly clock: Clock
  private readonly log: Log
  /** The last question about each mailbox: the next one waits for it. */
  private readonly turns = new Map<string, Promise<number>>()

  constructor(state: State, clock: Clock, log: Log) {
    this.state = state
    this.clock = clock
    this.log = log
  }

  /** First recent UID. Whoever `takes` has told, or is about to tell, of everything below `uidNext`; others only look. */
  async first(mailboxId: string, uidNext: number, takes: boolean): Promise<number> {
    const before = this.turns.get(mailboxId)
    const turn = (before ?? Promise.resolve(0)).then(() => this.ask(mailboxId, uidNext, takes))
    this.turns.set(mailboxId, turn)
    const first = await turn
    if (this.turns.get(mailboxId) === turn) this.turns.delete(mailboxId)
    return first
  }

  /** Never fails: without an answer no message is recent, and nothing depends on it. */
  private async ask(mailboxId: string, uidNext: number, takes: boolean): Promise<number> {
    const now = this.clock.now()
    const key = `recent:${mailboxId}`
    try {
      const first = Number((await this.state.get(key, now)) ?? 1)
      if (takes && uidNext > first) await this.state.put(key, String(uidNext), now + KEEP_MS)
      return first
    } catch (error) {
      this.log.warn({ err: error }, 'cannot tell which messages are recent')
      return uidNext
    }
  }
}
