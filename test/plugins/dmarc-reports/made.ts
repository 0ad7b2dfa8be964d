/** Reports and judgements, where a test says only what it cares for. */
import { gzipSync } from 'node:zlib'
import type { AuthFacts, Decided, DmarcPolicy, DmarcPublished } from '../../../core/api/index.js'
import type { Judged } from '../../../plugins/dmarc-reports/tally.js'

export interface XmlWish {
  readonly domain?: string
  readonly organization?: string
  readonly id?: string
  readonly begin?: number
  readonly end?: number
  readonly records?: string
  readonly published?: string
}

/** 2026-11-20 */
const BEGIN = 1_795_132_800

export const RECORD = recordOf({})

export function recordOf({
  source = '192.0.2.1',
  count = '3',
  disposition = 'reject',
  dkim = 'fail',
  spf = 'fail',
  more = '',
}) {
  return (
    `<record><row><source_ip>${source}</source_ip><count>${count}</count><policy_evaluated>` +
    `<disposition>${disposition}</disposition><dkim>${dkim}</dkim><spf>${spf}</spf>${more}</policy_evaluated></row>` +
    '<identifiers><envelope_from>evil.test</envelope_from><header_from>us.test</header_from></identifiers>' +
    '<auth_results><dkim><domain>evil.test</domain><selector>s1</selector><result>pass</result></dkim>' +
    '<spf><domain>evil.test</domain><result>pass</result></spf></auth_results></record>'
  )
}

export function xmlOf(wish: XmlWish): string {
  const { domain = 'us.test', organization = 'Them', id = 'r1', begin = BEGIN, end = BEGIN + 86_399 } = wish
  return (
    `<?xml version="1.0"?><feedback><report_metadata><org_name>${organization}</org_name><email>dmarc@them.test</email>` +
    `<report_id>${id}</report_id><date_range><begin>${begin}</begin><end>${end}</end></date_range></report_metadata>` +
    `<policy_published>${wish.published ?? `<domain>${domain}</domain><p>reject</p>`}</policy_published>` +
    `${wish.records ?? RECORD}</feedback>`
  )
}

export function mailWith(
  octets: string | Buffer,
  { from = 'dmarc@them.test', type = 'application/gzip' } = {},
): Buffer {
  const data = Buffer.isBuffer(octets) ? octets : gzipSync(octets)
  const head = `From: ${from}\r\nSubject: Report Domain: us.test\r\nContent-Type: ${type}\r\n`
  return Buffer.from(`${head}Content-Transfer-Encoding: base64\r\n\r\n${data.toString('base64')}\r\n`)
}

export interface JudgedWish {
  readonly published?: Partial<DmarcPublished>
  readonly from?: string
  readonly source?: string
  readonly passed?: boolean
  readonly isReport?: boolean
  readonly selector?: string
  readonly applied?: DmarcPolicy
  readonly became?: Decided['kind']
}

export function aJudged(wish: JudgedWish = {}): Judged {
  const { from = 'them.test', source = '192.0.2.7', passed = false, isReport = false, selector = 's1' } = wish
  const facts: AuthFacts = {
    mailFrom: { result: passed ? 'pass' : 'fail', domain: 'bounce.them.test', why: '' },
    dkim: [{ result: 'pass', domain: 'list.test', selector, algorithm: 'rsa-sha256', tag: '', why: '' }],
    dmarc: {
      ...{ result: passed ? 'pass' : 'fail', domain: from, policy: 'reject', disposition: passed ? 'none' : 'reject' },
      published: {
        ...{ at: 'them.test', policy: 'reject', below: 'none', strictDkim: true, strictSpf: false, percent: 100 },
        ...{ testing: false, failureOptions: '1', reportsTo: 'mailto:rua@them.test', reportsEvery: 86_400 },
        ...wish.published,
      },
      aligned: { dkim: false, spf: passed },
      ...(wish.applied === undefined ? {} : { applied: wish.applied }),
      ...(passed || wish.applied !== undefined
        ? {}
        : { applied: 'none', overrides: [{ kind: 'local_policy', why: 'enforce is off here' }] }),
      why: '',
    },
    vouching: [],
    questions: 5,
  }
  return { source, envelopeFrom: 'bounce.them.test', facts, isReport, results: [{ kind: wish.became ?? 'accepted' }] }
}
