/**
 * Takes reports about us out of the mail that brings them: a target of its own. What is no report about a domain of ours is refused while the client still
 * listens, and dropped where that is too late: nobody gets a notice for it. A report is kept in the state, once, whoever sends it twice.
 */
import { createHash } from 'node:crypto'
import { formatAddress } from '../../text/address.js'
import { dayOf } from '../../text/day.js'
import { nameAndParents, organisationOf } from '../../text/organisation.js'
import type { Address } from '../address.js'
import { type Claim, via } from '../answers.js'
import type { Job, Outcome, Target } from '../delivery.js'
import type { Call } from '../hooks.js'
import type { Clock, Log, Metrics, Resolver, ServerFacts } from '../plugin.js'
import type { Peer } from '../session.js'
import type { State } from '../stores.js'
import { type ReportSigner, signatureOf } from './signed.js'

/** It is no report, or none that can be taken: the reason, for whoever sent it. */
export class ReportFault extends Error {}

/** As all reports are kept, whatever they speak of. */
export interface ReportHead {
  readonly organization: string
  readonly contact: string
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly from: number
  readonly until: number
}

export type KeptReport<R extends ReportHead> = R & {
  readonly received: number
  /** Who sent the mail. */
  readonly sender: string
  /** The domain whose signature is good; left out: none was asked for. */
  readonly signer?: string
}

export interface ReportKind<R extends ReportHead> {
  /** Of the plugin, its target and its metrics. */
  readonly plugin: string
  /** For log and replies: `TLS`. */
  readonly about: string
  /** Throws `ReportFault`. */
  read(mail: Buffer): Promise<R>
  /** In A-labels. */
  domainsOf(report: R): readonly string[]
  /** Who must have signed the mail. */
  signerOf(report: R, mail: Buffer): ReportSigner
  /** For the log. */
  facts(report: R): object
}

export interface IntakeParts {
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly server: ServerFacts
  readonly keepMs: number
  readonly dns: Resolver
  /** What is not signed is kept too. */
  readonly unsigned: boolean
  /** Domains beside our own that reports may speak of. */
  readonly also?: ReadonlySet<string>
}

const MAX_MAIL = 15_000_000
/** Of a day, by one reporter and by all, in thousands of characters: more would come from no honest senders, and crowd out what they have sent. */
const MOST_OF_ONE = { limit: 10_000, windowMs: 86_400_000 }
const MOST = { limit: 50_000, windowMs: 86_400_000 }
/** What each costs at least. */
const LEAST_COST = 5
const MAX_LISTED = 20_000
const LAST_DAY = 4_102_444_800_000

/** From nobody: whoever is named as the sender may be forged, and asked for no notice of ours. */
export function claimReport(target: string, to: Address, sender: Address | null, { protocol }: Peer): Claim {
  // Our own mail to ourselves is not signed, and needs not be.
  const own = protocol === 'internal' ? 'yes' : 'no'
  return via(target, to, { sender: null, detail: { from: formatAddress(sender), own } })
}

export function reportTarget<R extends ReportHead>(kind: ReportKind<R>, parts: IntakeParts): Target {
  return {
    scope: 'local',
    lane: () => 'reports',
    async deliver(job, call) {
      const answer = await verdictOn(job, kind, parts, call)
      return job.recipients.map(({ row }) => ({ ...answer, row }))
    },
  }
}

type Answer = { readonly [K in Outcome['kind']]: Omit<Extract<Outcome, { kind: K }>, 'row'> }[Outcome['kind']]

