/**
 * Which open connections are whose, so that those of an account end when it is closed or gets another password: who has logged in once would
 * otherwise go on for as long as the connection lasts. They end at once, as by a broken network; programs that may log in again do.
 */
import type { Socket } from 'node:net'
import { ACCOUNT_CLOSED, type Bus, type Log } from '../api/index.js'

export class AccountSessions {
  /** By the id of the session. */
  readonly #open = new Map<string, Socket>()
  /** Ids of sessions, by that of the account. */
  readonly #ofAccount = new Map<string, Set<string>>()

  opened(id: string, socket: Socket): void {
    this.#open.set(id, socket)
  }

  /** Of a session that is open; one that stands for no connection (a proxy's, an inner one) is nobody's. */
  loggedIn(id: string, accountId: string): void {
    const socket = this.#open.get(id)
    if (socket === undefined) return
    const ids = this.#ofAccount.get(accountId) ?? new Set()
    if (ids.has(id)) return
    this.#ofAccount.set(accountId, ids.add(id))
    socket.once('close', () => {
      ids.delete(id)
      if (ids.size === 0 && this.#ofAccount.get(accountId) === ids) this.#ofAccount.delete(accountId)
    })
  }

  closed(id: string): void {
    this.#open.delete(id)
  }

  /** How many there were. */
  end(accountId: string): number {
    const ids = [...(this.#ofAccount.get(accountId) ?? [])]
    for (const id of ids) this.#open.get(id)?.destroy()
    return ids.length
  }

  /** Ends what the news say, until the function it gives back is called. */
  hear(bus: Bus, log: Log): () => void {
    return bus.subscribe(ACCOUNT_CLOSED, accountId => {
      const sessions = this.end(accountId)
      if (sessions > 0) log.info({ account: accountId, sessions }, 'sessions of an account ended')
    })
  }
}
