/**
 * Mail for suspended destinations: it is not claimed, so a million rows cost nothing. Now and then some of it is taken up without an attempt, those
 * first that have been due longest: their trail says why they wait, senders hear of the delay at its time, and what is over goes back.
 */
import type { Log, Outcome } from '../../api/index.js'
import { type AttemptParts, attempt } from '../attempt.js'
import { laneKey } from '../job.js'
import { Lease } from '../lease.js'
import type { Suspension } from './suspensions.js'
import type { Traffic } from './traffic.js'

export interface WaitingDeps {
  readonly attempt: AttemptParts
  readonly traffic: Traffic
  readonly leaseMs: number
  readonly log: Log
  readonly signal: AbortSignal
}

const EVERY_MS = 15_000
/** Jobs in one round, and lanes they are taken from. */
const BATCH = 200
const LANES = 500
/** So soon before the end of a suspension nothing is taken up, and so late after its beginning. */
const EDGE_MS = 5000

/** Looked at again after this, however long the suspension: for warnings and for what is over. */
const LONGEST_MS = 30 * 60_000

export class Waiting {
  readonly #deps: WaitingDeps
  #timer: NodeJS.Timeout | undefined
  #running: Promise<unknown> | undefined
  /** Lanes are taken by turns. */
  #from = 0

  constructor(deps: WaitingDeps) {
    this.#deps = deps
  }

  start(): void {
    if (this.#deps.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#running = this.round().finally(() => this.start())
    }, EVERY_MS).unref()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#running
    clearTimeout(this.#timer)
  }

  /** How many jobs were taken up. Never rejects. */
  async round(): Promise<number> {
    const { attempt: parts, leaseMs, log, signal, traffic } = this.#deps
    try {
      await traffic.suspensions.refresh()
      const now = parts.clock.now()
      const lanes = this.#lanes(now)
      if (lanes.size === 0) return 0
      const claimed = await parts.store.queue.claim({
        ...{ now, leaseMs, max: BATCH, only: new Set(lanes.keys()) },
        // New mail has nothing to tell that could not wait; what was tried may be over, or its sender wants to know.
        leastTried: BATCH / 2,
      })
      for (const one of claimed) {
        const row = one.rows[0]!
        const lease = new Lease(one, parts.store.queue, leaseMs, parts.clock, log)
        const why = lanes.get(laneKey(row))
        const own = log.child({ id: one.message.id, target: row.target })
        await attempt(
          parts,
          lease,
          own,
          signal,
          row.verdict !== undefined || why === undefined ? undefined : standIn(one.rows, why, now),
        )
      }
      return claimed.length
    } catch (error) {
      log.error({ err: error }, 'mail of suspended destinations cannot be looked at')
      return 0
    }
  }

  #lanes(now: number): ReadonlyMap<string, Suspension> {
    const { traffic } = this.#deps
    const all: [string, Suspension][] = []
    for (const one of traffic.suspensions.all) {
      if (one.until <= now + EDGE_MS || one.since > now - EDGE_MS) continue
      for (const lane of traffic.lanesOf(one.key)) all.push([lane, one])
    }
    const from = all.length === 0 ? 0 : this.#from % all.length
    this.#from = from + LANES
    return new Map([...all.slice(from), ...all.slice(0, from)].slice(0, LANES))
  }
}

/** What an attempt comes to that is not made. */
function standIn(
  rows: readonly { readonly row: number; readonly lane: string }[],
  suspension: Suspension,
  now: number,
) {
  const { why, by, rule, until } = suspension
  const outcomes = rows.map(({ row, lane }): Outcome => {
    const text = `no attempt was made, ${lane} gets nothing for now: ${why}`
    return { kind: 'deferred', row, text, ...MEANING[by], ...(rule === undefined ? {} : { rule }) }
  })
  return { outcomes, until: Math.min(until, now + LONGEST_MS) }
}

const MEANING = {
  // RFC 3463 §3.5: 4.4.1 no answer from host; §3.4: 4.3.2 not accepting; §3.8: 4.7.0
  dead: { status: '4.4.1', class: 'unreachable' },
  reply: { status: '4.7.0', class: 'rate-limited' },
  admin: { status: '4.3.2', class: 'policy' },
} as const
