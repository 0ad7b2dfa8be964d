/** Senders as an admin names them: `user@domain`, `domain`, `.domain` (everything below it), `*` (any but the null sender), `<>`. Pure. */
import type { Address } from 'posthouse/api'
import { addressKey, normaliseDomain, parseAddress, toAsciiDomain } from 'posthouse/text'

export class Senders {
  readonly #addresses = new Set<string>()
  readonly #domains = new Set<string>()
  readonly #suffixes: string[] = []
  #any = false
  #nobody = false

  /** False when it is no pattern. */
  add(pattern: string): boolean {
    if (pattern === '*') this.#any = true
    else if (pattern === '<>') this.#nobody = true
    else if (pattern.includes('@')) return this.#addAddress(pattern)
    else {
      const name = domainOf(pattern.startsWith('.') ? pattern.slice(1) : pattern)
      if (name === undefined) return false
      if (pattern.startsWith('.')) this.#suffixes.push(`.${name}`)
      else this.#domains.add(name)
    }
    return true
  }

  has(sender: Address | null): boolean {
    if (sender === null) return this.#nobody
    if (this.#any) return true
    const name = domainOf(sender.domain) ?? sender.domain.toLowerCase()
    return (
      this.#domains.has(name) ||
      this.#addresses.has(addressKey(sender)) ||
      this.#suffixes.some(suffix => name.endsWith(suffix))
    )
  }

  #addAddress(pattern: string): boolean {
    const address = parseAddress(pattern)
    if (address === undefined) return false
    this.#addresses.add(addressKey(address))
    return true
  }
}

/** A name as it is compared. */
export function domainOf(text: string): string | undefined {
  const domain = normaliseDomain(text)
  return domain === undefined ? undefined : toAsciiDomain(domain)
}
