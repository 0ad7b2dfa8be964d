/**
 * What of ours did not work a moment ago, per worker: logins that a smarthost refused, addresses to send from that are not ours. For a minute
 * nobody tries again, as every message would otherwise, until an account is locked over there or the log is full here.
 */
export class Rests {
  readonly #now: () => number
  readonly #known = new Map<string, { readonly why: string; readonly until: number }>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** `what`: the id of a route, the name of a source; there are no more of them than config has. */
  note(what: string, why: string): void {
    this.#known.set(what, { why, until: this.#now() + REST_MS })
  }

  /** What was wrong a moment ago. */
  of(what: string): string | undefined {
    const known = this.#known.get(what)
    if (known === undefined || this.#now() < known.until) return known?.why
    this.#known.delete(what)
    return undefined
  }
}

const REST_MS = 60_000
