/**
 * Looks after the promise that nobody is forgotten: counts, and ends what is over but cannot come to its turn. Now and then, beside the
 * runner, in one process of an install (in two, for a moment, it does no harm).
 * What it ends is told to the sender as by the runner itself: it only sets a verdict and then settles it.
 */
import type { QueueCondition, QueuedMessage, QueueRow, TrailEntry } from '../api/index.js'
import { formatAddress, formatDuration, printable } from '../text/index.js'
import { type AttemptParts, attempt } from './attempt.js'
import { laneKey } from './job.js'
import { Lease } from './lease.js'
import type { QueueRunnerDeps } from './runner.js'

export interface InspectionDeps {
  readonly attempt: AttemptParts
  readonly log: QueueRunnerDeps['log']
  readonly leaseMs: number
  /** After this time since it was received, held mail goes back too; left out: it waits for its admin. */
  readonly heldExpireMs?: number
  /** Gives back what is parked under lease beyond its time, so that it can be ended here. */
  readonly giveBackExpired: () => Promise<void>
  readonly signal: AbortSignal
}

/** A round looks at every row; it takes at most a fiftieth of the time. */
const ROUND_MS = 300_000
const REST = 50
const FIRST_MS = 60_000
/** So long a row may be over, and due, while we run, before it is said that its turn does not come: after an outage all have a last try. */
const LATE_MS = 4 * 3_600_000
/** Messages ended in one round; the others in the next. */
const MOST = 1000
/** Jobs claimed at a time. */
const BATCH = 200
const LATE: readonly QueueCondition[] = [
  { field: 'held', is: '=', value: false },
  { field: 'leased', is: '=', value: false },
  { field: 'due', is: '>', value: LATE_MS },
  { field: 'expires', is: '<', value: -LATE_MS },
]

export class Inspection {
  readonly #deps: InspectionDeps
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #wasEmpty = true
  /** Of the first round. */
  #since: number | undefined

  constructor(deps: InspectionDeps) {
    this.#deps = deps
  }

  start(waitMs = FIRST_MS): void {
    if (this.#deps.signal.aborted) return
    this.#timer = setTimeout(() => {
      const began = performance.now()
      this.#running = this.round().finally(() => this.start(Math.max(ROUND_MS, (performance.now() - began) * REST)))
    }, waitMs).unref()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#running
    clearTimeout(this.#timer)
  }

  /** Never rejects. */
  async round(): Promise<void> {
    try {
      await this.#endLate()
      await this.#endHeld()
      await this.#count()
    } catch (error) {
      this.#deps.log.error({ err: error }, 'queue cannot be inspected')
    }
  }

  /** Their lane is busy with something that does not end, or nobody has claimed them for another reason. */
  async #endLate(): Promise<void> {
    const now = this.#deps.attempt.clock.now()
    this.#since ??= now
    if (now - this.#since < LATE_MS) return
    await this.#deps.giveBackExpired()
    const lanes = new Set<string>()
    for await (const message of this.#deps.attempt.store.queue.list({ where: LATE, limit: MOST })) {
      await this.#fail(
        message,
        message.rows.filter(row => row.verdict === undefined),
        row => `its time was over before its turn came${row.last === undefined ? '' : `: ${row.last.text}`}`,
      )
      for (const row of message.rows) lanes.add(laneKey(row))
      if (this.#deps.signal.aborted) break
    }
    if (lanes.size > 0) await this.#settleVerdicts(lanes)
  }

  async #endHeld(): Promise<void> {
    const { heldExpireMs, attempt: parts } = this.#deps
    if (heldExpireMs === undefined) return
    const where: readonly QueueCondition[] = [
      { field: 'held', is: '=', value: true },
      { field: 'leased', is: '=', value: false },
      { field: 'age', is: '>', value: heldExpireMs },
    ]
    for await (const message of parts.store.queue.list({ where, limit: MOST })) {
      const says = (row: QueueRow) => `held for ${formatDuration(heldExpireMs)} (${row.hold ?? ''})`
      // FUTURERELEASE: it is not late before its time.
      if ((message.holdUntil ?? 0) + heldExpireMs <= parts.clock.now()) await this.#fail(message, message.rows, says)
      if (this.#deps.signal.aborted) return
    }
  }

  /** Row by row: each has its own words. */
  async #fail(message: QueuedMessage, rows: readonly QueueRow[], says: (row: QueueRow) => string): Promise<void> {
    const { store, clock } = this.#deps.attempt
    for (const row of rows) {
      const text = printable(says(row), 500)
      // RFC 3463 §3.5: X.4.7, delivery time expired.
      const verdict = { status: '5.4.7', text, expired: true }
      const entry: TrailEntry = {
        id: message.id,
        at: clock.now(),
        event: 'expiring',
        says: `Its time is over for ${formatAddress(row.original)}: ${text}`,
        facts: { status: verdict.status },
      }
      await store.queue.change(message.id, { kind: 'fail', verdict }, [row.row], [entry])
    }
  }

  /** The runner does not claim from busy lanes; a verdict needs no place in them. */
  async #settleVerdicts(only: ReadonlySet<string>): Promise<void> {
    const { attempt: parts, leaseMs, signal } = this.#deps
    while (!signal.aborted) {
      const now = parts.clock.now()
      const claimed = await parts.store.queue.claim({ now, leaseMs, max: BATCH, only })
      const decided = claimed.filter(one => one.rows[0]!.verdict !== undefined)
      const others = claimed.filter(one => !decided.includes(one))
      await Promise.all(others.map(one => parts.store.queue.release(one.token)))
      for (const one of decided) {
        const log = this.#deps.log.child({ id: one.message.id, target: one.rows[0]!.target })
        await attempt(parts, new Lease(one, parts.store.queue, leaseMs, parts.clock, log), log, signal)
      }
      if (decided.length === 0 || claimed.length < BATCH) return
    }
  }

  async #count(): Promise<void> {
    const { attempt: parts, log } = this.#deps
    const now = parts.clock.now()
    const { rows, adrift, broken, oldestDue } = await parts.store.queue.audit(now)
    const { messages, held } = await parts.store.queue.totals()
    const oldestDueMs = oldestDue === undefined ? 0 : Math.max(0, now - oldestDue)
    const numbers = { rows, held, adrift, oldestDueMs }
    for (const [name, value] of Object.entries(numbers)) parts.metrics.observe(`queue.${name}`, value)
    if (adrift > 0) log.warn({ ...numbers, messages, broken }, 'queue has forgotten recipients')
    else if (rows > 0 || !this.#wasEmpty) log.info({ ...numbers, messages, broken }, 'queue')
    this.#wasEmpty = rows === 0
  }
}
