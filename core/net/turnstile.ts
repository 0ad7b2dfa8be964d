/**
 * Counts who is inside: all connections of this process, and those of each network (/24 of IPv4, /64 of IPv6), over all doors and
 * protocols. A network named as exempt is counted in the total alone. Keeps one number per network that has a connection, nothing else.
 */
import ipaddr from 'ipaddr.js'
import { NetworkSet } from '../text/index.js'

export interface TurnstileLimits {
  /** Open connections of all doors. */
  readonly total: number
  /** Of these, from one network. */
  readonly perNetwork: number
  /** Networks without a limit of their own. */
  readonly exempt: readonly string[]
}

export class Turnstile {
  readonly #limits: TurnstileLimits
  readonly #exempt: NetworkSet
  readonly #networks = new Map<string, number>()
  #inside = 0

  constructor(limits: TurnstileLimits) {
    this.#limits = limits
    this.#exempt = new NetworkSet(limits.exempt)
  }

  /** Share of the total that is taken, 0 to 1. */
  get load(): number {
    return this.#inside / this.#limits.total
  }

  /** A connection was accepted, whoever it is; false: there is no room. */
  enter(): boolean {
    if (this.#inside >= this.#limits.total) return false
    this.#inside += 1
    return true
  }

  leave(): void {
    this.#inside -= 1
  }

  /** Whether one more may come from there; if so, the function it gives takes it away again. */
  admit(address: string): (() => void) | undefined {
    const network = this.#exempt.has(address) ? undefined : networkOf(address)
    if (network === undefined) return () => undefined
    const count = this.#networks.get(network) ?? 0
    if (count >= this.#limits.perNetwork) return undefined
    this.#networks.set(network, count + 1)
    return () => this.#forget(network)
  }

  #forget(network: string): void {
    const count = this.#networks.get(network) ?? 0
    if (count > 1) this.#networks.set(network, count - 1)
    else this.#networks.delete(network)
  }
}

/** `undefined` for what is no address: a Unix socket. */
export function networkOf(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return undefined
  const parsed = ipaddr.process(address)
  const bytes = parsed.toByteArray()
  return bytes.slice(0, bytes.length === 4 ? 3 : 8).join('.')
}
