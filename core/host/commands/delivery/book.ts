/** What these commands know of destinations; it comes from `core/queue`, which the host does not know. */
import type { Budget, Bus, Queue, State } from '../../../api/index.js'
import type { QueueConfig } from '../../../config/types.js'

export interface Place {
  readonly target: string
  readonly lane: string
}

export interface Suspension {
  readonly key: string
  readonly until: number
  readonly since: number
  readonly why: string
  readonly by: 'dead' | 'reply' | 'admin'
  readonly rule?: string
}

export interface LaneReport {
  readonly key: string
  readonly running: number
  readonly window: number
  readonly most: number
}

export type RateUse = { readonly kind: string; readonly budget: Budget; readonly used: number }

export interface LaneBook {
  suspended(state: State, now: number): Promise<readonly Suspension[]>
  flows(state: State, now: number): Promise<readonly LaneReport[]>
  suspend(state: State, bus: Bus, suspension: Suspension): Promise<void>
  resume(state: State, bus: Bus, key: string): Promise<boolean>
  /** Mail of these lanes that waits for the end of a suspension is due now; how many rows. */
  broughtForward(queue: Pick<Queue, 'list' | 'change'>, lanes: Iterable<Place>, now: number): Promise<number>
  keyOf(place: Place, site?: string): string
  rulesOf(
    queue: Pick<QueueConfig, 'lanes' | 'sources'>,
    place: Place,
    source: string,
  ): { readonly lane?: number; readonly source?: number }
  used(
    state: State | undefined,
    key: string,
    rates: NonNullable<QueueConfig['lanes'][number]['rates']>,
    now: number,
  ): Promise<readonly RateUse[]>
}
