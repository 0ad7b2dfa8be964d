/**
 * Places among the deliveries for mail that is being accepted, when it may go at once: then it is under a lease with its commit and needs no
 * claim. None while mail waits that claims cannot keep up with, nor when only those are left that are kept for what was tried before. Until the
 * mail is on disk others end, so as many places are promised as there are; what finds none then is parked, as ever.
 * Where none is free, mail waits a moment for one: places come free faster than a claim is made, and who brings more than goes out is slowed down.
 */
import type { Claimed, Clock, NewRow } from '../api/index.js'
import type { Place } from '../pipeline/parts.js'
import { Doorway } from './doorway.js'
import { laneKey } from './job.js'
import type { Lanes } from './lanes.js'
import type { Traffic } from './traffic/traffic.js'

export interface PlacingParts {
  readonly schedule: { readonly concurrency: number; readonly leaseMs: number }
  readonly lanes: Pick<Lanes, 'room' | 'shares' | 'isBusy'>
  readonly traffic: Pick<Traffic, 'isBlocked'>
  readonly clock: Clock
}

/** Mail that may wait for a place at a time. */
const MOST_WAITING = 200

export class Placing {
  readonly #parts: PlacingParts
  readonly #begin: (jobs: readonly Claimed[], body?: Buffer) => void
  readonly #doorway: Doorway<NewRow, Place>
  /** Given, and not begun yet. */
  #promised = 0
  #open = false

  /** `begin`: the mail is on disk and its jobs are ours. */
  constructor(parts: PlacingParts, begin: (jobs: readonly Claimed[], body?: Buffer) => void) {
    this.#parts = parts
    this.#begin = begin
    this.#doorway = new Doorway(MOST_WAITING, () => parts.clock.now())
  }

  /** Claims keep up: the last one found less than there was room for. */
  set open(open: boolean) {
    this.#open = open
    if (!open) this.#doorway.close()
  }

  place(rows: readonly NewRow[]): Place | undefined | Promise<Place | undefined> {
    const [first] = rows
    if (first === undefined || !this.#open) return undefined
    const lane = laneKey(first)
    const now = this.#parts.clock.now()
    if (rows.some(row => laneKey(row) !== lane || row.hold !== undefined || row.due > now)) return undefined
    if (this.#parts.traffic.isBlocked(first, now)) return undefined
    // Who came first goes first.
    return (this.#doorway.size === 0 ? this.#placeFor(first) : undefined) ?? this.#doorway.wait(first)
  }

  /** A delivery has ended. */
  freed(): void {
    if (this.#doorway.size > 0) this.#doorway.open(row => this.#placeFor(row))
  }

  /** Nobody gets a place any more. */
  close(): void {
    this.open = false
  }

  #placeFor(row: NewRow): Place | undefined {
    const { lanes, schedule, traffic, clock } = this.#parts
    const { room, shares } = lanes
    const now = clock.now()
    if (room <= shares.leastTried || this.#promised >= schedule.concurrency || lanes.isBusy(row)) return undefined
    if (traffic.isBlocked(row, now)) return undefined
    this.#promised += 1
    return {
      lend: { now, leaseMs: schedule.leaseMs, max: 1 },
      begin: (jobs, body) => {
        this.#promised -= 1
        this.#begin(jobs, body)
        // It may have come to nothing.
        if (jobs.length === 0) this.freed()
      },
    }
  }
}
