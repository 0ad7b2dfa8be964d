/**
 * For whom another limit holds: networks by the longest prefix, names (log-ins, addresses, domains) exactly first and then by the longest
 * domain. A name says more than a network, so it goes first.
 */
import { addressKey, NetworkMap, normaliseDomain, parseAddress, parseNetwork, toAsciiDomain } from 'posthouse/text'

/** A log-in that is neither an address nor might be a domain. */
const LOGIN = /^[^\s.@/:*][^\s@/:*]*$/u

export interface Exception<T> {
  readonly pattern: string
  readonly value: T
}

export class Exceptions<T> {
  readonly #networks = new NetworkMap<Exception<T>>()
  readonly #names = new Map<string, Exception<T>>()

  /** False when the pattern is nothing that could be matched. */
  add(pattern: string, value: T): boolean {
    if (parseNetwork(pattern) !== undefined) this.#networks.set(pattern, { pattern, value })
    else {
      const name = nameOf(pattern)
      if (name === undefined) return false
      this.#names.set(name, { pattern, value })
    }
    return true
  }

  /** `name`: a log-in, an address or a domain, if the limit counts by one. */
  find(ip: string, name: string | undefined): Exception<T> | undefined {
    return (name === undefined ? undefined : this.#named(name)) ?? this.#networks.find(ip)
  }

  #named(text: string): Exception<T> | undefined {
    if (this.#names.size === 0) return undefined
    const name = nameOf(text) ?? text.toLowerCase()
    const exact = this.#names.get(name)
    if (exact !== undefined) return exact
    let domain = name.slice(name.lastIndexOf('@') + 1)
    for (;;) {
      const found = this.#names.get(domain)
      if (found !== undefined) return found
      const dot = domain.indexOf('.')
      if (dot < 0) return undefined
      domain = domain.slice(dot + 1)
    }
  }
}

/** As it is compared: lower case, domains in A-labels. `@example.org` is `example.org`. */
function nameOf(pattern: string): string | undefined {
  const bare = pattern.replace(/^@/, '')
  const address = parseAddress(bare)
  if (address !== undefined) return addressKey(address)
  // Numbers with dots are a mistyped network.
  if (/^[0-9.]*$/.test(bare)) return undefined
  const domain = normaliseDomain(bare)
  if (domain !== undefined) return toAsciiDomain(domain) ?? domain
  return LOGIN.test(bare) ? bare.toLowerCase() : undefined
}
