/**
 * Counts who is inside: all connections of this process, and those of each network (/24 of IPv4, /64 of IPv6), over all doors and
 * protocols; and decides with what is known of the other workers. A network named as exempt is counted in the total alone. Keeps one number
 * per network that has a connection, nothing else.
 */
import ipaddr from 'ipaddr.js'
import { NetworkSet } from '../text/index.js'

export interface TurnstileLimits {
  /** Open connections of all doors of all workers. */
  readonly total: number
  /** Of these, from one network. */
  readonly perNetwork: number
  /** Networks without a limit of their own. */
  readonly exempt: readonly string[]
}

/** The other workers: what they have, and that something is another here. */
export interface Neighbours {
  readonly total: number
  of(network: string): number
  changed(network?: string): void
}

const NOBODY: Neighbours = { total: 0, of: () => 0, changed: () => undefined }

export class Turnstile {
  readonly #limits: TurnstileLimits
  readonly #exempt: NetworkSet
  readonly #neighbours: Neighbours
  readonly #networks = new Map<string, number>()
  #inside = 0

  constructor(limits: TurnstileLimits, neighbours = NOBODY) {
    this.#limits = limits
    this.#exempt = new NetworkSet(limits.exempt)
    this.#neighbours = neighbours
  }

  /** Connections of this process. */
  get inside(): number {
    return this.#inside
  }

  /** Those of each network that is not exempt. */
  get networks(): ReadonlyMap<string, number> {
    return this.#networks
  }

  /** Share of the total that is taken, 0 to 1; a little more after a burst at several workers. */
  get load(): number {
    return (this.#inside + this.#neighbours.total) / this.#limits.total
  }

  /** A connection was accepted, whoever it is; false: there is no room. */
  enter(): boolean {
    if (this.load >= 1) return false
    this.#inside += 1
    this.#neighbours.changed()
    return true
  }

  leave(): void {
    this.#inside -= 1
    this.#neighbours.changed()
  }

  /** Whether one more may come from there; if so, the function it gives takes it away again. */
  admit(address: string): (() => void) | undefined {
    const network = this.#exempt.has(address) ? undefined : networkOf(address)
    if (network === undefined) return () => undefined
    const count = this.#networks.get(network) ?? 0
    if (count + this.#neighbours.of(network) >= this.#limits.perNetwork) return undefined
    this.#networks.set(network, count + 1)
    this.#neighbours.changed(network)
    return () => this.#forget(network)
  }

  #forget(network: string): void {
    const count = this.#networks.get(network) ?? 0
    if (count > 1) this.#networks.set(network, count - 1)
    else this.#networks.delete(network)
    this.#neighbours.changed(network)
  }
}

/** `undefined` for what is no address: a Unix socket. */
export function networkOf(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return undefined
  const parsed = ipaddr.process(address)
  const bytes = parsed.toByteArray()
  return bytes.slice(0, bytes.length === 4 ? 3 : 8).join('.')
}
