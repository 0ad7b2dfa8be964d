/** What is sent of a day that is over: to each domain that asks for it, at the first of its places that takes it (RFC 8460 §3, §5). */
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
import { type AddressParts, DAY_MS, dayOf, endOfDay, formatAddress, printable } from 'posthouse/text'
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
  /** Our host name. */
  readonly server: string
  readonly signal: AbortSignal
}

/** Of the places that a domain names; each may take as long as `posting.timeoutMs`. */
const MAX_PLACES = 3

export function senderOf(parts: SenderParts): ReportRounds<DomainTally> {
  const { state, clock, log, metrics, signal, server, spreadMs } = parts
  return new ReportRounds({
    ...{ state, clock, log, metrics, signal, server, plugin: 'tls-rpt', about: 'TLS' },
    periods: now =>
      [dayOf(now - 2 * DAY_MS), dayOf(now - DAY_MS)].map(name => ({ name, until: endOfDay(name), spreadMs })),
    reports: ({ name }) => tallied(state, name, clock.now()),
    keyOf: ({ domain }) => domain,
    facts: ({ domain, policies }, { name: day }) => ({ domain, day, policies: policies.length }),
    send: ({ name }, tally) => send(name, tally, parts),
  })
}

async function send(day: string, tally: DomainTally, parts: SenderParts): Promise<SentReport> {
  const { dns, from, organization, signal } = parts
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
      await deliver(report, facts, destination, parts)
      return { fate: 'sent', to }
    } catch (error) {
      why = `${to}: ${error instanceof Error ? printable(error.message, 200) : 'unknown error'}`
    }
  }
  return { fate: 'failed', why }
}

async function deliver(
  report: Report,
  facts: ReportFacts,
  destination: Destination,
  { dns, mailer, clock, posting, signal }: SenderParts,
): Promise<void> {
  if (destination.kind === 'post') return post(destination.url, report.packed, { ...posting, dns, signal })
  const { to } = destination
  const bytes = mailOf(report, facts, to, clock.now())
  // From nobody: a report that cannot be delivered is not worth a notice.
  const reason = `report about TLS of ${facts.tally.domain}`
  const once = { key: `${report.id} ${formatAddress(to)}`, at: endOfDay(facts.day) }
  if ((await mailer.send({ sender: null, to, bytes, reason, once })) === undefined)
    throw new Error('no way leads there')
}
