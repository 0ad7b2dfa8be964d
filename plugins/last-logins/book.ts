/**
 * When an account was last used, by each protocol: in State, and noted at most every so often for each, so that mail programs that log in every few
 * minutes cost no write each. Nobody's login waits for it, and a State that has trouble costs nobody one.
 */
import type { Clock, Log, Peer, State } from 'posthouse/api'

export interface LastLogin {
  readonly protocol: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly remote: string
  readonly mechanism: string
}

export interface BookParts {
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  /** How far behind it may be. */
  readonly everyMs: number
  readonly keepMs: number
}

/** What this worker remembers to have noted. */
const MOST_NOTED = 20_000
const MOST_TEXT = 100

export class LoginBook {
  readonly #parts: BookParts
  /** When we wrote it last; oldest first. */
  readonly #noted = new Map<string, number>()

  constructor(parts: BookParts) {
    this.#parts = parts
  }

  note(accountId: string, { protocol, remote }: Peer, mechanism: string): void {
    const { state, clock, log, everyMs, keepMs } = this.#parts
    const key = `${keysOf(accountId)}${protocol}`
    const at = clock.now()
    if (at - (this.#noted.get(key) ?? Number.NEGATIVE_INFINITY) < everyMs) return
    this.#noted.delete(key)
    this.#noted.set(key, at)
    if (this.#noted.size > MOST_NOTED) this.#noted.delete(this.#noted.keys().next().value!)
    const login: LastLogin = { protocol, at, remote: remote.address, mechanism: mechanism.slice(0, MOST_TEXT) }
    state.put(key, JSON.stringify(login), at + keepMs).catch((error: unknown) => {
      this.#noted.delete(key)
      log.warn({ err: error }, 'a login could not be noted')
    })
  }

  /** The latest first. */
  async of(accountId: string): Promise<readonly LastLogin[]> {
    const entries = await this.#parts.state.list(keysOf(accountId), this.#parts.clock.now())
    return entries.map(({ value }) => JSON.parse(value) as LastLogin).sort((a, b) => b.at - a.at)
  }
}

function keysOf(accountId: string): string {
  return `login/${accountId}/`
}
