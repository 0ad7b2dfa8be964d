/**
 * Destinations that get nothing for a while: found dead, asked for by a rule about replies, or by an admin. Kept in the state of the store, so all
 * workers know and they last over restarts; looked at from memory, which is refreshed every few seconds and when somebody tells of a change.
 * Bounded in number; beyond that a suspension holds in this worker alone, until it ends or somebody tells of it.
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
/** An admin's word stands apart: however many destinations are dead, it is seen, and their ends do not take it along. */
export const BY_HAND = 'delivery/suspended-by-hand/'
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
    this.#unsubscribe = deps.bus?.subscribe(NEWS, key => {
      this.#changes += 1
      this.#readAt = Number.NEGATIVE_INFINITY
      // Somebody has shared it, or ended it.
      if (this.#alone.delete(key)) this.#known.delete(key)
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

  /** The longest holds: whoever wants less, or less of an admin, has it already. */
  async suspend(suspension: Suspension): Promise<void> {
    const { state, bus, clock, log } = this.#deps
    const { key, until, by } = suspension
    const there = this.#known.get(key)
    if (there !== undefined && there.until > until) return
    const isShared = there !== undefined && !this.#alone.has(key)
    const shared = this.#known.size - this.#alone.size
    this.#known.set(key, suspension)
    this.#changes += 1
    if (state === undefined || (!isShared && by !== 'admin' && shared >= MOST)) {
      this.#keepAlone(suspension, clock.now())
      return
    }
    try {
      const kept = by === 'dead' ? PROBATION_MS : 0
      await state.put(stateKeyOf(suspension), JSON.stringify(suspension), until + kept)
      this.#alone.delete(key)
      bus?.publish(NEWS, key)
    } catch (error) {
      this.#keepAlone(suspension, clock.now())
      log.warn({ err: error, lane: key, until }, 'suspension known to this worker alone')
    }
  }

  async lift(key: string): Promise<void> {
    this.#alone.delete(key)
    if (!this.#known.delete(key)) return
    this.#changes += 1
    const { state, bus, log } = this.#deps
    try {
      if (state !== undefined) await removeSuspension(state, key)
      bus?.publish(NEWS, key)
    } catch (error) {
      log.warn({ err: error, lane: key }, 'suspension not lifted for other workers')
    }
  }

  async #read(state: Pick<State, 'list'>): Promise<void> {
    const now = this.#deps.clock.now()
    try {
      const changes = this.#changes
      const entries = [...(await state.list(BY_HAND, now, MOST)), ...(await state.list(SUSPENDED, now, MOST))]
      if (changes !== this.#changes) return
      this.#forgetOver(now)
      this.#known = longest([...this.#alone.values(), ...entries.flatMap(({ value }) => readSuspension(value))])
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

/** Of several for one destination that which holds longest. */
export function longest(all: readonly Suspension[]): Map<string, Suspension> {
  const found = new Map<string, Suspension>()
  for (const one of all) if ((found.get(one.key)?.until ?? 0) < one.until) found.set(one.key, one)
  return found
}

export function stateKeyOf({ key, by }: Pick<Suspension, 'key' | 'by'>): string {
  return `${by === 'admin' ? BY_HAND : SUSPENDED}${key}`
}

/** Whether it was there. */
export async function removeSuspension(state: Pick<State, 'remove'>, key: string): Promise<boolean> {
  const removed = [await state.remove(`${BY_HAND}${key}`), await state.remove(`${SUSPENDED}${key}`)]
  return removed.includes(true)
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
