/** Reports of real senders, and those that other implementations test with: each is read, or is named here with the reason why not. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { isGzip, isZip, unpackGzip, unpackZip } from '../../../core/text/index.js'
import { dmarcReports } from '../../../plugins/dmarc-reports/inbox.js'
import { type ReceivedReport, readReport } from '../../../plugins/dmarc-reports/read.js'
import { dataDir } from '../../harness/data.js'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const folder = join(dataDir('auth') ?? '/nowhere', 'dmarc')
const skip = existsSync(folder) ? false : 'the DMARC samples are not there'
const FOLDERS = [
  'mox-dmarc-reports/dmarc-reports',
  'parsedmarc-samples',
  'stalwart-mail-auth',
  'perl-mail-dmarc/fixtures',
] as const

/** All others are read. */
const REFUSED: readonly (readonly [name: RegExp, why: RegExp])[] = [
  // an empty file
  [/parsedmarc-samples\/empty\.xml$/, /^it is not XML$/],
  // reports about single messages (RFC 6591, ARF), no aggregate ones
  [/parsedmarc-samples\/failure\//, /^there is no report in it$/],
  [/stalwart-mail-auth\/arf\//, /^there is no report in it$/],
  // reports about TLS (RFC 8460)
  [/\/(?:smtp_tls|tlsrpt)\//, /^(?:there is no report in it|it is not XML)$/],
]

async function read(path: string): Promise<ReceivedReport> {
  const octets = readFileSync(path)
  if (path.endsWith('.eml')) return dmarcReports({ now: () => NOW }).read(octets)
  const unpacked = isGzip(octets)
    ? await unpackGzip(octets, 1e7)
    : isZip(octets)
      ? await unpackZip(octets, 1e7)
      : { octets }
  assert.ok('octets' in unpacked)
  return readReport(unpacked.octets.toString('utf8'), NOW)
}

const samples = skip
  ? []
  : FOLDERS.flatMap(name => readdirSync(join(folder, name), { recursive: true, withFileTypes: true }))
      .filter(entry => entry.isFile() && /\.(?:eml|xml|gz|zip)$/.test(entry.name))
      .map(entry => join(entry.parentPath, entry.name))
      .sort()

describe('samples', { skip }, () => {
  test('there are as many as there should be', () => assert.equal(samples.length, 56))

  for (const path of samples) {
    const name = relative(folder, path)
    const refused = REFUSED.find(([pattern]) => pattern.test(path))
    if (refused !== undefined)
      test(`${name} is refused: ${refused[1].source}`, () => assert.rejects(read(path), { message: refused[1] }))
    else
      test(`${name} is read`, async () => {
        const { domain, id, rows, sums, beyond, policy } = await read(path)
        assert.match(domain, /^[a-z0-9.-]+\.[a-z]+$/)
        assert.match(policy, /^p=(?:none|quarantine|reject)/)
        assert.ok(id !== '' && rows.length > 0 && rows.length <= 500)
        assert.equal(rows.length + beyond.rows, sums.rows)
        assert.ok(sums.messages >= sums.passed && sums.messages > 0)
      })
  }

  /** What their own parsers say of them, written by hand from their expectations. */
  for (const [name, expected] of [
    ['mox-dmarc-reports/dmarc-reports/google.eml', ['ueber.net', 'google.com', '13488712042596170873', 5, 5]],
    ['mox-dmarc-reports/dmarc-reports/mailru.eml', ['ueber.net', 'Mail.Ru', '82403907998914102491559779200', 1, 0]],
    ['stalwart-mail-auth/dmarc-feedback/101.eml', ['stalw.art', '"backschues.NET', 'stalw.art.1667948400.1668034800', 1, 0]],
    ['stalwart-mail-auth/dmarc-feedback/003.xml', ['stalw.art', 'Fastmail Pty Ltd', '758848224', 9, 1]],
    ['parsedmarc-samples/aggregate/rfc9990-sample.xml', ['example.com', 'Sample Reporter', '3v98abbp8ya9n3va8yr8oa3ya', 123, 123]],
    ['parsedmarc-samples/aggregate/!large-example.com!1711897200!1711983600.xml', ['example.com', 'administrator@accurateplastics.com', 'example.com:1711897200', 2286, 0]],
    ['parsedmarc-samples/aggregate_invalid/report_with_upper_cased_pass.xml', ['example.com', 'example.com', 'aggr_report_example.com_20191202_1638', 1, 1]],
  ] as const)
    test(`${name} says what it says`, async () => {
      const { domain, organization, id, sums } = await read(join(folder, name))
      assert.deepEqual([domain, organization, id, sums.messages, sums.passed], expected)
    }) // biome-ignore format: a table

  test('a row of Fastmail tells why less was done', async () => {
    const { rows } = await read(join(folder, 'stalwart-mail-auth/dmarc-feedback/003.xml'))
    assert.deepEqual(rows.find(({ reasons }) => reasons.length > 0)?.reasons, [
      'trusted_forwarder: Policy ignored due to local white list',
    ])
  })
})
