/** A report about TLS, as it goes out: JSON (RFC 8460 §4.4), and the mail around it (§5.3). Pure but for compressing. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { type AddressParts, endOfDay, formatAddress, formatDate, startOfDay, writeReportMail } from 'posthouse/text'
import type { DomainTally, PolicyTally } from './tally.js'

export interface ReportFacts {
  readonly day: string
  readonly tally: DomainTally
  readonly organization: string
  readonly from: AddressParts
}

export interface Report {
  /** The same for the same day and domain, so that a report that comes twice is seen to be one (RFC 8460 §5.3). */
  readonly id: string
  readonly domain: string
  /** gzip of the JSON. */
  readonly packed: Buffer
}

export function writeReport(facts: ReportFacts): Report {
  const { day, tally, organization, from } = facts
  const { domain } = tally
  const digest = createHash('sha256').update(`${day} ${domain}`).digest('hex').slice(0, 16)
  const id = `${day.replaceAll('-', '')}.${digest}@${from.domain}`
  const json = {
    'organization-name': organization,
    // The last second of the day, as all senders have it.
    'date-range': { 'start-datetime': `${day}T00:00:00Z`, 'end-datetime': `${day}T23:59:59Z` },
    'contact-info': formatAddress(from),
    'report-id': id,
    policies: tally.policies.map(one => policyOf(domain, one)),
  }
  return { id, domain, packed: gzipSync(JSON.stringify(json)) }
}

function policyOf(domain: string, { policy, successes, failures }: PolicyTally): object {
  const { kind, lines, hosts } = policy
  return {
    policy: {
      'policy-type': kind,
      ...(lines.length === 0 ? {} : { 'policy-string': lines }),
      'policy-domain': domain,
      ...(hosts.length === 0 ? {} : { 'mx-host': hosts }),
    },
    summary: {
      'total-successful-session-count': successes,
      'total-failure-session-count': failures.reduce((sum, { count }) => sum + count, 0),
    },
    ...(failures.length === 0
      ? {}
      : {
          'failure-details': failures.map(one => ({
            'result-type': one.type,
            ...(one.local === undefined ? {} : { 'sending-mta-ip': one.local }),
            ...(one.host === undefined ? {} : { 'receiving-mx-hostname': one.host }),
            ...(one.helo === undefined ? {} : { 'receiving-mx-helo': one.helo }),
            ...(one.remote === undefined ? {} : { 'receiving-ip': one.remote }),
            'failed-session-count': one.count,
            ...(one.reason === undefined ? {} : { 'failure-reason-code': one.reason }),
          })),
        }),
  }
}

/** RFC 8460 §5.1 */
export function fileName({ domain }: Report, { day, from }: Pick<ReportFacts, 'day' | 'from'>): string {
  return `${from.domain}!${domain}!${startOfDay(day) / 1000}!${endOfDay(day) / 1000 - 1}.json.gz`
}

export function mailOf(report: Report, facts: ReportFacts, to: AddressParts, now: number): Buffer {
  const { id, domain, packed } = report
  const { from } = facts
  return writeReportMail({
    header: [
      ['From', `<${formatAddress(from)}>`],
      ['To', `<${formatAddress(to)}>`],
      ['Subject', `Report Domain: ${domain} Submitter: ${from.domain} Report-ID: <${id}>`],
      ['Date', formatDate(now)],
      ['Message-ID', `<tls-report.${id}>`],
      ['TLS-Report-Domain', domain],
      ['TLS-Report-Submitter', from.domain],
      // RFC 8460 §5.3: policies of the receiver must not stand in the way of a report about them; RFC 8689 §3 says that on the whole way.
      ['TLS-Required', 'No'],
    ],
    type: 'multipart/report; report-type="tlsrpt"',
    boundary: `tls-report-${id.split('@', 1)[0]}`,
    words: `This is an aggregate report about TLS from ${from.domain},\r\nabout mail to ${domain} on ${facts.day} (UTC).\r\n`,
    file: { type: 'application/tlsrpt+gzip', name: fileName(report, facts), octets: packed },
  })
}
