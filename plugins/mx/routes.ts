/**
 * Static routes: which domains go to a fixed host and port instead of their MX.
 * Most special first: the domain itself, then `.example.org` (any subdomain, longest suffix wins), then `*`. Pure.
 */
import { normaliseDomain, parseEndpoint, toAsciiDomain } from 'posthouse/text'

export interface Route {
  readonly host: string
  readonly port: number
}

export class Routes {
  readonly #exact = new Map<string, Route>()
  readonly #suffixes: { readonly suffix: string; readonly route: Route }[] = []
  #default: Route | undefined

  /** Throws with a sentence for the admin. */
  constructor(routes: Readonly<Record<string, string>>) {
    for (const [pattern, endpoint] of Object.entries(routes)) this.#add(pattern, endpoint)
    this.#suffixes.sort((a, b) => b.suffix.length - a.suffix.length)
  }

  find(domain: string): Route | undefined {
    const name = toAsciiDomain(domain) ?? domain.toLowerCase()
    const exact = this.#exact.get(name)
    if (exact !== undefined) return exact
    return this.#suffixes.find(({ suffix }) => name.endsWith(suffix))?.route ?? this.#default
  }

  #add(pattern: string, endpoint: string): void {
    const route = parseEndpoint(endpoint)
    if (route?.kind !== 'tcp' || route.port === 0)
      throw new Error(`route of ${pattern}: expected host:port, found "${endpoint}"`)
    if (pattern === '*') {
      this.#default = route
      return
    }
    const bare = pattern.startsWith('.') ? pattern.slice(1) : pattern
    const domain = normaliseDomain(bare)
    const name = domain === undefined ? undefined : toAsciiDomain(domain)
    if (name === undefined) throw new Error(`route "${pattern}": expected a domain, .domain or *`)
    if (pattern.startsWith('.')) this.#suffixes.push({ suffix: `.${name}`, route })
    else this.#exact.set(name, route)
  }
}
