/** Who may ask for which domains. Pure; made once from the config. */
import { ConfigError, type Fault, type PluginContext, type Session } from 'posthouse/api'
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

  constructor(clients: readonly ClientConfig[]) {
    this.#clients = clients.map(({ domains, networks, logins }) => ({
      networks: new NetworkSet(networks),
      logins: new Set(logins),
      domains,
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

/** Throws a `ConfigError` with all faults. Networks were checked by the schema. */
export function readClients(configs: readonly ClientConfig[], fault: PluginContext<unknown>['fault']): Clients {
  const faults: Fault[] = []
  const clients = configs.map((config, at) => {
    const { networks, logins } = config
    if (networks.length === 0 && logins.length === 0)
      faults.push(fault(['clients', at], 'nobody may ask for these domains; add networks: or logins:'))
    const named = new Map<string, number>()
    const domains = config.domains.flatMap((text, index) => {
      const place = ['clients', at, 'domains', index]
      const pattern = readPattern(text)
      const line = pattern === undefined ? undefined : named.get(pattern)
      if (pattern === undefined) faults.push(fault(place, notAPattern(text)))
      else if (line === undefined) named.set(pattern, fault(place, '').line)
      else faults.push(fault(place, `"${text}" stands already in line ${line}; take one of them away`))
      return pattern ?? []
    })
    return { domains, networks, logins }
  })
  if (faults.length > 0) throw new ConfigError(faults)
  return new Clients(clients)
}

function readPattern(text: string): string | undefined {
  const below = text.startsWith('.')
  const domain = asDomain(below ? text.slice(1) : text)
  return domain !== undefined && below ? `.${domain}` : domain
}

function notAPattern(text: string): string {
  // as other programs write it, and as ETRN itself does
  const meant = text.replace(/^\*\.|^@/, '.')
  const hint = meant !== text && readPattern(meant) !== undefined ? `; did you mean ${meant}?` : ''
  return `"${text}" is not a domain; expected example.org, or .example.org for it and all below it${hint}`
}
