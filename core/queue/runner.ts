/**
 * Takes mail out of the queue: claims what is due, runs a bounded number of attempts at a time (and per lane), and wakes when the store
 * says so, when the next row is due, or after a minute at the latest. It may run in several processes over one store.
 * `stop` drains: nothing new is claimed, what runs may finish within a grace time, every lease is given back.
 */

import { setMaxListeners } from 'node:events'
import type { Bus, Clock, Dispatcher, Log, Metrics, NewRow, Replies, ServerFacts, State, Store } from '../api/index.js'
import type { Intake } from '../pipeline/intake-types.js'
import type { Place } from '../pipeline/parts.js'
import type { Pipeline } from '../pipeline/pipeline.js'
import { toAsciiDomain } from '../text/index.js'
import type { AttemptParts } from './attempt.js'
import { attempt } from './attempt.js'
import { createDispatcher } from './dispatcher.js'
import { Inspection } from './inspection.js'
import { Lanes } from './lanes.js'
import { Lease } from './lease.js'
import { Limits } from './limits.js'
import { Placing } from './placing.js'
import { signatures } from './signatures.js'
import { broughtForward } from './traffic/forward.js'
import { newsOf } from './traffic/heard.js'
import { Reporter } from './traffic/report.js'
import { Traffic } from './traffic/traffic.js'
import { Waiting } from './traffic/waiting.js'

export type RunnerSchedule = AttemptParts['schedule'] & {
  /** Attempts at a time. */
  readonly concurrency: number
  /** Attempts at a time in one lane. */
  readonly perLane: number
  readonly leaseMs: number
  /** Held mail goes back at this age; left out: never by itself. */
  readonly heldExpireMs?: number
  /** The longest pause for a destination where nobody answers; default 30 minutes. */
  readonly longestPauseMs?: number
}

export interface QueueRunnerDeps {
  readonly store: Store
  readonly targets: AttemptParts['targets']
  readonly plan: Intake['plan']
  readonly server: Pick<ServerFacts, 'name'> & { readonly domains?: Iterable<string> }
  readonly schedule: RunnerSchedule
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Says what replies of other servers mean; left out: nobody does. */
  readonly replies?: Pick<Replies, 'classify'>
  /** Asked for signatures, told of outcomes. */
  readonly pipeline: Pick<Pipeline, 'gather' | 'tell'>
  /** In [0, 1), for jitter. */
  readonly random?: () => number
  /** The longest one attempt may take; default 30 minutes. */
  readonly deliveryMs?: number
  /** Whether the queue is looked after from here: in one process of an install. */
  readonly inspects?: boolean
  /** What workers know together of destinations; left out: each knows for itself. */
  readonly state?: State
  readonly bus?: Bus
}

/** The safety net under `watch` and `nextDue`: also finds leases of dead processes. */
const MAX_SLEEP_MS = 60_000
/** New rows may fall due while attempts run. */
const BUSY_SLEEP_MS = 500
/** Least pause when rows are due that nobody could claim. */
const MIN_SLEEP_MS = 50
/** After trouble with the store. */
const TROUBLE_SLEEP_MS = 1000
const DELIVERY_MS = 30 * 60_000

/** Jobs have no session: `unless` and `on` of an entry see no label. */
const NO_LABELS: ReadonlySet<string> = new Set()

export class QueueRunner {
  readonly #deps: QueueRunnerDeps
  readonly #parts: AttemptParts
  readonly #lanes: Lanes
  readonly #traffic: Traffic
  readonly #waiting: Waiting
  readonly #reporter: Reporter
  readonly inspection: Inspection
  readonly #attempts = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #draining = new AbortController()
  #unwatch: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #claiming: Promise<void> | undefined
  #again = false
  /** The last claim found nothing, with no lane left out because it was busy. Suspended lanes open at a time or with news, not when an attempt ends. */
  #allSeen = false
  readonly #placing: Placing
  #state: 'new' | 'running' | 'draining' = 'new'

