/** What is sent of a period that is over: a report for each policy that was in force, to all places that its domain names (RFC 7489 §7.2.1). */
import {
  type Clock,
  type Log,
  type Mailer,
  type Metrics,
  ReportRounds,
  type Resolver,
  type SentReport,
  type State,
} from 'posthouse/api'
import { type AddressParts, formatAddress, printable } from 'posthouse/text'
import { endOf, periodsBefore } from './periods.js'
import { agreedPlaces, type Place, type Places } from './places.js'
import { mailOf, type ReportFacts, writeReport } from './report.js'
import { type PolicyTally, tallied } from './tally.js'

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
  readonly leastMs: number
  /** Our host name. */
  readonly server: string
  readonly signal: AbortSignal
}

export function senderOf(parts: SenderParts): ReportRounds<PolicyTally> {
  const { state, clock, log, metrics, signal, server, leastMs, spreadMs } = parts
  return new ReportRounds({
    ...{ state, clock, log, metrics, signal, server, plugin: 'dmarc-reports', about: 'DMARC' },
    periods: now => periodsBefore(now, leastMs, spreadMs),
    reports: async ({ name }) => (await tallied(state, name, clock.now())).filter(isWorthIt),
    keyOf: ({ published, id }) => `${published.at}/${id}`,
    facts: ({ published, rows }, { name }) => ({ domain: published.at, period: name, rows: rows.length }),
    send: ({ name }, tally) => send(name, tally, parts),
  })
}

/** Two servers that have nothing to tell each other but that a report has come would do so for ever. */
function isWorthIt({ rows }: PolicyTally): boolean {
  return rows.some(({ report }) => report !== true)
}

async function send(period: string, tally: PolicyTally, parts: SenderParts): Promise<SentReport> {
  const { dns, signal, from, organization } = parts
  const { at, reportsTo } = tally.published
  let agreement: Places
  try {
    agreement = await agreedPlaces(at, reportsTo, dns, signal)
  } catch {
    return { fate: 'failed', why: 'the name service did not tell who wants it' }
  }
  const facts = { period, tally, organization, from }
  const taken: string[] = []
  const refused = [...agreement.refused]
  const failed: string[] = []
  for (const place of agreement.places) {
    const to = formatAddress(place.to)
    try {
      const why = await deliver(facts, place, parts)
      if (why === undefined) taken.push(to)
      else refused.push(why)
    } catch (error) {
      failed.push(`${to}: ${error instanceof Error ? printable(error.message, 200) : 'unknown error'}`)
    }
  }
  const why = [...failed, ...refused].join('; ')
  // §7.2.1: every one of them is tried; who has taken it is not sent it again.
  if (failed.length > 0) return { fate: 'failed', why }
  const others = why === '' ? {} : { why }
  return taken.length > 0 ? { fate: 'sent', to: taken.join(', '), ...others } : { fate: 'unwanted', ...others }
}

/** Why it was not; nothing: it was. Throws when it may be another time. */
async function deliver(facts: ReportFacts, { to, most }: Place, parts: SenderParts): Promise<string | undefined> {
  const { mailer, clock } = parts
  const report = writeReport(facts)
  const bytes = mailOf(report, facts, to, clock.now())
  if (most !== undefined && bytes.length > most)
    return `${formatAddress(to)} takes ${most} octets, and it has ${bytes.length}`
  const once = { key: `${report.id} ${formatAddress(to)}`, at: endOf(facts.period) }
  // From nobody: a report that cannot be delivered is not worth a notice.
  const id = await mailer.send({ sender: null, to, bytes, reason: `report about DMARC of ${report.domain}`, once })
  if (id === undefined) throw new Error('no way leads there')
  return undefined
}
