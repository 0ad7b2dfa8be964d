/**
 * Which lanes are one site: domains whose MX records name the same hosts, as those of one provider do. Learned when the records are read for a
 * delivery, so it is known a moment after the first mail, and kept in the state, so that it is known after a restart. Bounded, and learned anew when
 * records change.
 */
import { createHash } from 'node:crypto'
import type { Clock, Log, State } from 'posthouse/api'

const MOST = 20_000
const LONGEST_NAME = 200
const KEPT_MS = 7 * 86_400_000
/** What is seen again is kept anew, but not with every delivery. */
const RENEW_MS = 86_400_000
const PREFIX = 'site/'

interface Known {
  readonly site: string
  /** When it was written to the state. */
  readonly kept: number
}

export class Sites {
  /** Asked for longest ago first. */
  readonly #sites = new Map<string, Known>()
  readonly #state: Pick<State, 'list' | 'put'> | undefined
  readonly #clock: Clock
  readonly #log: Pick<Log, 'debug'> | undefined

  constructor(state?: Pick<State, 'list' | 'put'>, clock: Clock = Date, log?: Pick<Log, 'debug'>) {
    this.#state = state
    this.#clock = clock
    this.#log = log
  }

  /** What was known before. Never rejects: it is learned anew. */
  async recall(): Promise<void> {
    try {
      const known = (await this.#state?.list(PREFIX, this.#clock.now(), MOST)) ?? []
      for (const { key, value, expires } of known)
        if (!this.#sites.has(key.slice(PREFIX.length)))
          this.#sites.set(key.slice(PREFIX.length), { site: value, kept: expires - KEPT_MS })
    } catch (error) {
      this.#log?.debug({ err: error }, 'sites are learned anew')
    }
  }

  of(lane: string): string | undefined {
    const known = this.#sites.get(lane)
    if (known === undefined) return undefined
    this.#sites.delete(lane)
    this.#sites.set(lane, known)
    return known.site
  }

  /** `names`: all hosts that the records name, of whatever preference. */
  learn(lane: string, names: readonly string[]): void {
    const site = siteOf(names)
    const [known, now] = [this.#sites.get(lane), this.#clock.now()]
    if (site === undefined || (known?.site === site && now < known.kept + RENEW_MS)) return
    this.#sites.delete(lane)
    if (this.#sites.size >= MOST) this.#sites.delete(this.#sites.keys().next().value!)
    this.#sites.set(lane, { site, kept: now })
    this.#state
      ?.put(`${PREFIX}${lane}`, site, now + KEPT_MS)
      .catch((error: unknown) => this.#log?.debug({ err: error, lane }, 'site not kept'))
  }
}

/** `mx1.example.net,mx2.example.net`. The order of preference does not matter: it is the same hosts that we ask. */
export function siteOf(names: readonly string[]): string | undefined {
  const sorted = [...new Set(names.map(name => name.toLowerCase().replace(/\.$/, '')))].sort()
  if (sorted.length === 0) return undefined
  const whole = sorted.join(',')
  if (whole.length <= LONGEST_NAME) return whole
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 16)
  return `${sorted[0]!.slice(0, 100)},and-${sorted.length - 1}-more-${digest}`
}
