/**
 * Logins that a smarthost has refused, per worker: for a while nobody tries them again, as every message would otherwise, until the
 * account is locked over there.
 */
export class LoginTroubles {
  readonly #now: () => number
  /** By route. */
  readonly #refused = new Map<string, { readonly text: string; readonly until: number }>()

  constructor(now: () => number) {
    this.#now = now
  }

  note(route: string, text: string): void {
    this.#refused.set(route, { text, until: this.#now() + REST_MS })
  }

  /** What was wrong a moment ago. */
  of(route: string): string | undefined {
    const known = this.#refused.get(route)
    if (known === undefined || this.#now() < known.until) return known?.text
    this.#refused.delete(route)
    return undefined
  }
}

const REST_MS = 60_000
