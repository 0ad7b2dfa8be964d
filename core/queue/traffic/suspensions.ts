/**
 * Destinations that get nothing for a while: found dead, asked for by a rule about replies, or by an admin. Kept in the state of the store, so all
 * workers know and they last over restarts; looked at from memory, which is refreshed every few seconds and when somebody tells of a change.
 * Bounded in number; beyond that a suspension holds in this worker alone, until it ends.
 */
import type { Bus, Clock, Log, State } from '../../api/index.js'

export interface Suspension {
  /** `mx/example.net`, or `mx/` and a site. */
  readonly key: string
  readonly until: number
  readonly since: number
  readonly why: string
  /** `dead`: afterwards one job probes; what was learned stays until one succeeds. */
  readonly by: 'dead' | 'reply' | 'admin'
  /** Of a reply: the rule. */
  readonly rule?: string
}

export const SUSPENDED = 'delivery/suspended/'
export const NEWS = 'delivery-suspended'

const MOST = 5000
const REFRESH_MS = 3000
/** While changes come faster than they are read, the next look will do. */
const READS = 3
/** A dead destination is still on probation so long after its pause. */
const PROBATION_MS = 3_600_000

export interface SuspensionDeps {
  /** Left out: only this process knows. */
  readonly state: Pick<State, 'list' | 'put' | 'remove'> | undefined
  readonly bus?: Pick<Bus, 'publish' | 'subscribe'>
  readonly clock: Clock
  readonly log: Log
}

export class Suspensions {
  readonly #deps: SuspensionDeps
  #known = new Map<string, Suspension>()
  /** Those that only this worker knows. */
  readonly #alone = new Map<string, Suspension>()
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined
  /** What was read while this changed is old already. */
  #changes = 0
  readonly #unsubscribe: (() => void) | undefined

  constructor(deps: SuspensionDeps, changed: () => void = () => undefined) {
    this.#deps = deps
    this.#unsubscribe = deps.bus?.subscribe(NEWS, () => {
      this.#changes += 1
      this.#readAt = Number.NEGATIVE_INFINITY
      changed()
    })
  }

  close(): void {
    this.#unsubscribe?.()
  }

  /** With what is only on probation. */
  get(key: string): Suspension | undefined {
    return this.#known.get(key)
  }

  get all(): Iterable<Suspension> {
    return this.#known.values()
  }

  get size(): number {
    return this.#known.size
  }

  /** Never rejects: what cannot be read is as before. */
  async refresh(): Promise<void> {
    const { state, clock } = this.#deps
    if (state === undefined) return
    for (let reads = 0; reads < READS && clock.now() - this.#readAt >= REFRESH_MS; reads += 1) {
      this.#reading ??= this.#read(state).finally(() => {
        this.#reading = undefined
      })
      await this.#reading
    }
  }

  async suspend(suspension: Suspension): Promise<void> {
    const { state, bus, clock, log } = this.#deps
    const there = this.#known.get(suspension.key)
    if (there !== undefined && there.until > suspension.until && there.by === 'admin') return
    this.#known.set(suspension.key, suspension)
    this.#changes += 1
    if (state === undefined || (there === undefined && this.#known.size > MOST)) {
      this.#keepAlone(suspension, clock.now())
      return
    }
    try {
      const kept = suspension.by === 'dead' ? PROBATION_MS : 0
      await state.put(`${SUSPENDED}${suspension.key}`, JSON.stringify(suspension), suspension.until + kept)
      bus?.publish(NEWS, suspension.key)
    } catch (error) {
      this.#keepAlone(suspension, clock.now())
      log.warn({ err: error, lane: suspension.key, until: suspension.until }, 'suspension known to this worker alone')
    }
  }

  async lift(key: string): Promise<void> {
    this.#alone.delete(key)
    if (!this.#known.delete(key)) return
    this.#changes += 1
    try {
      await this.#deps.state?.remove(`${SUSPENDED}${key}`)
      this.#deps.bus?.publish(NEWS, key)
    } catch (error) {
      this.#deps.log.warn({ err: error, lane: key }, 'suspension not lifted for other workers')
    }
  }

  async #read(state: Pick<State, 'list'>): Promise<void> {
    const now = this.#deps.clock.now()
    try {
      const changes = this.#changes
      const entries = await state.list(SUSPENDED, now, MOST)
      if (changes !== this.#changes) return
      this.#forgetOver(now)
      const shared = entries.flatMap(({ value }) => readSuspension(value))
      this.#known = new Map([...this.#alone.values(), ...shared].map(one => [one.key, one]))
      this.#readAt = now
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'suspensions cannot be read')
      this.#readAt = now
    }
  }

  #keepAlone(suspension: Suspension, now: number): void {
    this.#forgetOver(now)
    if (this.#alone.size < MOST) this.#alone.set(suspension.key, suspension)
    else this.#known.delete(suspension.key)
  }

  #forgetOver(now: number): void {
    for (const [key, { until, by }] of this.#alone)
      if (until + (by === 'dead' ? PROBATION_MS : 0) < now) this.#alone.delete(key)
  }
}

/** None, when it is not one of ours. */
export function readSuspension(value: string): readonly Suspension[] {
  try {
    const one = JSON.parse(value) as Suspension
    return typeof one.key === 'string' && Number.isFinite(one.until) ? [one] : []
  } catch {
    return []
  }
}
