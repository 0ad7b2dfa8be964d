/** A report about mail in somebody's name, as it goes out: XML (RFC 7489 appendix C), and the mail around it (§7.2.1.1). Pure but for compressing. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { type AddressParts, formatAddress, formatDate, writeReportMail } from 'posthouse/text'
import { endOf, startOf } from './periods.js'
import type { PolicyTally, RowFacts } from './tally.js'

export interface ReportFacts {
  readonly period: string
  readonly tally: PolicyTally
  readonly organization: string
  readonly from: AddressParts
}

export interface Report {
  /** The same for the same period and policy, so that a report that comes twice is seen to be one. */
  readonly id: string
  readonly domain: string
  /** gzip of the XML. */
  readonly packed: Buffer
}

/** The largest ones; who has more sources than these is told so. */
const MAX_ROWS = 2000

export function writeReport(facts: ReportFacts): Report {
  const { period, tally, from } = facts
  const domain = tally.published.at
  const id = `${period.replace(/[-+T]/g, '')}.${digestOf(facts)}@${from.domain}`
  return { id, domain, packed: gzipSync(xmlOf(id, facts)) }
}

function digestOf({ period, tally }: ReportFacts): string {
  return createHash('sha256').update(`${period} ${tally.published.at} ${tally.id}`).digest('hex').slice(0, 16)
}

function xmlOf(id: string, { period, tally, organization, from }: ReportFacts): string {
  const { at, policy, below, strictDkim, strictSpf, percent, failureOptions } = tally.published
  const left = tally.rows.length - MAX_ROWS
  const body = element('feedback', [
    element('version', '1.0'),
    element('report_metadata', [
      element('org_name', organization),
      element('email', formatAddress(from)),
      element('report_id', id),
      element('date_range', [
        element('begin', `${startOf(period) / 1000}`),
        // The last second, as all senders have it.
        element('end', `${endOf(period) / 1000 - 1}`),
      ]),
      ...(left > 0 ? [element('error', `${left} more rows are left out`)] : []),
    ]),
    element('policy_published', [
      element('domain', at),
      element('adkim', strictDkim ? 's' : 'r'),
      element('aspf', strictSpf ? 's' : 'r'),
      element('p', policy),
      element('sp', below),
      element('pct', `${percent}`),
      element('fo', failureOptions),
    ]),
    ...tally.rows.slice(0, MAX_ROWS).map(recordOf),
  ])
  return `<?xml version="1.0" encoding="UTF-8"?>\n${body}\n`
}

function recordOf(row: RowFacts & { readonly count: number }): string {
  // At least one result of SPF is asked for, also where there was nobody to ask.
  const sender = row.sender ?? { domain: row.from, scope: 'mfrom', result: 'none' }
  return element('record', [
    element('row', [
      element('source_ip', row.source),
      element('count', `${row.count}`),
      element('policy_evaluated', [
        element('disposition', row.disposition),
        element('dkim', row.dkim ? 'pass' : 'fail'),
        element('spf', row.spf ? 'pass' : 'fail'),
        ...row.overrides.map(({ kind, why }) => element('reason', [element('type', kind), element('comment', why)])),
      ]),
    ]),
    element('identifiers', [element('envelope_from', row.envelopeFrom), element('header_from', row.from)]),
    element('auth_results', [
      ...row.signatures.map(({ domain, selector, result }) =>
        element('dkim', [element('domain', domain), element('selector', selector), element('result', result)]),
      ),
      element('spf', [
        element('domain', sender.domain),
        element('scope', sender.scope),
        element('result', sender.result),
      ]),
    ]),
  ])
}

// XML 1.0 §2.2: what no document may hold, however it is written; strangers choose selectors.
const UNFIT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g
const ESCAPED: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
])

function element(name: string, content: string | readonly string[]): string {
  const inner = typeof content === 'string' ? escaped(content) : `\n${content.join('\n')}\n`
  return `<${name}>${inner}</${name}>`
}

function escaped(text: string): string {
  return text.replace(UNFIT, '?').replace(/[&<>"]/g, char => ESCAPED.get(char)!)
}

export function fileName({ domain }: Report, facts: ReportFacts): string {
  const { period, from } = facts
  const times = `${startOf(period) / 1000}!${endOf(period) / 1000 - 1}`
  return `${from.domain}!${domain}!${times}!${digestOf(facts)}.xml.gz`
}

export function mailOf(report: Report, facts: ReportFacts, to: AddressParts, now: number): Buffer {
  const { id, domain, packed } = report
  const { from, period } = facts
  const [begin, end] = [startOf(period), endOf(period)].map(ms => new Date(ms).toISOString().slice(0, 16))
  return writeReportMail({
    header: [
      ['From', `<${formatAddress(from)}>`],
      ['To', `<${formatAddress(to)}>`],
      ['Subject', `Report Domain: ${domain} Submitter: ${from.domain} Report-ID: <${id}>`],
      ['Date', formatDate(now)],
      ['Message-ID', `<dmarc-report.${id}>`],
    ],
    type: 'multipart/mixed',
    boundary: `dmarc-report-${digestOf(facts)}`,
    words: `This is an aggregate report (DMARC) from ${from.domain}\r\nabout mail in the name of ${domain}, ${begin} to ${end} (UTC).\r\n`,
    file: { type: 'application/gzip', name: fileName(report, facts), octets: packed },
  })
}