async function verdictOn<R extends ReportHead>(
  job: Job,
  kind: ReportKind<R>,
  parts: IntakeParts,
  { log, signal }: Pick<Call, 'log' | 'signal'>,
): Promise<Answer> {
  const { metrics } = parts
  const { plugin, about } = kind
  try {
    if (job.size > MAX_MAIL) throw new ReportFault('the message is too large')
    const mail = await job.read()
    const report = await kind.read(mail)
    const domain = kind.domainsOf(report).find(one => isOurs(one, parts))
    if (domain === undefined) throw new ReportFault('it is not about a domain of ours')
    const signature = await signatureWanted(job, kind.signerOf(report, mail), mail, parts, signal)
    if (signature.kind === 'missing') throw new ReportFault(signature.why)
    if (signature.kind === 'unknown') return { kind: 'deferred', status: '4.7.5', text: signature.why }
    const kept = await keep(job, report, signature, kind, parts)
    if (kept === 'too many') return { kind: 'deferred', status: '4.3.2', text: 'too many reports today' }
    metrics.count(`${plugin}.${kept}`)
    const facts = { id: job.id, domain, organization: report.organization, ...kind.facts(report) }
    log.info(facts, kept === 'received' ? `report about ${about} received` : `report about ${about} received again`)
    return { kind: 'delivered', remote: plugin, reply: `report ${report.id} of ${report.organization}` }
  } catch (error) {
    if (!(error instanceof ReportFault)) throw error
    metrics.count(`${plugin}.refused`)
    log.info({ id: job.id, why: error.message }, `not a report about ${about}`)
    return { kind: 'failed', status: '5.6.0', text: `only reports about ${about} are taken here: ${error.message}` }
  }
}

type Standing =
  | { readonly kind: 'good'; readonly keeper: string; readonly by?: string }
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string }

async function signatureWanted(
  job: Job,
  wanted: ReportSigner,
  mail: Buffer,
  { unsigned, dns, clock }: IntakeParts,
  signal: AbortSignal,
): Promise<Standing> {
  // Whoever keeps a domain has as many hosts below it as they like.
  const keeper = organisationOf(wanted.name)
  if (unsigned || job.recipients.every(({ detail }) => detail.own === 'yes')) return { kind: 'good', keeper }
  const signature = await signatureOf(mail, wanted, { dns, now: clock.now(), signal })
  return signature.kind === 'good' ? { ...signature, keeper } : signature
}

async function keep<R extends ReportHead>(
  job: Job,
  report: R,
  { keeper, by }: Extract<Standing, { kind: 'good' }>,
  { domainsOf }: ReportKind<R>,
  { state, clock, keepMs }: IntakeParts,
): Promise<'received' | 'again' | 'too many'> {
  const now = clock.now()
  // Name and id are whatever somebody writes; who has signed is not.
  const digest = digestOf([keeper, report.organization, report.id, ...domainsOf(report)].join(' '))
  const key = `report/${dayOf(Math.max(0, Math.min(report.until, LAST_DAY)))}/${digest}`
  if ((await state.get(key, now)) !== undefined) return 'again'
  const signer = by === undefined ? {} : { signer: by }
  const kept: KeptReport<R> = { ...report, received: now, sender: job.recipients[0]?.detail.from ?? '', ...signer }
  const text = JSON.stringify(kept)
  if (!(await isWithin(state, keeper, text.length, now))) return 'too many'
  await state.put(key, text, now + keepMs)
  return 'received'
}

function isOurs(domain: string, { server, also }: IntakeParts): boolean {
  const { domains, relayDomains, name } = server
  // A policy of DANE is that of a mail host.
  if (domain === name.toLowerCase()) return true
  return [...nameAndParents(domain)].some(one => domains.has(one) || relayDomains.has(one) || also?.has(one) === true)
}

async function isWithin(state: State, keeper: string, length: number, now: number): Promise<boolean> {
  const cost = Math.max(LEAST_COST, Math.ceil(length / 1000))
  const { granted } = await state.spend(`received/by/${digestOf(keeper)}`, cost, MOST_OF_ONE, now)
  return granted && (await state.spend('received/all', cost, MOST, now)).granted
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24)
}

/** The newest day first. */
export async function keptReports<R extends ReportHead>(state: State, now: number): Promise<readonly KeptReport<R>[]> {
  const entries = await state.list('report/', now, MAX_LISTED)
  return entries.map(({ value }) => JSON.parse(value) as KeptReport<R>).sort((a, b) => b.until - a.until)
}
