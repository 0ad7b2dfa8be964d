/** What reports about mail in our name are, for those who take in reports: RFC 7489 §7.2.1.1. */
import { type Clock, type KeptReport, ReportFault, type ReportKind, reportIn } from 'posthouse/api'
import { type MimePart, mailboxOf, organisationOf, scanHeader } from 'posthouse/text'
import { type ReceivedReport, readReport } from './read.js'

export const TARGET = 'dmarc-reports'

export type KeptDmarcReport = KeptReport<ReceivedReport>

export function dmarcReports(clock: Clock): ReportKind<ReceivedReport> {
  return {
    plugin: TARGET,
    about: 'DMARC',
    // Octets that are no UTF-8 are not worth losing a report.
    read: async mail => readReport((await reportIn(mail, isReport)).toString('utf8'), clock.now()),
    domainsOf: ({ domain }) => [domain],
    signerOf(_report, mail) {
      const name = authorOf(mail)
      // §7.2.1.1: such mail has to pass DMARC, aligned; organisations are what that is about.
      return { name, is: domain => organisationOf(domain) === organisationOf(name) }
    },
    facts: ({ domain, id, sums }) => ({ domain, report: id, messages: sums.messages, passed: sums.passed }),
  }
}

const TYPES = new Set(['gzip', 'x-gzip', 'zip', 'x-zip', 'x-zip-compressed', 'xml'])
const NAME = /\.(?:xml|xml\.gz|gz|zip)$/

/** Types are all but arbitrary. A message inside the mail is somebody else's, whatever its name. */
function isReport({ type, subtype }: MimePart, name: string): boolean {
  if (type !== 'application' && type !== 'text') return false
  return NAME.test(name) || (type === 'application' ? TYPES.has(subtype) : subtype === 'xml')
}

function authorOf(mail: Buffer): string {
  const { fields } = scanHeader(mail)
  const several = fields.filter(({ name }) => name.toLowerCase() === 'from').length > 1
  const domain = several ? undefined : mailboxOf(fields, 'from')?.domain
  if (domain === undefined) throw new ReportFault('From does not say whose report it is')
  return domain
}
