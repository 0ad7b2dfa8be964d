/**
 * Tells people, through the state of the store, what this worker has under way by destination: for `posthouse delivery lanes` and `explain`.
 * Bounded, and forgotten soon after the worker is.
 */
import type { Clock, Log, State } from '../../api/index.js'
import type { Lanes } from '../lanes.js'
import type { Traffic } from './traffic.js'

export interface LaneReport {
  readonly key: string
  /** Under way. */
  readonly running: number
  /** At once, now; and at most. */
  readonly window: number
  readonly most: number
}

export const FLOWS = 'delivery/flow/'

const EVERY_MS = 3000
const KEPT_MS = 10_000
const MOST = 200

export interface ReporterDeps {
  readonly state: State | undefined
  readonly clock: Clock
  readonly log: Log
  readonly worker: string
}

export class Reporter {
  readonly #deps: ReporterDeps
  readonly #lanes: Lanes
  readonly #traffic: Traffic
  #timer: NodeJS.Timeout | undefined
  #told = ''

  constructor(deps: ReporterDeps, lanes: Lanes, traffic: Traffic) {
    this.#deps = deps
    this.#lanes = lanes
    this.#traffic = traffic
  }

  start(): void {
    if (this.#deps.state === undefined) return
    this.#timer = setInterval(() => void this.tell(), EVERY_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Never rejects. Nothing is written while there is nothing to tell. */
  async tell(): Promise<void> {
    const { state, clock, log, worker } = this.#deps
    const lanes = this.#report()
    const text = JSON.stringify(lanes)
    if (state === undefined || (lanes.length === 0 && this.#told === text)) return
    try {
      await state.put(`${FLOWS}${worker}`, text, clock.now() + KEPT_MS)
      this.#told = text
    } catch (error) {
      log.debug({ err: error }, 'lanes cannot be told')
    }
  }

  #report(): readonly LaneReport[] {
    const found: LaneReport[] = []
    for (const [key, { count, place }] of this.#lanes.counts) {
      found.push({ key, running: count, window: this.#traffic.most(key, place), most: this.#traffic.configured(place) })
    }
    for (const [key, { window }] of this.#traffic.flows) {
      if (found.length >= MOST) break
      if (!this.#lanes.counts.has(key)) found.push({ key, running: 0, window, most: 0 })
    }
    return found.sort((a, b) => b.running - a.running).slice(0, MOST)
  }
}
