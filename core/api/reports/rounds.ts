/**
 * Who sends the reports of periods that are over: one of all workers, at some moment of a spread, each report once. What has become of a report is noted
 * when it is known; a crash in between is made good by the mailer, which takes the same mail once. What fails is tried again for a day.
 */
import { createHash } from 'node:crypto'
import { DAY_MS } from '../../text/day.js'
import type { Clock, Log, Metrics } from '../plugin.js'
import type { State } from '../stores.js'

/** A time that reports speak of. */
export interface ReportPeriod {
  /** In keys: `2026-11-21`. Without slashes. */
  readonly name: string
  readonly until: number
  readonly spreadMs: number
}

/** What became of a report: taken by somebody, not wanted, or to be tried again. */
export interface SentReport {
  readonly fate: 'sent' | 'unwanted' | 'failed'
  /** Why not, or why others that were named have not got it. */
  readonly why?: string
  readonly to?: string
}

export interface RoundsParts<T> {
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly signal: AbortSignal
  /** Our host name: installs do not all send at the same moment. */
  readonly server: string
  /** Of the plugin, for metrics: `tls-rpt`. */
  readonly plugin: string
  /** For the log: `TLS`. */
  readonly about: string
  /** All that were over at `now` and not long before. */
  periods(now: number): readonly ReportPeriod[]
  reports(period: ReportPeriod): Promise<readonly T[]>
  /** What tells the reports of a period apart. */
  keyOf(report: T): string
  /** For the log. */
  facts(report: T, period: ReportPeriod): object
  send(period: ReportPeriod, report: T): Promise<SentReport>
}

const LOOK_MS = 300_000
/** Other workers may still have something of the period to add. */
const LEAST_DELAY_MS = 60_000
/** RFC 8460 §5.5; RFC 7489 leaves it open. */
const TRY_MS = DAY_MS
const FIRST_RETRY_MS = 900_000
const LONGEST_RETRY_MS = 6 * 3_600_000
const KEEP_MS = 4 * DAY_MS
const MAX_LISTED = 200_000
/** At a time: one whose places do not answer keeps only a few others waiting. */
const AT_ONCE = 8

export class ReportRounds<T> {
  readonly #parts: RoundsParts<T>
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined

  constructor(parts: RoundsParts<T>) {
    this.#parts = parts
  }

  start(): void {
    this.#running = this.#round()
  }

  /** What is under way ends by `signal`. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#running
  }

  async #round(): Promise<void> {
    const { log, signal, about } = this.#parts
    try {
      await this.look()
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, `reports about ${about} could not be sent`)
    }
    if (signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#running = this.#round()
    }, LOOK_MS)
  }

  /** Sends what is due, unless another worker is at it. */
  async look(): Promise<void> {
    const { state, clock } = this.#parts
    const now = clock.now()
    const due = this.#parts.periods(now).filter(period => this.#isDue(period, now))
    if (due.length === 0) return
    const place = await state.enter('sending', 1, now)
    if (place === undefined) return
    try {
      for (const period of due) await this.#period(period)
    } finally {
      await place.leave()
    }
  }

  #isDue(period: ReportPeriod, now: number): boolean {
    const from = period.until + LEAST_DELAY_MS + this.#delayOf(period)
    return now >= from && now < from + TRY_MS
  }

  /** RFC 8460 §4.1: some moment of the spread, the same for all workers. */
  #delayOf({ name, spreadMs }: ReportPeriod): number {
    const draw = createHash('sha256').update(`${this.#parts.server} ${name}`).digest().readUInt32BE(0) / 2 ** 32
    return Math.floor(draw * spreadMs)
  }

  async #period(period: ReportPeriod): Promise<void> {
    const { state, clock, signal, keyOf } = this.#parts
    const { name } = period
    const now = clock.now()
    if ((await state.get(`done/${name}`, now)) !== undefined) return
    const [told, waiting] = await Promise.all(
      ['told', 'wait'].map(kind => state.list(`${kind}/${name}/`, now, MAX_LISTED)),
    )
    // `told` and `wait` are equally long.
    const settled = new Set([...told!, ...waiting!].map(({ key }) => key.slice(`told/${name}/`.length)))
    let left = waiting!.length
    const open = (await this.#parts.reports(period)).filter(report => !settled.has(keyOf(report))).values()
    const isOver = () => signal.aborted || !this.#isDue(period, clock.now())
    const send = async () => {
      for (const report of open) {
        if (isOver()) return
        if ((await this.#report(period, report)) === 'failed') left += 1
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, send))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    if (left === 0 && !isOver()) await state.put(`done/${name}`, '1', now + KEEP_MS)
  }

  async #report(period: ReportPeriod, report: T): Promise<SentReport['fate']> {
    const { state, clock, log, metrics, signal, plugin, about } = this.#parts
    const key = `${period.name}/${this.#parts.keyOf(report)}`
    const { fate, why, to } = await this.#parts.send(period, report)
    if (signal.aborted && fate === 'failed') return fate
    const now = clock.now()
    const facts = this.#parts.facts(report, period)
    metrics.count(`${plugin}.report-${fate}`)
    if (fate !== 'failed') {
      await state.put(`told/${key}`, fate, now + KEEP_MS)
      if (fate === 'sent') log.info({ ...facts, to, why }, `report about ${about} sent`)
      else log.debug({ ...facts, why }, `report about ${about} is not wanted`)
      return fate
    }
    const tries = await state.add(`tries/${key}`, 1, now, now + KEEP_MS)
    await state.put(`wait/${key}`, '1', now + Math.min(FIRST_RETRY_MS * 2 ** (tries - 1), LONGEST_RETRY_MS))
    log.info({ ...facts, tries, why }, `report about ${about} could not be sent`)
    return fate
  }
}