  constructor(deps: QueueRunnerDeps) {
    const { store, targets, pipeline, schedule, clock, metrics } = deps
    this.#deps = deps
    setMaxListeners(0, this.#stopping.signal)
    const { state, bus, log } = deps
    const known = { state, clock, log }
    const shared = bus === undefined ? {} : { bus }
    this.#traffic = new Traffic({ schedule, targets, metrics, ...known, ...shared }, () => this.wake())
    this.#lanes = new Lanes(schedule.concurrency, this.#traffic)
    this.#placing = new Placing({ schedule, lanes: this.#lanes, traffic: this.#traffic, clock }, (jobs, body) => {
      const begun = this.#take(jobs.map(one => this.#leaseOf(one, body))).finally(() => this.#attempts.delete(begun))
      this.#attempts.add(begun)
    })
    this.#reporter = new Reporter({ ...known, worker: String(process.pid) }, this.#lanes, this.#traffic)
    this.#parts = {
      store,
      targets,
      schedule,
      clock,
      metrics,
      notices: { plan: deps.plan, server: deps.server.name, postmaster: postmasterOf(deps.server) },
      random: deps.random ?? Math.random,
      limits: new Limits(deps.deliveryMs ?? DELIVERY_MS),
      sign: (job, scope) => signatures(pipeline, job, scope),
      settled: (job, outcomes, scope) => pipeline.tell('settled', { job, outcomes }, NO_LABELS, scope),
      delivered: lease => this.#delivered(lease),
      happened: (event, scope) => pipeline.tell('event', { event }, NO_LABELS, scope),
      ...(deps.replies === undefined ? {} : { replies: deps.replies }),
      allow: (place, wanted, source) => this.#traffic.allow(place, wanted, source),
    }
    this.inspection = this.#inspection(schedule)
    this.#waiting = new Waiting({
      attempt: this.#parts,
      traffic: this.#traffic,
      leaseMs: schedule.leaseMs,
      log,
      signal: this.#draining.signal,
    })
  }

  /** What is known of destinations; for tests. */
  get traffic(): Traffic {
    return this.#traffic
  }

  /** Takes mail of suspended destinations up without an attempt; by itself now and then. */
  lookAtWaiting(): Promise<number> {
    return this.#waiting.round()
  }

  #inspection({ heldExpireMs, leaseMs }: RunnerSchedule): Inspection {
    return new Inspection({
      attempt: this.#parts,
      log: this.#deps.log,
      leaseMs,
      ...(heldExpireMs === undefined ? {} : { heldExpireMs }),
      giveBackExpired: async () => {
        const now = this.#deps.clock.now()
        const over = this.#lanes.takeParked(({ claimed }) => claimed.rows.some(row => row.expires < now))
        await Promise.all(over.map(lease => this.#giveBack(lease)))
      },
      signal: this.#draining.signal,
    })
  }

  /** Works beside the runner's own jobs, within the same grace time. */
  dispatcher(graceMs?: number): Dispatcher {
    const { drain } = createDispatcher({
      attempt: this.#parts,
      schedule: this.#deps.schedule,
      log: this.#deps.log,
      graceMs,
    })
    return {
      drain,
      answers: async lanes => {
        const freed = await this.#traffic.answers(lanes)
        this.wake()
        await broughtForward(this.#deps.store.queue, freed, this.#deps.clock.now())
      },
    }
  }

  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'running'
    this.#unwatch = this.#deps.store.queue.watch(() => this.wake())
    if (this.#deps.inspects === true) {
      this.inspection.start()
      this.#waiting.start()
    }
    this.#reporter.start()
    this.wake()
  }

  /** Something may be due. Cheap, may be called at any time. */
  wake(): void {
    if (this.#state !== 'running') return
    if (this.#claiming !== undefined) {
      this.#again = true
      return
    }
    this.#claiming = this.#claim().finally(() => {
      this.#claiming = undefined
      if (this.#again) {
        this.#again = false
        this.wake()
      }
    })
  }

  /** Resolves when nothing runs any more: attempts still under way after `graceMs` are cut short and their rows given back. */
  async stop(graceMs = 20_000): Promise<void> {
    this.#state = 'draining'
    this.#draining.abort()
    this.#placing.close()
    this.#unwatch?.()
    this.#reporter.stop()
    this.#traffic.close()
    clearTimeout(this.#timer)
    await this.#claiming
    await Promise.all(this.#lanes.clear().map(lease => this.#giveBack(lease)))
    const timer = setTimeout(() => this.#stopping.abort(), graceMs)
    while (this.#attempts.size > 0) await Promise.all(this.#attempts)
    await this.inspection.stop()
    await this.#waiting.stop()
    clearTimeout(timer)
  }

  /** Never rejects. */
  async #claim(): Promise<void> {
    clearTimeout(this.#timer)
    this.#allSeen = false
    let sleepMs = MAX_SLEEP_MS
    try {
      await this.#traffic.suspensions.refresh()
      while (this.#state === 'running' && this.#lanes.room > 0) {
        const { room: max, shares } = this.#lanes
        const { busy } = this.#lanes
        const except = this.#closed(busy)
        const claimed = await this.#deps.store.queue.claim({
          now: this.#deps.clock.now(),
          leaseMs: this.#deps.schedule.leaseMs,
          max,
          except,
          perLane: this.#deps.schedule.perLane,
          ...shares,
        })
        this.#placing.open = claimed.length < max
        this.#allSeen = claimed.length === 0 && busy.size === 0 && shares.mostTried > 0
        if (claimed.length === 0) break
        await this.#take(claimed.map(one => this.#leaseOf(one)))
      }
      sleepMs = await this.#untilDue()
    } catch (error) {
      this.#deps.log.error({ err: error }, 'queue cannot be read')
      sleepMs = TROUBLE_SLEEP_MS
    }
    if (this.#state === 'running') this.#timer = setTimeout(() => this.wake(), sleepMs)
  }

  /** See `Placing`. */
  place(rows: readonly NewRow[]): Place | undefined | Promise<Place | undefined> {
    return this.#placing.place(rows)
  }

  /** A stop that came while we were claiming gives everything back. */
  async #take(leases: readonly Lease[]): Promise<void> {
    if (this.#state !== 'running') await Promise.all(leases.map(lease => this.#giveBack(lease)))
    else await this.#admit(leases)
  }

  /** Lanes not to be claimed from: busy, suspended, or beyond their rate. */
  #closed(busy: ReadonlySet<string>): ReadonlySet<string> {
    const lanes = new Set(busy)
    for (const lane of this.#traffic.blocked(this.#deps.clock.now())) lanes.add(lane)
    return lanes
  }

  /** While attempts run, each end wakes us; only an idle runner asks the store when the next row is due. */
  async #untilDue(): Promise<number> {
    if (this.#lanes.running > 0) return BUSY_SLEEP_MS
    // the store does not say when the leases of the dead run out
    const longestMs = Math.min(MAX_SLEEP_MS, this.#deps.schedule.leaseMs)
    const { nextDue } = await this.#deps.store.queue.totals()
    if (nextDue === undefined) return longestMs
    const now = this.#deps.clock.now()
    const free = this.#traffic.freeAt(now)
    // What is due and may not go yet is no reason to look again at once.
    if (nextDue <= now && free !== undefined) return Math.min(Math.max(free - now, MIN_SLEEP_MS), BUSY_SLEEP_MS)
    return Math.min(longestMs, Math.max(MIN_SLEEP_MS, nextDue - now))
  }

  #leaseOf(claimed: Lease['claimed'], body?: Buffer): Lease {
    const { store, schedule, clock, log } = this.#deps
    return new Lease(claimed, store.queue, schedule.leaseMs, clock, log, body)
  }

  /** What finds no place is given back at the end: by then the lanes of all of them are known, and are not claimed from again at once. */
  async #admit(leases: readonly Lease[]): Promise<void> {
    const back: Lease[] = []
    for (const lease of leases) {
      const place = this.#lanes.enter(lease)
      if (place === 'back') back.push(lease)
      if (place !== 'run') continue
      const running = this.#run(lease).finally(() => this.#attempts.delete(running))
      this.#attempts.add(running)
    }
    await Promise.all(back.map(lease => this.#giveBack(lease)))
  }

  async #run(lease: Lease): Promise<void> {
    const { message, rows } = lease.claimed
    const log = this.#deps.log.child({ id: message.id, target: rows[0]?.target })
    try {
      await this.#go(lease, log)
    } catch (error) {
      log.error({ err: error }, 'destination cannot be looked at')
      await this.#giveBack(lease)
    }
    this.#lanes.leave(lease)
    await this.#next()
  }

  /** An attempt, when its destination may have one. */
  async #go(lease: Lease, log: Log): Promise<void> {
    const leave = await this.#traffic.leaveFor(lease)
    if (leave.kind === 'wait') return this.#giveBack(lease)
    try {
      const { stopping, traffic } = { stopping: this.#stopping.signal, traffic: this.#traffic }
      const settled = await attempt(this.#parts, lease, log, stopping)
      if (settled === undefined || stopping.aborted) return
      const { rows, message } = lease.claimed
      const { target, lane, verdict } = rows[0]!
      if (verdict !== undefined) return
      await traffic.learn({ target, lane, message: message.id }, leave.round, newsOf(settled.outcomes, settled.actions))
    } finally {
      await leave.done()
    }
  }

  /**
   * The place is free while it is written down that all is delivered; as many may be written down at once as may be delivered. An attempt that went
   * otherwise, or that was a probe, keeps its place until it is known what it means for the destination.
   */
  #delivered(lease: Lease): void {
    const { size } = this.#attempts
    if (size >= 2 * this.#deps.schedule.concurrency || this.#traffic.isSuspect(lease.claimed.rows[0]!)) return
    this.#lanes.leave(lease)
    void this.#next()
  }

  /** A place is free: parked jobs first, then the queue. */
  async #next(): Promise<void> {
    if (this.#state !== 'running') return
    const now = this.#deps.clock.now()
    const shut = this.#lanes.takeParked(({ claimed }) => this.#traffic.isBlocked(claimed.rows[0]!, now))
    if (shut.length > 0) await Promise.all(shut.map(lease => this.#giveBack(lease)))
    for (let lease = this.#lanes.unpark(); lease !== undefined; lease = this.#lanes.unpark()) {
      if (lease.lost) lease.end()
      else await this.#admit([lease])
    }
    this.#placing.freed()
    // Where nothing waits a free place changes nothing; what comes now wakes us itself.
    if (!this.#allSeen) this.wake()
  }

  async #giveBack(lease: Lease): Promise<void> {
    lease.end()
    try {
      await this.#deps.store.queue.release(lease.claimed.token)
    } catch (error) {
      this.#deps.log.warn({ err: error, id: lease.claimed.message.id }, 'lease not released')
    }
  }
}

/** RFC 5321 §4.5.1: every domain has one; that of our host name may be nobody's. */
function postmasterOf({ name, domains = [] }: QueueRunnerDeps['server']): string {
  const [first] = domains
  return `postmaster@${first === undefined ? name : (toAsciiDomain(first) ?? name)}`
}
