/**
 * What the command line may know and do about destinations, beside a running server or without one: it reads and writes the same state as the
 * workers do. Core's host does not know the queue; `core/main.ts` hands this to its commands.
 */
import type { Bus, State } from '../../api/index.js'
import { laneKey } from '../job.js'
import { type LaneRule, type Place, ruleFor } from '../lane-rules.js'
import { broughtForward } from './forward.js'
import { usedOf } from './rates.js'
import { FLOWS, type LaneReport } from './report.js'
import { type SourceRule, sourceRuleFor } from './source-rules.js'
import {
  BY_HAND,
  longest,
  NEWS,
  readSuspension,
  removeSuspension,
  SUSPENDED,
  type Suspension,
  stateKeyOf,
} from './suspensions.js'

interface Queue {
  readonly lanes: readonly LaneRule[]
  readonly sources: readonly SourceRule[]
}

export const laneBook = {
  async suspended(state: Pick<State, 'list'>, now: number): Promise<readonly Suspension[]> {
    const entries = [...(await state.list(BY_HAND, now)), ...(await state.list(SUSPENDED, now))]
    return [...longest(entries.flatMap(({ value }) => readSuspension(value))).values()]
  },

  /** All workers together. */
  async flows(state: Pick<State, 'list'>, now: number): Promise<readonly LaneReport[]> {
    const sums = new Map<string, { key: string; running: number; window: number; most: number }>()
    for (const { value } of await state.list(FLOWS, now)) {
      for (const { key, running, window, most } of readReports(value)) {
        const sum = sums.get(key) ?? { key, running: 0, window: 0, most: 0 }
        sum.running += running
        sum.window += window
        sum.most = Math.max(sum.most, most)
        sums.set(key, sum)
      }
    }
    return [...sums.values()].sort((a, b) => b.running - a.running || (a.key < b.key ? -1 : 1))
  },

  async suspend(state: Pick<State, 'put'>, bus: Pick<Bus, 'publish'>, suspension: Suspension): Promise<void> {
    await state.put(stateKeyOf(suspension), JSON.stringify(suspension), suspension.until)
    bus.publish(NEWS, suspension.key)
  },

  /** Whether it was suspended. */
  async resume(state: Pick<State, 'remove'>, bus: Pick<Bus, 'publish'>, key: string): Promise<boolean> {
    const there = await removeSuspension(state, key)
    bus.publish(NEWS, key)
    return there
  },

  broughtForward,

  keyOf(place: Place, site?: string): string {
    return site === undefined ? laneKey(place) : `${place.target}/${site}`
  },

  /** Which rules are meant, by their number; left out: none. */
  rulesOf(
    { lanes, sources }: Queue,
    place: Place,
    source: string,
  ): { readonly lane?: number; readonly source?: number } {
    const [rule, of] = [ruleFor(lanes, place), sourceRuleFor(sources, source)]
    return {
      ...(rule === undefined ? {} : { lane: lanes.indexOf(rule) }),
      ...(of === undefined ? {} : { source: sources.indexOf(of) }),
    }
  },

  used: usedOf,
}

function readReports(value: string): readonly LaneReport[] {
  try {
    const found = JSON.parse(value) as readonly LaneReport[]
    return Array.isArray(found)
      ? found.filter(({ key, running }) => typeof key === 'string' && Number.isFinite(running))
      : []
  } catch {
    return []
  }
}
