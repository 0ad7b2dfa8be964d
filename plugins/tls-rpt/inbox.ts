/** What reports about TLS to us are, for those who take in reports: RFC 8460 §3, §5.3. */
import { type KeptReport, type ReportKind, reportIn } from 'posthouse/api'
import type { MimePart } from 'posthouse/text'
import { type ReceivedReport, readReport } from './read.js'

export const TARGET = 'tls-rpt'

export type KeptTlsReport = KeptReport<ReceivedReport>

export const TLS_REPORTS: ReportKind<ReceivedReport> = {
  plugin: TARGET,
  about: 'TLS',
  read: async mail => readReport((await reportIn(mail, isReport)).toString('utf8')),
  domainsOf: ({ policies }) => policies.map(({ domain }) => domain),
  signerOf(report) {
    const name = reporterOf(report)
    // RFC 8460 §3: its key may be for such reports alone.
    return { name, is: domain => isSame(domain, name), services: ['email', 'tlsrpt'] }
  },
  facts: sums,
}

/** Some senders know the names of files better than types. */
function isReport({ type, subtype }: MimePart, name: string): boolean {
  if (type !== 'application') return false
  if (subtype === 'tlsrpt+gzip' || subtype === 'tlsrpt+json' || name.endsWith('.json.gz')) return true
  return subtype === 'json' && name.endsWith('.json')
}

/** RFC 8460 §5.3: the domain of its contact is that of its submitter. */
function reporterOf({ contact }: ReceivedReport): string {
  return contact.slice(contact.lastIndexOf('@') + 1).toLowerCase()
}

/** The very domain, or one above or below it: reporters name a host, and sign by their domain, or the other way round. */
function isSame(signer: string, reporter: string): boolean {
  // A domain of one label is nobody's.
  return (
    signer === reporter ||
    reporter.endsWith(`.${signer}`) ||
    (reporter.includes('.') && signer.endsWith(`.${reporter}`))
  )
}

function sums({ policies }: ReceivedReport): { readonly successes: number; readonly failures: number } {
  const sum = (pick: (one: ReceivedReport['policies'][number]) => number) =>
    policies.reduce((total, one) => total + pick(one), 0)
  return { successes: sum(one => one.successes), failures: sum(one => one.failures) }
}
