/** Whose mail waits here: logins and their domains. Pure; made once from the config. */
import { ConfigError, type Fault, type PluginContext } from 'posthouse/api'
import { closest, normaliseDomain, toAsciiDomain } from 'posthouse/text'

export interface ClientConfig {
  readonly login: string
  readonly domains: readonly string[]
}

const NONE: ReadonlySet<string> = new Set()

export class Clients {
  /** All of them, of all clients. */
  readonly domains: ReadonlySet<string>
  readonly #byLogin = new Map<string, Set<string>>()

  constructor(clients: readonly ClientConfig[]) {
    for (const { login, domains } of clients)
      this.#byLogin.set(login, new Set([...(this.#byLogin.get(login) ?? NONE), ...domains]))
    this.domains = new Set(clients.flatMap(({ domains }) => domains))
  }

  of(login: string): ReadonlySet<string> {
    return this.#byLogin.get(login) ?? NONE
  }
}

/** Throws a `ConfigError` with all faults. */
export function readClients(
  configs: readonly ClientConfig[],
  relayDomains: ReadonlySet<string>,
  fault: PluginContext<unknown>['fault'],
): Clients {
  const faults: Fault[] = []
  /** Where each domain was named first. */
  const named = new Map<string, number>()
  const clients = configs.map(({ login, domains }, at) => ({
    login,
    domains: domains.flatMap((text, index) => {
      const place = ['clients', at, 'domains', index]
      const domain = asDomain(text)
      const trouble =
        domain === undefined
          ? notADomain(text)
          : (unrelayed(text, domain, relayDomains) ?? twice(text, named.get(domain)))
      if (trouble !== undefined) faults.push(fault(place, trouble))
      if (domain === undefined) return []
      if (!named.has(domain)) named.set(domain, fault(place, '').line)
      return [domain]
    }),
  }))
  if (faults.length > 0) throw new ConfigError(faults)
  return new Clients(clients)
}

/** RFC 2645 §5.2.1: domains with commas between them. `undefined`: not such a list; empty: none was named. */
export function readDomains(argument: string): readonly string[] | undefined {
  if (argument === '') return []
  const domains = argument.split(',').map(part => asDomain(part.trim()))
  return domains.every(domain => domain !== undefined) ? domains : undefined
}

/** Lower case, A-labels. */
export function asDomain(text: string): string | undefined {
  const domain = normaliseDomain(text)
  return domain === undefined || domain.startsWith('[') ? undefined : toAsciiDomain(domain)
}

function notADomain(text: string): string {
  const bare = text.replace(/^[^@]*@|^\*?\./, '')
  const meant = asDomain(bare) === undefined ? '' : `; did you mean ${bare}?`
  return `"${text}" is not a domain; expected one like example.org${meant}`
}

function unrelayed(text: string, domain: string, relayDomains: ReadonlySet<string>): string | undefined {
  if (relayDomains.has(domain)) return undefined
  const meant = closest(text, relayDomains)
  const hint = meant === undefined ? 'add it there' : `did you mean ${meant}?`
  return `"${text}" is not in relay_domains of server.yaml, so nobody could send mail to it; ${hint}`
}

/** Of two clients the one that calls first would get the other's mail. */
function twice(text: string, line: number | undefined): string | undefined {
  return line === undefined ? undefined : `"${text}" stands already in line ${line}; take one of them away`
}
