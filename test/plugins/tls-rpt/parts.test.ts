/** Records, reports and counts: what strangers write, and what we make of results. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { TlsResult } from '../../../core/api/index.js'
import { aContext } from '../../../core/testing/context.js'
import { scanHeader } from '../../../core/text/index.js'
import { TLS_REPORTS } from '../../../plugins/tls-rpt/inbox.js'
import { readReport } from '../../../plugins/tls-rpt/read.js'
import { readRecord } from '../../../plugins/tls-rpt/record.js'
import { mailOf, writeReport } from '../../../plugins/tls-rpt/report.js'
import { Tally, tallied } from '../../../plugins/tls-rpt/tally.js'

describe('the record of a domain', () => {
  for (const [what, texts, expected] of [
    ['names an address', ['v=TLSRPTv1;rua=mailto:reports@them.test'], ['reports@them.test']],
    ['names a place to post to', ['v=TLSRPTv1; rua=https://them.test/v1/tlsrpt'], ['https://them.test/v1/tlsrpt']],
    ['names several, in order', ['v=TLSRPTv1; rua=mailto:a@them.test , https://them.test/x;'], ['a@them.test', 'https://them.test/x']],
    ['may hold fields that we do not know', ['v=TLSRPTv1; x-y=1 2; rua=mailto:a@them.test'], ['a@them.test']],
    ['may stand beside others', ['v=spf1 -all', 'v=TLSRPTv1; rua=mailto:a@them.test', 'v=TLSRPTv2; rua=mailto:b@them.test'], ['a@them.test']],
    ['has encoded addresses', ['v=TLSRPTv1; rua=mailto:a%2Cb@them.test?subject=x'], []],
    ['has encoded letters', ['v=TLSRPTv1; rua=mailto:%61b@them.test?subject=x'], ['ab@them.test']],
    ['is not alone', ['v=TLSRPTv1; rua=mailto:a@them.test', 'v=TLSRPTv1; rua=mailto:b@them.test'], []],
    ['is of no version', ['rua=mailto:a@them.test'], []],
    ['is of another version', ['v=TLSRPTv10; rua=mailto:a@them.test'], []],
    ['has no rua', ['v=TLSRPTv1; x=y'], []],
    ['is broken', ['v=TLSRPTv1; =; rua=mailto:a@them.test'], []],
    ['names what we do not do', ['v=TLSRPTv1; rua=ftp://them.test/, http://them.test/, mailto:nobody, https://u:p@them.test/'], []],
    ['is too long', [`v=TLSRPTv1; rua=mailto:a@them.test; x=${'y'.repeat(5000)}`], []],
  ] as const)
    test(what, () => {
      const found = readRecord(texts).map(one => (one.kind === 'mail' ? `${one.to.local}@${one.to.domain}` : one.url.href))
      assert.deepEqual(found, expected)
    }) // biome-ignore format: a table
})

const NOON = Date.parse('2026-11-21T12:00:00Z')
const STS = { kind: 'sts', lines: ['version: STSv1', 'mode: enforce'], hosts: ['*.them.test'] } as const
const GOOD: TlsResult = { domain: 'them.test', policy: STS }
const BAD: TlsResult = {
  ...GOOD,
  failure: { type: 'certificate-expired', reason: 'it has\r\nexpired' },
  host: 'mx.them.test',
  helo: 'mx',
  remote: '192.0.2.1',
  local: '192.0.2.9',
}

function makeTally(now = NOON) {
  const counted = new Map<string, number>()
  const metrics = {
    count: (name: string, by = 1) => void counted.set(name, (counted.get(name) ?? 0) + by),
    observe: () => undefined,
  }
  const time = { now }
  const { state, log } = aContext({})
  const clock = { now: () => time.now }
  const another = () => new Tally({ state, clock, log, metrics })
  return { state, time, counted, another, tally: another(), of: (day: string) => tallied(state, day, time.now) }
}

describe('results', () => {
  test('are counted by day, domain, policy and kind of failure, over all workers', async () => {
    const { tally, another, time, of } = makeTally()
    const second = another()
    for (const result of [
      GOOD,
      GOOD,
      BAD,
      { ...GOOD, policy: { kind: 'no-policy-found', lines: [], hosts: [] } as const },
    ])
      tally.note(result)
    for (const result of [GOOD, BAD, { ...BAD, remote: '192.0.2.2' }]) second.note(result)
    time.now += 86_400_000
    second.note(GOOD)
    await Promise.all([tally.flush(), second.flush()])
    const [them, ...more] = await of('2026-11-21')
    assert.ok(them !== undefined && more.length === 0)
    const [sts, none] = [...them.policies].sort((a, b) => b.policy.kind.localeCompare(a.policy.kind))
    assert.deepEqual([sts?.policy, sts?.successes], [STS, 3])
    assert.deepEqual(sts?.failures.map(one => [one.type, one.remote, one.reason, one.count]).sort(), [
      ['certificate-expired', '192.0.2.1', 'it has??expired', 2],
      ['certificate-expired', '192.0.2.2', 'it has??expired', 1],
    ])
    assert.deepEqual([none?.policy.kind, none?.successes, none?.failures], ['no-policy-found', 1, []])
    assert.equal((await of('2026-11-22'))[0]?.policies[0]?.successes, 1)
  })

  test('of ever new kinds are lumped together, and none is lost', async () => {
    const { tally, of } = makeTally()
    for (let i = 0; i < 500; i += 1)
      tally.note({
        ...BAD,
        failure: { type: i % 2 === 0 ? 'validation-failure' : 'certificate-expired', reason: `${i}` },
      })
    await tally.flush()
    const failures = (await of('2026-11-21'))[0]?.policies[0]?.failures ?? []
    assert.ok(failures.length <= 60, String(failures.length))
    assert.equal(
      failures.reduce((sum, { count }) => sum + count, 0),
      500,
    )
  })

  test('of ever new policies and domains find an end', async () => {
    const { tally, of, counted } = makeTally()
    for (let i = 0; i < 30; i += 1) tally.note({ ...GOOD, policy: { ...STS, lines: [`${i}`] } })
    for (let i = 0; i < 20_010; i += 1) tally.note({ ...GOOD, domain: `d${i}.test` })
    await tally.flush()
    const domains = await of('2026-11-21')
    assert.equal(domains.length, 20_000)
    assert.equal(domains.find(({ domain }) => domain === 'them.test')?.policies.length, 8)
    assert.equal(counted.get('tls-rpt.left-out'), 22 + 11)
  })
})

async function aReport() {
  const { tally, of } = makeTally()
  for (const result of [GOOD, BAD, BAD]) tally.note(result)
  await tally.flush()
  const [them] = await of('2026-11-21')
  const from = { local: 'tls', domain: 'us.test' }
  return { facts: { day: '2026-11-21', tally: them!, organization: 'Us', from }, from }
}

describe('a report', () => {
  test('is what RFC 8460 wants, and the same each time', async () => {
    const { facts } = await aReport()
    const { packed, id } = writeReport(facts)
    assert.equal(writeReport(facts).id, id)
    assert.deepEqual(JSON.parse(gunzipSync(packed).toString()), {
      'organization-name': 'Us',
      'date-range': { 'start-datetime': '2026-11-21T00:00:00Z', 'end-datetime': '2026-11-21T23:59:59Z' },
      'contact-info': 'tls@us.test',
      'report-id': id,
      policies: [
        {
          policy: {
            'policy-type': 'sts',
            'policy-string': ['version: STSv1', 'mode: enforce'],
            'policy-domain': 'them.test',
            'mx-host': ['*.them.test'],
          },
          summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 2 },
          'failure-details': [
            {
              'result-type': 'certificate-expired',
              'sending-mta-ip': '192.0.2.9',
              'receiving-mx-hostname': 'mx.them.test',
              'receiving-mx-helo': 'mx',
              'receiving-ip': '192.0.2.1',
              'failed-session-count': 2,
              'failure-reason-code': 'it has??expired',
            },
          ],
        },
      ],
    })
  })

  test('is a mail that its receiver finds it in', async () => {
    const { facts } = await aReport()
    const report = writeReport(facts)
    const mail = mailOf(report, facts, { local: 'rua', domain: 'them.test' }, NOON)
    const fields = new Map(scanHeader(mail).fields.map(({ name, raw }) => [name.toLowerCase(), raw]))
    assert.equal(fields.get('subject'), `Report Domain: them.test Submitter: us.test Report-ID: <${report.id}>`)
    assert.equal(fields.get('tls-report-domain'), 'them.test')
    assert.equal(fields.get('tls-report-submitter'), 'us.test')
    assert.equal(fields.get('tls-required'), 'No')
    assert.match(fields.get('content-type') ?? '', /^multipart\/report; report-type="tlsrpt"; boundary=/)
    assert.match(mail.toString(), /filename="us\.test!them\.test!1795219200!1795305599\.json\.gz"/)
    assert.ok(
      mail
        .toString('latin1')
        .split('\r\n')
        .every(line => line.length < 200 && !/[\r\n]/.test(line)),
    )
    const read = await TLS_REPORTS.read(mail)
    assert.deepEqual([read.organization, read.id, read.policies[0]?.failures], ['Us', report.id, 2])
  })
})

const PART = 'Content-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n'

describe('what is no report', () => {
  for (const [what, mail, why] of [
    ['a letter', Buffer.from('Subject: hi\r\n\r\nhello\r\n'), /no report in it/],
    ['no gzip', Buffer.from(`${PART}aGVsbG8=\r\n`), /not JSON/],
    ['ever so much of nothing', Buffer.from(`${PART}${gzipSync(Buffer.alloc(50_000_000)).toString('base64')}\r\n`), /too large when unpacked/],
    ['half a gzip', Buffer.from(`${PART}${gzipSync('{}').subarray(0, 15).toString('base64')}\r\n`), /cannot be unpacked/],
  ] as const)
    test(`is ${what}`, async () => assert.rejects(TLS_REPORTS.read(mail), why)) // biome-ignore format: a table

  const whole = {
    'organization-name': 'Us',
    'date-range': { 'start-datetime': '2026-11-21T00:00:00Z', 'end-datetime': '2026-11-21T23:59:59Z' },
    'report-id': 'x',
    policies: [{ policy: { 'policy-type': 'sts', 'policy-domain': 'them.test' }, summary: {} }],
  }
  for (const [what, json, why] of [
    ['text', 'hello', /not JSON/],
    ['a list', '[]', /a report is missing/],
    ['without dates', JSON.stringify({ ...whole, 'date-range': {} }), /no date/],
    ['without an id', JSON.stringify({ ...whole, 'report-id': 7 }), /report-id is missing/],
    ['without policies', JSON.stringify({ ...whole, policies: [] }), /no policies/],
    ['of no domain', JSON.stringify({ ...whole, policies: [{ policy: { 'policy-domain': 'a b' }, summary: {} }] }), /no domain/],
    ['nested without end', '['.repeat(500_000), /not JSON/],
  ] as const)
    test(`is JSON ${what}`, () => assert.throws(() => readReport(json), why)) // biome-ignore format: a table

  test('is not one that leaves out what may be left out, or says more than is kept', () => {
    assert.equal(readReport(JSON.stringify(whole)).policies[0]?.successes, 0)
    const detail = { 'result-type': 'x'.repeat(500), 'failed-session-count': -1, 'failure-reason-code': 'a\x1b[31mb' }
    const policy = { ...whole.policies[0], 'failure-details': new Array(70).fill(detail) }
    const read = readReport(JSON.stringify({ ...whole, policies: new Array(100).fill(policy) }))
    assert.equal(read.policies.length, 50)
    assert.equal(
      read.policies.reduce((sum, { details }) => sum + details.length, 0),
      100,
    )
    const [first] = read.policies[0]!.details
    assert.ok(first!.type.length <= 60 && first!.count === 0 && !first!.reason!.includes('\x1b'))
  })
})
