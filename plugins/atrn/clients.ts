/** Whose mail waits here: logins and their domains. Pure; made once from the config. */
import { normaliseDomain, toAsciiDomain } from 'posthouse/text'

export interface ClientConfig {
  readonly login: string
  readonly domains: readonly string[]
}

const NONE: ReadonlySet<string> = new Set()

export class Clients {
  /** All of them, of all clients. */
  readonly domains: ReadonlySet<string>
  readonly #byLogin = new Map<string, Set<string>>()

  /** Throws with a sentence for the admin. */
  constructor(configs: readonly ClientConfig[], relayDomains: Pick<ReadonlySet<string>, 'has'>) {
    for (const { login, domains } of configs) {
      const known = this.#byLogin.get(login) ?? new Set()
      for (const text of domains) known.add(checked(text, relayDomains))
      this.#byLogin.set(login, known)
    }
    this.domains = new Set([...this.#byLogin.values()].flatMap(domains => [...domains]))
  }

  of(login: string): ReadonlySet<string> {
    return this.#byLogin.get(login) ?? NONE
  }
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

function checked(text: string, relayDomains: Pick<ReadonlySet<string>, 'has'>): string {
  const domain = asDomain(text)
  if (domain === undefined) throw new Error(`atrn: "${text}" is not a domain; expected example.org`)
  if (!relayDomains.has(domain))
    throw new Error(`atrn: "${text}" is not in relay_domains of server.yaml, so nobody could send mail to it`)
  return domain
}
