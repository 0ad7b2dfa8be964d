/**
 * Says who may go where, now: how many at once, suspended or not, within its rates. Lanes of one site (the same mail hosts) are one destination
 * here. What it knows of a destination is this worker's, apart from suspensions and rates, which all workers share.
 */
import {
  type Allowed,
  type Bus,
  type Clock,
  type Log,
  type Metrics,
  type State,
  type Place as StatePlace,
  type Target,
  TRY_LANE,
  type Wanted,
} from '../../api/index.js'
import { laneKey } from '../job.js'
import { type LaneRule, type Place, ruleFor } from '../lane-rules.js'
import type { Lease } from '../lease.js'
import { type Flow, type FlowTerms, flowAfter, freshFlow, isFresh } from './flow.js'
import type { News } from './heard.js'
import { type Charge, charge, giveBack, type Rates, type Short } from './rates.js'
import { type SourceRule, sourceKey, sourceRuleFor } from './source-rules.js'
import { type Suspension, Suspensions } from './suspensions.js'

export interface TrafficSchedule {
  readonly perLane: number
  readonly retryMs: readonly number[]
  readonly lanes?: readonly LaneRule[]
  /** The longest pause for a destination where nobody answers. */
  readonly longestPauseMs?: number
  /** By our own addresses. */
  readonly sources?: readonly SourceRule[]
}

export interface TrafficDeps {
  readonly schedule: TrafficSchedule
  readonly targets: Pick<ReadonlyMap<string, Target>, 'get'>
  readonly state: State | undefined
  readonly bus?: Pick<Bus, 'publish' | 'subscribe'>
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** What may be done with a job. `why` is for people. */
export type Leave =
  | { readonly kind: 'go'; readonly round: number; done(): Promise<void> }
  | { readonly kind: 'wait'; readonly until: number; readonly why: string }

const MOST_FLOWS = 20_000
const MOST_MEMBERS = 20_000
const LONGEST_PAUSE_MS = 30 * 60_000
/** Another worker probes. */
const OTHERS_PROBE_MS = 2000
/** The state does not say whether one does. */
const TROUBLE_MS = 1000
const PROBING = 'delivery/probe/'

export class Traffic {
  readonly #deps: TrafficDeps
  readonly suspensions: Suspensions
  readonly #flows = new Map<string, Flow>()
  /** Until when a destination has used up a rate, or somebody else probes it. */
  readonly #waits = new Map<string, number>()
  /** Lanes of a site, as far as they came by; the site that grew last is the last one. */
  readonly #members = new Map<string, Set<string>>()
  #memberCount = 0
  /** By rule; asked for several times a delivery. */
  readonly #termsOf = new Map<LaneRule | undefined, FlowTerms>()
  readonly #unsubscribe: (() => void) | undefined

  constructor(deps: TrafficDeps, changed?: () => void) {
    this.#deps = deps
    this.suspensions = new Suspensions(deps, changed)
    this.#unsubscribe = deps.bus?.subscribe(TRY_LANE, lane => void this.answers([lane]).then(changed))
  }

  close(): void {
    this.#unsubscribe?.()
    this.suspensions.close()
  }

  /** What is limited together: the site, where it is known. */
  keyOf(place: Place): string {
    const lane = laneKey(place)
    const site = this.#deps.targets.get(place.target)?.site?.(place.lane)
    if (site === undefined) return lane
    const key = `${place.target}/${site}`
    if (key !== lane) this.#join(key, lane)
    return key
  }

