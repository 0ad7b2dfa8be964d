/**
 * Takes reports about mail to us out of the mail that brings them: target `tls-rpt`. What is no report about a domain of ours is refused while the client
 * still listens, and dropped where that is too late: nobody gets a notice for it. A report is kept in the state, once, whoever sends it twice.
 */
import { createHash } from 'node:crypto'
import {
  type Address,
  type Claim,
  type Clock,
  type Job,
  type Log,
  type Metrics,
  type Outcome,
  type Resolver,
  type ServerFacts,
  type State,
  type Target,
  via,
} from 'posthouse/api'
import { formatAddress, organisationOf } from 'posthouse/text'
import { type ReceivedReport, ReportFault, readReport } from './read.js'
import { signatureOf } from './signed.js'
import { unpackReport } from './unpack.js'

export const TARGET = 'tls-rpt'

/** As it is kept. */
export interface KeptReport extends ReceivedReport {
  readonly received: number
  /** Who sent the mail. */
  readonly sender: string
  /** The domain whose signature is good; left out: none was asked for. */
  readonly signer?: string
}

export interface InboxParts {
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly server: ServerFacts
  readonly keepMs: number
  readonly dns: Resolver
  /** What is not signed is kept too. */
  readonly unsigned: boolean
}

const MAX_MAIL = 15_000_000
/** Of a day, by one reporter and by all: more would come from no honest senders. */
const MOST_OF_ONE = { limit: 2000, windowMs: 86_400_000 }
const MOST = { limit: 10_000, windowMs: 86_400_000 }
const MAX_LISTED = 20_000

/** From nobody: whoever is named as the sender may be forged, and asked for no notice of ours. */
export function claimFor(to: Address, sender: Address | null): Claim {
  return via(TARGET, to, { sender: null, detail: { from: formatAddress(sender) } })
}

export function inboxTarget(parts: InboxParts): Target {
  return { scope: 'local', lane: () => 'reports', deliver: async (job, call) => takeIn(job, parts, call.log) }
}

async function takeIn(job: Job, parts: InboxParts, log: Log): Promise<readonly Outcome[]> {
  const answer = await verdictOn(job, parts, log)
  return job.recipients.map(({ row }) => ({ ...answer, row }))
}

type Answer = { readonly [K in Outcome['kind']]: Omit<Extract<Outcome, { kind: K }>, 'row'> }[Outcome['kind']]

async function verdictOn(job: Job, parts: InboxParts, log: Log): Promise<Answer> {
  const { state, clock, metrics } = parts
  const now = clock.now()
  try {
    if (job.size > MAX_MAIL) throw new ReportFault('the message is too large')
    const mail = await job.read()
    const report = readReport(await unpackReport(mail))
    const { domain } = report.policies.find(one => isOurs(one.domain, parts.server)) ?? {}
    if (domain === undefined) throw new ReportFault('it is not about a domain of ours')
    const signature = parts.unsigned ? undefined : await signatureOf(mail, reporterOf(report), parts.dns)
    if (signature?.kind === 'missing') throw new ReportFault(signature.why)
    if (signature?.kind === 'unknown') return { kind: 'deferred', status: '4.7.5', text: signature.why }
    if (!(await isWithin(state, keeperOf(reporterOf(report)), now)))
      return { kind: 'deferred', status: '4.3.2', text: 'too many reports today' }
    const signer = signature === undefined ? {} : { signer: signature.by }
    const kept: KeptReport = { ...report, received: now, sender: job.recipients[0]?.detail.from ?? '', ...signer }
    await state.put(keyOf(kept), JSON.stringify(kept), now + parts.keepMs)
    metrics.count('tls-rpt.received')
    log.info({ id: job.id, domain, organization: report.organization, ...sums(report) }, 'report about TLS received')
    return { kind: 'delivered', remote: TARGET, reply: `report ${report.id} of ${report.organization}` }
  } catch (error) {
    if (!(error instanceof ReportFault)) throw error
    metrics.count('tls-rpt.refused')
    log.info({ id: job.id, why: error.message }, 'not a report about TLS')
    return { kind: 'failed', status: '5.6.0', text: `only reports about TLS are taken here: ${error.message}` }
  }
}

/** RFC 8460 §5.3: the domain of its contact is that of its submitter. */
function reporterOf({ contact }: ReceivedReport): string {
  return contact.slice(contact.lastIndexOf('@') + 1).toLowerCase()
}

/** The policy domain of DANE is that of a mail host. */
function isOurs(domain: string, { domains, relayDomains, name }: ServerFacts): boolean {
  if (domain === name.toLowerCase()) return true
  const labels = domain.split('.')
  return labels.some((_, at) => {
    const end = labels.slice(at).join('.')
    return domains.has(end) || relayDomains.has(end)
  })
}

/** Whoever keeps a domain has as many hosts below it as they like. */
function keeperOf(domain: string): string {
  return organisationOf(domain)
}

async function isWithin(state: State, reporter: string, now: number): Promise<boolean> {
  const { granted } = await state.spend(`received/by/${digestOf(reporter)}`, 1, MOST_OF_ONE, now)
  return granted && (await state.spend('received/all', 1, MOST, now)).granted
}

/** By the domain that has signed or should have: name and id are whatever somebody writes. */
function keyOf(report: KeptReport): string {
  const { until, organization, id } = report
  const day = new Date(Math.max(0, Math.min(until, 4_102_444_800_000))).toISOString().slice(0, 10)
  return `report/${day}/${digestOf(`${keeperOf(reporterOf(report))} ${organization} ${id}`)}`
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24)
}

export function sums({ policies }: ReceivedReport): { readonly successes: number; readonly failures: number } {
  const sum = (pick: (one: ReceivedReport['policies'][number]) => number) =>
    policies.reduce((total, one) => total + pick(one), 0)
  return { successes: sum(one => one.successes), failures: sum(one => one.failures) }
}

/** The newest day first. */
export async function keptReports(state: State, now: number): Promise<readonly KeptReport[]> {
  const entries = await state.list('report/', now, MAX_LISTED)
  return entries.map(({ value }) => JSON.parse(value) as KeptReport).sort((a, b) => b.until - a.until)
}
