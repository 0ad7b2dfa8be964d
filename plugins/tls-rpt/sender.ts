/**
 * Sends the reports of a day that is over, to domains that ask for them, in one of all workers. What was sent is noted after it was taken: a crash in
 * between may send one report twice, under the same id, and never loses one. What fails is tried again for a day (RFC 8460 §5.5).
 */
import { createHash } from 'node:crypto'
import type { Clock, Log, Mailer, Metrics, Resolver, State } from 'posthouse/api'
import { type AddressParts, formatAddress, printable } from 'posthouse/text'
import { DAY_MS, dayOf, endOf } from './days.js'
import { type PostOptions, post } from './post.js'
import { type Destination, readRecord } from './record.js'
import { mailOf, type Report, type ReportFacts, writeReport } from './report.js'
import { type DomainTally, tallied } from './tally.js'

export interface SenderParts {
  readonly state: State
  readonly dns: Resolver
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly mailer: Mailer
  readonly from: AddressParts
  readonly organization: string
  readonly spreadMs: number
  readonly posting: Omit<PostOptions, 'signal' | 'dns'>
  /** Our host name: installs do not all send at the same moment. */
  readonly server: string
  readonly signal: AbortSignal
}

const LOOK_MS = 300_000
/** Other workers may still have something of the day to add. */
const LEAST_DELAY_MS = 60_000
/** RFC 8460 §5.5 */
const TRY_MS = DAY_MS
const FIRST_RETRY_MS = 900_000
const KEEP_MS = 4 * DAY_MS
const MAX_LISTED = 200_000
/** Domains at a time: one whose places do not answer keeps only a few others waiting. */
const AT_ONCE = 8
/** Of the places that a domain names; each may take as long as `posting.timeoutMs`. */
const MAX_PLACES = 3

/** What became of a report: taken by somebody, not wanted, or to be tried again. */
export type Fate = 'sent' | 'unwanted' | 'failed'

export class Sender {
  readonly #parts: SenderParts
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined

  constructor(parts: SenderParts) {
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
    const { log, signal } = this.#parts
    try {
      await this.look()
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, 'reports about TLS could not be sent')
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
    const days = [dayOf(now - 2 * DAY_MS), dayOf(now - DAY_MS)].filter(day => this.#isDue(day, now))
    if (days.length === 0) return
    const place = await state.enter('sending', 1, now)
    if (place === undefined) return
    try {
      for (const day of days) await this.#day(day)
    } finally {
      await place.leave()
    }
  }

  #isDue(day: string, now: number): boolean {
    const from = endOf(day) + LEAST_DELAY_MS + this.#delayOf(day)
    return now >= from && now < from + TRY_MS
  }

  /** RFC 8460 §4.1: some moment of the spread, the same for all workers. */
  #delayOf(day: string): number {
    const { server, spreadMs } = this.#parts
    const draw = createHash('sha256').update(`${server} ${day}`).digest().readUInt32BE(0) / 2 ** 32
    return Math.floor(draw * spreadMs)
  }

  async #day(day: string): Promise<void> {
    const { state, clock, signal } = this.#parts
    const now = clock.now()
    if ((await state.get(`done/${day}`, now)) !== undefined) return
    const [told, waiting] = await Promise.all(
      ['told', 'wait'].map(kind => state.list(`${kind}/${day}/`, now, MAX_LISTED)),
    )
    const settled = new Set([...told!, ...waiting!].map(({ key }) => key.split('/')[2]))
    let left = waiting!.length
    const open = (await tallied(state, day, now)).filter(({ domain }) => !settled.has(domain)).values()
    const isOver = () => signal.aborted || !this.#isDue(day, clock.now())
    const send = async () => {
      for (const tally of open) {
        if (isOver()) return
        if ((await this.#domain(day, tally)) === 'failed') left += 1
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, send))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    if (left === 0 && !isOver()) await state.put(`done/${day}`, '1', now + KEEP_MS)
  }

  async #domain(day: string, tally: DomainTally): Promise<Fate> {
    const { state, clock, log, metrics, signal } = this.#parts
    const { domain } = tally
    const key = `${day}/${domain}`
    const { fate, why, to } = await this.send(day, tally)
    if (signal.aborted && fate === 'failed') return fate
    const now = clock.now()
    metrics.count(`tls-rpt.report-${fate}`)
    if (fate !== 'failed') {
      await state.put(`told/${key}`, fate, now + KEEP_MS)
      if (fate === 'sent') log.info({ domain, day, to, policies: tally.policies.length }, 'report about TLS sent')
      return fate
    }
    const tries = await state.add(`tries/${key}`, 1, now, now + KEEP_MS)
    await state.put(`wait/${key}`, '1', now + Math.min(FIRST_RETRY_MS * 2 ** (tries - 1), 6 * 3_600_000))
    log.info({ domain, day, tries, why }, 'report about TLS could not be sent')
    return fate
  }

  async send(
    day: string,
    tally: DomainTally,
  ): Promise<{ readonly fate: Fate; readonly why?: string; readonly to?: string }> {
    const { dns, from, organization, signal } = this.#parts
    let destinations: readonly Destination[]
    try {
      destinations = readRecord(await dns.txt(`_smtp._tls.${tally.domain}`, signal))
    } catch {
      return { fate: 'failed', why: 'the name service did not tell who wants it' }
    }
    if (destinations.length === 0) return { fate: 'unwanted' }
    const facts = { day, tally, organization, from }
    const report = writeReport(facts)
    let why = ''
    // RFC 8460 §3: it is delivered when one of them has taken it.
    for (const destination of destinations.slice(0, MAX_PLACES)) {
      const to = destination.kind === 'mail' ? formatAddress(destination.to) : destination.url.origin
      try {
        await this.#deliver(report, facts, destination)
        return { fate: 'sent', to }
      } catch (error) {
        why = `${to}: ${error instanceof Error ? printable(error.message, 200) : 'unknown error'}`
      }
    }
    return { fate: 'failed', why }
  }

  async #deliver(report: Report, facts: ReportFacts, destination: Destination): Promise<void> {
    const { dns, mailer, clock, posting, signal } = this.#parts
    if (destination.kind === 'post') return post(destination.url, report.packed, { ...posting, dns, signal })
    const { to } = destination
    const bytes = mailOf(report, facts, to, clock.now())
    // From nobody: a report that cannot be delivered is not worth a notice.
    const id = await mailer.send({ sender: null, to, bytes, reason: `report about TLS of ${facts.tally.domain}` })
    if (id === undefined) throw new Error('no way leads there')
  }
}
