/**
 * Reads a report that somebody sent about mail to us (RFC 8460 §4.4): JSON of a stranger, so that every text, number and list is bounded. What is not
 * known is passed over; what is not there, or is something else than it should be, makes it no report. Pure.
 */
import { ReportFault, type ReportHead } from 'posthouse/api'
import { printable } from 'posthouse/text'

export interface ReceivedReport extends ReportHead {
  readonly policies: readonly ReceivedPolicy[]
}

export interface ReceivedPolicy {
  /** `tlsa`, `sts`, `no-policy-found`, or what it was called. */
  readonly type: string
  readonly domain: string
  readonly lines: readonly string[]
  readonly hosts: readonly string[]
  readonly successes: number
  readonly failures: number
  readonly details: readonly ReceivedFailure[]
}

export interface ReceivedFailure {
  readonly type: string
  readonly count: number
  readonly reason?: string
  readonly sender?: string
  readonly host?: string
  readonly helo?: string
  readonly remote?: string
}

const MAX_TEXT = 200
const MAX_ID = 300
const MAX_POLICIES = 50
const MAX_LINES = 20
const MAX_DETAILS = 50
/** Of all policies together: a report is kept in one piece. */
const MAX_DETAILS_IN_ALL = 100
const DOMAIN = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/

/** Throws `ReportFault`. */
export function readReport(text: string): ReceivedReport {
  const report = record(parsed(text), 'a report')
  const range = record(report['date-range'], 'date-range')
  const policies = list(report.policies, 'policies').slice(0, MAX_POLICIES)
  if (policies.length === 0) throw new ReportFault('it has no policies')
  const room = { left: MAX_DETAILS_IN_ALL }
  return {
    organization: words(report['organization-name']) ?? 'unknown',
    contact: words(report['contact-info']) ?? '',
    id: need(words(report['report-id'], MAX_ID), 'report-id'),
    from: date(range['start-datetime'], 'start-datetime'),
    until: date(range['end-datetime'], 'end-datetime'),
    policies: policies.map(one => readPolicy(record(one, 'a policy'), room)),
  }
}

type Fields = Readonly<Record<string, unknown>>

function readPolicy(entry: Fields, room: { left: number }): ReceivedPolicy {
  const policy = record(entry.policy, 'policy')
  const summary = record(entry.summary, 'summary')
  const domain = need(words(policy['policy-domain'], 253), 'policy-domain').toLowerCase().replace(/\.$/, '')
  if (!DOMAIN.test(domain)) throw new ReportFault('policy-domain is no domain')
  const details = entry['failure-details'] === undefined ? [] : list(entry['failure-details'], 'failure-details')
  const kept = details.slice(0, Math.min(MAX_DETAILS, room.left))
  room.left -= kept.length
  return {
    type: words(policy['policy-type'], 40) ?? 'unknown',
    domain,
    lines: texts(policy['policy-string']),
    hosts: texts(policy['mx-host']),
    successes: count(summary['total-successful-session-count']),
    failures: count(summary['total-failure-session-count']),
    details: kept.map(one => readFailure(record(one, 'a failure'))),
  }
}

function readFailure(detail: Fields): ReceivedFailure {
  const found = {
    reason: words(detail['failure-reason-code']),
    sender: words(detail['sending-mta-ip'], 60),
    host: words(detail['receiving-mx-hostname']),
    helo: words(detail['receiving-mx-helo']),
    remote: words(detail['receiving-ip'], 60),
  }
  const there = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined && value !== ''))
  return { type: words(detail['result-type'], 60) ?? 'unknown', count: count(detail['failed-session-count']), ...there }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ReportFault('it is not JSON')
  }
}

function record(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new ReportFault(`${name} is missing`)
}

function list(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new ReportFault(`${name} is no list`)
}

/** Some senders write one text where a list belongs. */
function texts(value: unknown): readonly string[] {
  const all = Array.isArray(value) ? value.slice(0, MAX_LINES) : [value]
  return all.flatMap(one => words(one) ?? [])
}

function words(value: unknown, most = MAX_TEXT): string | undefined {
  return typeof value === 'string' ? printable(value, most) : undefined
}

function need(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new ReportFault(`${name} is missing`)
  return value
}

function date(value: unknown, name: string): number {
  const ms = typeof value === 'string' && value.length <= 40 ? Date.parse(value) : Number.NaN
  if (Number.isNaN(ms)) throw new ReportFault(`${name} is no date`)
  return ms
}

/** Left out, or nonsense: 0. */
function count(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0
}
