/**
 * Who waits for the greeting, and who is remembered. Programs that send spam in a hurry do not listen first (RFC 5321 §3.1 wants the client
 * to wait); a moment of silence finds them out. It is spent only on peers that deserve one, and only so many wait at once.
 */
import { type Asked, asFarAsKnown, type Call, type Clock, type State } from 'posthouse/api'
import { networkAround } from 'posthouse/text'

export interface WaitingParts {
  readonly state: State
  readonly clock: Clock
  readonly waitMs: number
  /** Sessions with one of these wait. */
  readonly labels: readonly string[]
  readonly everyone: boolean
  readonly rememberMs: number
  /** Per worker. */
  readonly atOnce: number
  readonly count: (name: 'waited' | 'full' | 'offences') => void
  /** Resolves after so long, or when the signal fires. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

export class WaitingRoom {
  readonly #parts: WaitingParts
  #inside = 0

  constructor(parts: WaitingParts) {
    this.#parts = parts
  }

  /** Core looks afterwards whether the client has spoken, and refuses it (`smtp.early_talk`). */
  async connect({ session }: Asked['connect'], call: Call): Promise<undefined> {
    if (session.protocol !== 'smtp' || session.trusted) return undefined
    const why = await asFarAsKnown(call.log, 'early-talker', () => this.#deserved(session))
    if (why === undefined) return undefined
    const { waitMs, atOnce, count, pause } = this.#parts
    if (call.observed === true) {
      call.log.info({ remote: session.remote.address, why, waitMs }, 'would have waited before the greeting')
      return undefined
    }
    if (this.#inside >= atOnce) {
      count('full')
      return undefined
    }
    this.#inside += 1
    try {
      await pause(waitMs, call.signal)
    } finally {
      this.#inside -= 1
    }
    count('waited')
    return undefined
  }

  async disconnect({ session, end }: Asked['disconnect'], call: Call): Promise<void> {
    const network = networkAround(session.remote.address)
    if (end !== 'early' || network === undefined) return
    const { state, clock, rememberMs, count } = this.#parts
    const now = clock.now()
    const offences = await state.add(offenceKey(network), 1, now, now + rememberMs)
    count('offences')
    call.log.info({ remote: session.remote.address, network, offences }, 'early talker remembered')
  }

  async #deserved({ labels, remote }: Asked['connect']['session']): Promise<string | undefined> {
    const { everyone, labels: wanted, state, clock } = this.#parts
    if (everyone) return 'everyone waits'
    const label = wanted.find(one => labels.has(one))
    if (label !== undefined) return `label ${label}`
    const network = networkAround(remote.address)
    const offences = network === undefined ? undefined : await state.get(offenceKey(network), clock.now())
    return offences === undefined ? undefined : `${offences} earlier offences of ${network}`
  }
}

function offenceKey(network: string): string {
  return `offences/${network}`
}
