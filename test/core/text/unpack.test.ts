/** What others have packed: as they pack it, and as somebody packs it who means harm. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { isGzip, isZip, unpackGzip, unpackZip } from '../../../core/text/index.js'
import { mutate, mutations } from '../../harness/mutate.js'
import { zipOf } from '../../harness/zip.js'

const MOST = 5_000_000
const TEXT = Buffer.from('<feedback/>'.repeat(100))

describe('a zip archive', () => {
  for (const [what, zip] of [
    ['packed', zipOf([['a.xml', TEXT]])],
    ['stored as it is', zipOf([['a.xml', TEXT]], { stored: true })],
    ['with lengths behind the file', zipOf([['a.xml', TEXT]], { streamed: true })],
    ['with a comment at its end', zipOf([['a.xml', TEXT]], { comment: 'hello' })],
    ['without names', zipOf([['', TEXT]])],
    ['with more files', zipOf([['a.xml', TEXT], ['b.txt', Buffer.from('b')]])],
  ] as const)
    test(`${what} gives its first file`, async () => {
      assert.ok(isZip(zip) && !isGzip(zip))
      assert.deepEqual(await unpackZip(zip, MOST), { octets: TEXT })
    }) // biome-ignore format: a table

  const whole = zipOf([['a.xml', TEXT]])
  for (const [what, zip, why] of [
    ['is empty', zipOf([]), /cannot be unpacked/],
    ['is cut short', whole.subarray(0, -30), /cannot be unpacked/],
    ['has another length than it says', zipOf([['a.xml', TEXT]], { packedSize: 0xffffff }), /cannot be unpacked/],
    ['is encrypted', zipOf([['a.xml', TEXT]], { flags: 1 }), /encrypted/],
    ['is packed in another way', zipOf([['a.xml', TEXT]], { method: 12 }), /unknown way/],
    ['holds more than may come out', zipOf([['a.xml', Buffer.alloc(6_000_000, 'abcdefghij0123456')]], { stored: true }), /too large/],
    ['is a bomb', zipOf([['a.xml', Buffer.alloc(4_000_000)]]), /too large when unpacked/],
  ] as const)
    test(`that ${what} is refused`, async () => {
      const found = await unpackZip(zip, MOST)
      assert.match('why' in found ? found.why : 'nothing was wrong', why)
    }) // biome-ignore format: a table

  test('with octets changed gives something or nothing, and never throws', async () => {
    const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 200)
    await fc.assert(
      fc.asyncProperty(mutations, async changes => {
        const found = await unpackZip(mutate(whole, changes), MOST)
        assert.ok('why' in found || found.octets.length <= MOST)
      }),
      { numRuns },
    )
  })
})

describe('gzip', () => {
  test('is unpacked, also with a line end behind it, as Mimecast sends it', async () => {
    assert.deepEqual(await unpackGzip(Buffer.concat([gzipSync(TEXT), Buffer.from('\r\n')]), MOST), { octets: TEXT })
  })

  for (const [what, packed, why] of [
    ['is none', deflateRawSync(TEXT), /cannot be unpacked/],
    ['ends in the middle', gzipSync(TEXT).subarray(0, 20), /cannot be unpacked/],
    ['holds more than may come out', gzipSync(Buffer.from(Array.from({ length: 6_000_000 }, (_, i) => (i * i) >> 8))), /too large/],
    ['is a bomb', gzipSync(Buffer.alloc(4_000_000)), /too large/],
    ['is many bombs in a row', Buffer.concat(Array.from({ length: 100 }, () => gzipSync(Buffer.alloc(500_000)))), /too large/],
  ] as const)
    test(`that ${what} is refused`, async () => {
      const found = await unpackGzip(packed, MOST)
      assert.match('why' in found ? found.why : 'nothing was wrong', why)
    }) // biome-ignore format: a table
})