  /** All lanes that are meant by a key. */
  lanesOf(key: string): Iterable<string> {
    return [key, ...(this.#members.get(key) ?? [])]
  }

  /** Deliveries at once. */
  most(key: string, place: Place): number {
    const { most } = this.#terms(place)
    return Math.min(most, this.#flows.get(key)?.window ?? freshFlow({ most }).window)
  }

  /** Lanes that get nothing now. */
  blocked(now: number): readonly string[] {
    const keys: string[] = []
    for (const { key, until } of this.suspensions.all) if (until > now) keys.push(key)
    for (const [key, until] of this.#waits) {
      if (until > now) keys.push(key)
      else this.#waits.delete(key)
    }
    return keys.flatMap(key => [...this.lanesOf(key)])
  }

  isBlocked(place: Place, now: number): boolean {
    if (this.suspensions.size === 0 && this.#waits.size === 0) return false
    return this.suspended(place, now) !== undefined || (this.#waits.get(this.keyOf(place)) ?? 0) > now
  }

  /** When the first of them may be asked again; `undefined`: none is blocked. */
  freeAt(now: number): number | undefined {
    let first: number | undefined
    for (const { until } of this.suspensions.all) if (until > now) first = Math.min(first ?? until, until)
    for (const until of this.#waits.values()) if (until > now) first = Math.min(first ?? until, until)
    return first
  }

  /** The suspension of a lane, or of its site. */
  suspended(place: Place, now: number): Suspension | undefined {
    if (this.suspensions.size === 0) return undefined
    const [lane, key] = [laneKey(place), this.keyOf(place)]
    return [lane, key].map(one => this.suspensions.get(one)).find(one => one !== undefined && one.until > now)
  }

  /** It is, or was until somebody has answered, suspended. */
  isSuspect(place: Place): boolean {
    return this.suspensions.size > 0 && this.suspensions.get(this.keyOf(place)) !== undefined
  }

  /** Asked right before an attempt. `done` is called after it. */
  async leaveFor(lease: Lease): Promise<Leave> {
    const { clock, log, state } = this.#deps
    const [place] = lease.claimed.rows
    const now = clock.now()
    // What an admin has decided needs no way to anywhere.
    if (place === undefined || place.verdict !== undefined || !this.#isRemote(place))
      return { kind: 'go', round: 0, done: async () => undefined }
    const suspension = this.suspended(place, now)
    if (suspension !== undefined) return { kind: 'wait', until: suspension.until, why: suspension.why }
    const key = this.keyOf(place)
    const probing = this.suspensions.get(key)?.by === 'dead'
    let probe: StatePlace | undefined
    try {
      probe = probing ? await state?.enter(`${PROBING}${key}`, 1, now) : undefined
    } catch (error) {
      log.warn({ err: error, lane: key }, 'probe cannot begin')
      return this.#waiting(key, now + TROUBLE_MS, 'nobody can say whether another worker looks whether it is there')
    }
    if (probing && state !== undefined && probe === undefined)
      return this.#waiting(key, now + OTHERS_PROBE_MS, 'another worker looks whether it is there')
    const done = async () => {
      // It ends by itself a little later.
      await probe?.leave().catch((error: unknown) => log.warn({ err: error, lane: key }, 'probe not ended'))
    }
    const short = await this.#charge(lease, place, key)
    if (short !== undefined) {
      await done()
      return this.#waiting(key, now + short.waitMs, `its limit of ${short.kind} is reached`)
    }
    const round = this.#flows.get(key)?.round ?? 0
    return { kind: 'go', round, done }
  }

  /** While an attempt goes on. Messages were charged to the lane before it began, connections are when they are made. */
  async allow(place: Place, wanted: Wanted, source?: string): Promise<Allowed> {
    const [lane, own] = [this.ratesOf(place), sourceRuleFor(this.#deps.schedule.sources, source)?.rates]
    const connection = [{ kind: 'connections', amount: 1 }] as const
    if (wanted.kind === 'connection' && lane?.connections !== undefined) {
      const short = await charge(this.#deps, this.keyOf(place), lane, connection)
      if (short !== undefined) return refused(short, 'this destination')
    }
    if (own === undefined) return { granted: true }
    const charges: readonly Charge[] =
      wanted.kind === 'connection'
        ? connection
        : [
            { kind: 'messages', amount: 1 },
            { kind: 'recipients', amount: wanted.recipients },
            { kind: 'bytes', amount: wanted.bytes },
          ]
    const short = await charge(this.#deps, sourceKey(source), own, charges)
    if (short !== undefined) return { ...refused(short, source ?? 'our address'), own: true }
    return { granted: true, giveBack: () => giveBack(this.#deps, sourceKey(source), own, charges) }
  }

  /** After an attempt. */
  async learn(place: Place & { readonly message: string }, began: number, news: News): Promise<void> {
    if (!this.#isRemote(place)) return
    const { clock, log, metrics } = this.#deps
    const [key, terms, now] = [this.keyOf(place), this.#terms(place), clock.now()]
    if (news.heard !== undefined) {
      const before = this.#flows.get(key) ?? this.#asKnown(key, terms)
      const { flow, pauseMs } = flowAfter(before, news.heard, began, place.message, terms)
      this.#keep(key, flow, terms)
      if (news.heard === 'good' && this.suspensions.get(key)?.by === 'dead') {
        await this.suspensions.lift(key)
        log.info({ lane: key }, 'destination answers again')
      }
      if (pauseMs !== undefined) {
        metrics.count('queue.suspended')
        const until = now + pauseMs
        log.warn({ lane: key, until, why: news.why }, 'destination suspended: nobody answers')
        await this.suspensions.suspend({ key, until, since: now, why: news.why, by: 'dead' })
      }
    }
    if (news.suspendMs !== undefined) {
      metrics.count('queue.suspended')
      const { suspendMs, why, rule = '' } = news
      log.warn({ lane: key, until: now + suspendMs, rule, why }, 'destination suspended: it wants to be left alone')
      await this.suspensions.suspend({ key, until: now + suspendMs, since: now, why, by: 'reply', rule })
    }
  }

  /** Forgets that nobody answered there, or at its site. The lanes for which that changes something. */
  async answers(lanes: Iterable<string>): Promise<readonly Place[]> {
    const freed: Place[] = []
    for (const text of lanes) {
      const place = placeOf(text)
      for (const key of new Set([text, this.keyOf(place)])) {
        if (this.suspensions.get(key)?.by !== 'dead') continue
        freed.push(...[...this.lanesOf(key)].map(placeOf))
        this.#flows.delete(key)
        await this.suspensions.lift(key)
      }
    }
    return freed
  }

  /** For people: what is not as in the beginning. */
  get flows(): ReadonlyMap<string, Flow> {
    return this.#flows
  }

  configured(place: Place): number {
    return this.#terms(place).most
  }

  ratesOf(place: Place): Rates | undefined {
    return ruleFor(this.#deps.schedule.lanes, place)?.rates
  }

  #isRemote({ target }: Place): boolean {
    return this.#deps.targets.get(target)?.scope === 'remote'
  }

  #terms(place: Place): FlowTerms {
    const { schedule } = this.#deps
    const rule = ruleFor(schedule.lanes, place)
    const known = this.#termsOf.get(rule)
    if (known !== undefined) return known
    const longest = schedule.longestPauseMs ?? LONGEST_PAUSE_MS
    const most = rule?.perLane ?? schedule.perLane
    const pausesMs = (rule?.retryMs ?? schedule.retryMs).map(ms => Math.min(ms, longest))
    const terms = { most, least: Math.min(most, rule?.leastPerLane ?? 1), pausesMs }
    this.#termsOf.set(rule, terms)
    return terms
  }

  /** After a restart it is known from the suspension alone that a destination was dead. */
  #asKnown(key: string, terms: FlowTerms): Flow {
    const fresh = freshFlow(terms)
    return this.suspensions.get(key)?.by === 'dead' ? { ...fresh, window: terms.least, pauses: 1 } : fresh
  }

  #waiting(key: string, until: number, why: string): Leave {
    this.#waits.set(key, until)
    return { kind: 'wait', until, why }
  }

  async #charge(lease: Lease, place: Place, key: string) {
    const rates = this.ratesOf(place)
    if (rates === undefined) return undefined
    const { message, rows } = lease.claimed
    return charge(this.#deps, key, rates, [
      { kind: 'messages', amount: 1 },
      { kind: 'recipients', amount: rows.length },
      { kind: 'bytes', amount: message.bodySize },
    ])
  }

  #keep(key: string, flow: Flow, terms: FlowTerms): void {
    this.#flows.delete(key)
    if (isFresh(flow, terms)) return
    this.#flows.set(key, flow)
    if (this.#flows.size > MOST_FLOWS) this.#flows.delete(this.#flows.keys().next().value!)
  }

  #join(site: string, lane: string): void {
    const lanes = this.#members.get(site) ?? new Set()
    if (lanes.has(lane)) return
    // The site that got a new lane longest ago is forgotten first: its lanes join anew when they come by.
    for (const [other, its] of this.#members) {
      if (this.#memberCount < MOST_MEMBERS) break
      if (other === site) continue
      this.#members.delete(other)
      this.#memberCount -= its.size
    }
    // One site with more lanes than all may have together keeps its newest.
    if (this.#memberCount >= MOST_MEMBERS) {
      lanes.delete(lanes.values().next().value!)
      this.#memberCount -= 1
    }
    this.#members.delete(site)
    this.#members.set(site, lanes.add(lane))
    this.#memberCount += 1
  }
}

/** Of `target/lane`; targets have no slash in their names. */
function placeOf(text: string): Place {
  const [target = '', ...rest] = text.split('/')
  return { target, lane: rest.join('/') }
}

function refused({ kind, waitMs }: Short, who: string): Extract<Allowed, { granted: false }> {
  return { granted: false, waitMs, why: `the limit of ${kind} for ${who} is reached` }
}
