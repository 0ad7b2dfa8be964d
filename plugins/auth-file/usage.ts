/**
 * When an app password was last used, by which protocol and from where: in State, since the accounts file is not written at log-ins.
 * It may lag ten minutes; a State that has trouble costs nobody a log-in.
 */
import type { Clock, Log, Peer, State } from 'posthouse/api'

const AGAIN_MS = 600_000
const KEPT_MS = 400 * 86_400_000
const MOST_NOTED = 10_000

export interface LastUse {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly protocol: string
  readonly remote: string
}

export class Usage {
  readonly #state: State
  readonly #clock: Clock
  readonly #log: Log
  /** When we wrote it last; oldest first. */
  readonly #noted = new Map<string, number>()

  constructor(state: State, clock: Clock, log: Log) {
    this.#state = state
    this.#clock = clock
    this.#log = log
  }

  note(accountId: string, tag: string, { protocol, remote }: Peer): void {
    const key = keyOf(accountId, tag)
    const at = this.#clock.now()
    if (at - (this.#noted.get(key) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return
    this.#noted.delete(key)
    this.#noted.set(key, at)
    if (this.#noted.size > MOST_NOTED) this.#noted.delete(this.#noted.keys().next().value!)
    const use: LastUse = { at, protocol, remote: remote.address }
    this.#state.put(key, JSON.stringify(use), at + KEPT_MS).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'use of an app password could not be noted')
    })
  }

  async last(accountId: string, tag: string): Promise<LastUse | undefined> {
    const text = await this.#state.get(keyOf(accountId, tag), this.#clock.now())
    return text === undefined ? undefined : (JSON.parse(text) as LastUse)
  }

  async forget(accountId: string, tag: string): Promise<void> {
    await this.#state.remove(keyOf(accountId, tag))
  }
}

function keyOf(accountId: string, tag: string): string {
  return `used/${accountId}/${tag}`
}
