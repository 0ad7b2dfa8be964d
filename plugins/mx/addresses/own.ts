/**
 * Our own doors for mail, as others see them: where an MX leads to one of them, the mail would come back (RFC 5321 §5.1). A door on all
 * addresses is on every one that this machine has now. What stands before us (a NAT, a load balancer) only the admin knows.
 */
import { networkInterfaces } from 'node:os'
import { NetworkSet, parseEndpoint, plainIp } from 'posthouse/text'

export class OwnAddresses {
  /** `address port` */
  readonly #doors = new Set<string>()
  /** Ports that are open on every address of a family. */
  readonly #everywhere: Readonly<Record<'four' | 'six', Set<number>>> = { four: new Set(), six: new Set() }
  readonly #named: NetworkSet
  readonly #here: () => readonly string[]

  /** `doors`: `127.0.0.1:25`, `[::]:25`; `named`: networks that are ours on every port. */
  constructor(doors: readonly string[], named: readonly string[], here: () => readonly string[] = addressesHere) {
    this.#named = new NetworkSet(named)
    this.#here = here
    for (const door of doors) {
      const parts = parseEndpoint(door)
      if (parts?.kind === 'tcp') this.#add(parts.host, parts.port)
    }
  }

  has(address: string, port: number): boolean {
    const plain = plainIp(address)
    if (this.#named.has(plain) || this.#doors.has(`${plain} ${port}`)) return true
    if (!this.#everywhere[plain.includes(':') ? 'six' : 'four'].has(port)) return false
    return plain === '0.0.0.0' || plain === '::' || isLoopback(plain) || this.#here().includes(plain)
  }

  #add(host: string, port: number): void {
    if (host === '0.0.0.0') this.#everywhere.four.add(port)
    else if (host === '::') {
      // it hears IPv4 too
      this.#everywhere.four.add(port)
      this.#everywhere.six.add(port)
    } else if (host === 'localhost') for (const one of ['127.0.0.1', '::1']) this.#doors.add(`${one} ${port}`)
    else this.#doors.add(`${plainIp(host)} ${port}`)
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function addressesHere(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap(all => (all ?? []).map(({ address }) => address))
}
