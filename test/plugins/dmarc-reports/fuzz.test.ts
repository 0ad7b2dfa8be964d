/** Whatever strangers publish as a place for reports, or send as a report, it is read within bounds or refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReportFault } from '../../../core/api/index.js'
import { dmarcReports } from '../../../plugins/dmarc-reports/inbox.js'
import { readPlaces } from '../../../plugins/dmarc-reports/places.js'
import { type ReceivedReport, readReport } from '../../../plugins/dmarc-reports/read.js'
import { mutate, mutations } from '../../harness/mutate.js'
import { mailWith, recordOf, xmlOf } from './made.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 150)
const NOW = Date.parse('2026-11-21T12:00:00Z')
const XML = xmlOf({ records: recordOf({}) + recordOf({ source: '2001:db8::1', dkim: 'pass' }) })

function isSound({ id, domain, rows, sums }: ReceivedReport): void {
  assert.ok(id.length <= 300 && /^[\x21-\x7e]{1,253}$/.test(domain))
  assert.ok(rows.length > 0 && rows.length <= 500 && sums.passed <= sums.messages)
  for (const { count, from, signatures } of rows) assert.ok(count >= 0 && from.length <= 253 && signatures.length <= 5)
}

async function holds(read: () => ReceivedReport | Promise<ReceivedReport>): Promise<void> {
  try {
    isSound(await read())
  } catch (error) {
    assert.ok(error instanceof ReportFault, String(error))
  }
}

test('XML with octets changed', () =>
  fc.assert(
    fc.asyncProperty(mutations, changes =>
      holds(() => readReport(mutate(Buffer.from(XML), changes).toString('utf8'), NOW)),
    ),
    { numRuns },
  ))

test('XML put together from pieces', () => {
  const pieces = XML.split(/(?=<)/)
  const piece = fc.oneof(
    fc.constantFrom(...pieces, '<!--', '-->', '<![CDATA[', ']]>', '<?', '?>', '&#x0;', '</', '<a b="'),
  )
  return fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 80 }), parts =>
      holds(() => readReport(`${parts.join('')}${XML}`, NOW)),
    ),
    { numRuns },
  )
})

test('mails with octets changed', () => {
  const mail = mailWith(XML)
  const { read } = dmarcReports({ now: () => NOW })
  return fc.assert(
    fc.asyncProperty(mutations, changes => holds(() => read(mutate(mail, changes)))),
    { numRuns },
  )
})

test('places with octets changed', () => {
  const good = Buffer.from('mailto:a@them.test!10m,mailto:b%40c@them.test , https://them.test/')
  fc.assert(
    fc.property(mutations, changes => {
      const places = readPlaces(mutate(good, changes).toString('utf8'))
      assert.ok(places.length <= 4)
      for (const { to, most } of places) assert.ok(to.domain !== '' && (most === undefined || most >= 0))
    }),
    { numRuns },
  )
})
