/**
 * Static routes: which mail goes another way than to the mail hosts of its domain. Most special first: the domain itself, then
 * `.example.org` (any subdomain, longest suffix wins), then `*`; of the routes of one domain the first that fits the sender, and when
 * none does, those of the next less special. Pure.
 */
import type { SentBy } from 'posthouse/api'
import { domainKey } from 'posthouse/text'
import { type Reading, type RoutesConfig, readRoutes } from './read.js'
import { fits, type Route } from './route.js'

export class Routes {
  readonly #exact = new Map<string, readonly Route[]>()
  readonly #suffixes: { readonly suffix: string; readonly routes: readonly Route[] }[] = []
  #default: readonly Route[] = []

  /** Throws a `ConfigError`, or an `Error` where `reading` knows no places. */
  constructor(config: RoutesConfig, reading: Reading = {}) {
    for (const [name, routes] of readRoutes(config, reading)) {
      if (name === '*') this.#default = routes
      else if (name.startsWith('.')) this.#suffixes.push({ suffix: name, routes })
      else this.#exact.set(name, routes)
    }
    this.#suffixes.sort((a, b) => b.suffix.length - a.suffix.length)
  }

  /** `by` left out: routes for certain senders are passed over. */
  find(domain: string, by?: SentBy): Route | undefined {
    const name = domainKey(domain)
    for (const routes of this.#for(name)) {
      const route = routes.find(one => fits(one, by))
      if (route !== undefined) return route
    }
    return undefined
  }

  *#for(name: string): Generator<readonly Route[]> {
    const exact = this.#exact.get(name)
    if (exact !== undefined) yield exact
    for (const { suffix, routes } of this.#suffixes) if (name.endsWith(suffix)) yield routes
    yield this.#default
  }
}
