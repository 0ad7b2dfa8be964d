/**
 * Whose address is it? An account owns its addresses, these with a `+tag`, aliases that lead to it, and what the admin lets it send as.
 * Pure look-ups in Maps; the way along aliases is bounded.
 */
import type { Account } from 'posthouse/api'
import { type AddressParts, addressKey, parseAddress } from 'posthouse/text'

/** What an account may send as beside its own: addresses, whole domains as `@example.org`, or anything. */
export type SendAs = 'any' | ReadonlySet<string>

export interface OwnershipParts {
  /** By login, in lower case. */
  readonly sendAs: ReadonlyMap<string, SendAs>
  readonly aliases: AliasTargets
  /** `+`, or empty for none. */
  readonly separator: string
}

/** What an alias leads to in one step; `undefined` when it is none. */
export type AliasTargets = (address: AddressParts) => readonly AddressParts[] | undefined

/** As in the mda. */
const MAX_DEPTH = 10
const MAX_VISITS = 1000

export class Ownership {
  readonly #parts: OwnershipParts

  constructor(parts: OwnershipParts) {
    this.#parts = parts
  }

  owns(account: Account, address: AddressParts): boolean {
    const own = new Set(account.addresses.map(keyOfText))
    return this.#mayAs(account, address) || this.#leadsTo(own, address)
  }

  #mayAs({ login }: Account, address: AddressParts): boolean {
    const may = this.#parts.sendAs.get(login.toLowerCase())
    if (may === undefined || may === 'any') return may === 'any'
    const key = addressKey(address)
    return may.has(key) || may.has(key.slice(key.lastIndexOf('@'))) || may.has(addressKey(this.#untagged(address)))
  }

  /** Breadth first, each address once: a loop of aliases comes to an end. */
  #leadsTo(own: ReadonlySet<string>, address: AddressParts): boolean {
    const seen = new Set<string>()
    let level: readonly AddressParts[] = [address, this.#untagged(address)]
    for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
      const next: AddressParts[] = []
      for (const one of level) {
        const key = addressKey(one)
        if (own.has(key)) return true
        if (seen.has(key)) continue
        if (seen.size >= MAX_VISITS) return false
        seen.add(key)
        next.push(...(this.#parts.aliases(one) ?? []))
      }
      level = next
    }
    return false
  }

  #untagged({ local, domain }: AddressParts): AddressParts {
    const at = this.#parts.separator === '' ? -1 : local.indexOf(this.#parts.separator)
    return { local: at < 1 ? local : local.slice(0, at), domain }
  }
}

function keyOfText(text: string): string {
  const address = parseAddress(text)
  return address === undefined ? text.toLowerCase() : addressKey(address)
}
