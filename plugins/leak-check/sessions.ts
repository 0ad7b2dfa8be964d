/**
 * What is kept of the password a session has sent: a probe, from the login to the end of the session, in memory. The latest counts: whoever
 * failed and then succeeded is asked about the password that was right.
 */
import type { Credentials, Peer } from 'posthouse/api'
import type { Probe, Prober } from './probe.js'

/** More sessions than a worker has; the oldest goes first. */
const MOST = 20_000

export class Sessions {
  readonly #prober: Prober
  readonly #probes = new Map<string, Probe>()

  constructor(prober: Prober) {
    this.#prober = prober
  }

  /** Only SMTP: whoever reads mail sends none by that session. */
  note({ id, protocol }: Peer, credentials: Credentials): void {
    if (protocol !== 'smtp') return
    this.#probes.delete(id)
    if (credentials.kind !== 'password') return
    const { login, password } = credentials
    // Who has chosen a part of their own address would be refused by their signature.
    const probe = login.toLowerCase().includes(password.toLowerCase()) ? undefined : this.#prober.probe(password)
    if (probe === undefined) return
    this.#probes.set(id, probe)
    const [oldest] = this.#probes.keys()
    if (this.#probes.size > MOST && oldest !== undefined) this.#probes.delete(oldest)
  }

  of(id: string): Probe | undefined {
    return this.#probes.get(id)
  }

  forget(id: string): void {
    this.#probes.delete(id)
  }

  get size(): number {
    return this.#probes.size
  }
}
