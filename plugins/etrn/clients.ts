/** Who may ask for which domains. Pure; made once from the config. */
import type { Session } from 'posthouse/api'
import { NetworkSet } from 'posthouse/text'
import { asDomain } from './node.js'

export interface ClientConfig {
  readonly domains: readonly string[]
  readonly networks: readonly string[]
  readonly logins: readonly string[]
}

interface Client {
  readonly networks: NetworkSet
  readonly logins: ReadonlySet<string>
  readonly domains: readonly string[]
}

export class Clients {
  readonly #clients: readonly Client[]

  /** Throws with a sentence for the admin. */
  constructor(configs: readonly ClientConfig[]) {
    this.#clients = configs.map(({ domains, networks, logins }) => ({
      networks: new NetworkSet(networks),
      logins: new Set(logins),
      domains: domains.map(readPattern),
    }))
  }

  domainsFor({ remote, account }: Pick<Session, 'remote' | 'account'>): DomainSet {
    const known = this.#clients.filter(
      ({ networks, logins }) => networks.has(remote.address) || (account !== undefined && logins.has(account.login)),
    )
    return new DomainSet(known.flatMap(({ domains }) => domains))
  }
}

/** Domains by name, and by `.suffix` (which covers the bare domain too). */
export class DomainSet {
  readonly #names: ReadonlySet<string>

  constructor(patterns: readonly string[]) {
    this.#names = new Set(patterns)
  }

  covers(domain: string): boolean {
    if (this.#names.has(domain) || this.#names.has(`.${domain}`)) return true
    for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
      if (this.#names.has(domain.slice(dot))) return true
    }
    return false
  }
}

function readPattern(pattern: string): string {
  const below = pattern.startsWith('.')
  const domain = asDomain(below ? pattern.slice(1) : pattern)
  if (domain === undefined) throw new Error(`etrn: "${pattern}" is not a domain; expected example.org or .example.org`)
  return below ? `.${domain}` : domain
}
