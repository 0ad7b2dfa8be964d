/** Whatever strangers publish as a record, or send as a report, it is read or refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { ReportFault } from '../../../core/api/index.js'
import { TLS_REPORTS } from '../../../plugins/tls-rpt/inbox.js'
import { readReport } from '../../../plugins/tls-rpt/read.js'
import { readRecord } from '../../../plugins/tls-rpt/record.js'
import { mutate, mutations } from '../../harness/mutate.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 150)

const REPORT = JSON.stringify({
  'organization-name': 'Us',
  'date-range': { 'start-datetime': '2026-11-21T00:00:00Z', 'end-datetime': '2026-11-21T23:59:59Z' },
  'contact-info': 'tls@us.test',
  'report-id': 'x@us.test',
  policies: [
    {
      policy: { 'policy-type': 'sts', 'policy-string': ['a'], 'policy-domain': 'them.test', 'mx-host': 'mx.them.test' },
      summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 2 },
      'failure-details': [{ 'result-type': 'validation-failure', 'failed-session-count': 2 }],
    },
  ],
})
const MAIL = [
  'From: tls@us.test',
  'Content-Type: multipart/report; report-type="tlsrpt"; boundary="b"',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'a report',
  '--b',
  'Content-Type: application/tlsrpt+gzip',
  'Content-Transfer-Encoding: base64',
  '',
  gzipSync(REPORT).toString('base64'),
  '--b--',
  '',
].join('\r\n')

test('reports with octets changed are read within bounds, or refused', () => {
  fc.assert(
    fc.property(mutations, changes => reads(mutate(Buffer.from(REPORT), changes).toString('utf8'))),
    { numRuns },
  )
})

test('JSON of any shape is read within bounds, or refused', () => {
  const policies = fc.array(
    fc.record({ policy: fc.jsonValue(), summary: fc.jsonValue(), 'failure-details': fc.jsonValue() }),
  )
  const shape = fc.record({
    'date-range': fc.constant({ 'start-datetime': '2026-11-21', 'end-datetime': '2026-11-22' }),
    'report-id': fc.jsonValue(),
    policies: fc.oneof(policies, fc.jsonValue()),
  })
  fc.assert(
    fc.property(fc.oneof(shape, fc.jsonValue()), value => reads(JSON.stringify(value))),
    { numRuns },
  )
})

test('mails with octets changed are unpacked or refused', async () => {
  await fc.assert(
    fc.asyncProperty(mutations, async changes => {
      try {
        const { policies } = await TLS_REPORTS.read(mutate(Buffer.from(MAIL), changes))
        assert.ok(policies.length > 0)
      } catch (error) {
        assert.ok(error instanceof ReportFault, String(error))
      }
    }),
    { numRuns },
  )
})

test('records with octets changed are read or are none', () => {
  const good = 'v=TLSRPTv1; rua=mailto:a@them.test,https://them.test/v1; x=y'
  fc.assert(
    fc.property(mutations, changes => {
      for (const one of readRecord([mutate(Buffer.from(good), changes).toString('utf8')]))
        assert.ok(one.kind === 'mail' ? one.to.domain !== '' : one.url.protocol === 'https:')
    }),
    { numRuns },
  )
})

function reads(text: string): void {
  try {
    const { policies, id } = readReport(text)
    assert.ok(policies.length > 0 && policies.length <= 50 && id.length <= 300)
    for (const { domain, details } of policies) assert.ok(/^[a-z0-9._-]+$/.test(domain) && details.length <= 50)
  } catch (error) {
    assert.ok(error instanceof ReportFault, String(error))
  }
}
