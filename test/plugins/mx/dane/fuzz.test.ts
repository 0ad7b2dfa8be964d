/** Whatever stands in TLSA records and certificates, it is read or refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { doubtOf } from '../../../../plugins/mx/dane/chain.js'
import { readCertificateParts } from '../../../../plugins/mx/dane/der.js'
import { matches, usableRecords } from '../../../../plugins/mx/dane/tlsa.js'
import { certify, tlsaOf } from '../../../harness/authority.js'
import { mutate, mutations } from '../../../harness/mutate.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 150)
const ROOT = certify({ commonName: 'Root', authority: true, pathLength: 1 })
const LEAF = certify({ commonName: 'mx', names: ['mx.test'], by: ROOT })
const hex = fc.uint8Array({ maxLength: 100 }).map(octets => Buffer.from(octets).toString('hex'))
const byte = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 255 }))

test('records of any numbers and octets are usable or not, and match nothing they should not', () => {
  const record = fc.record({ usage: byte, selector: byte, matching: byte, data: hex })
  fc.assert(
    fc.property(fc.array(record, { maxLength: 8 }), records => {
      const usable = usableRecords(records)
      assert.ok(
        usable.every(({ usage, selector, matching }) => usage >= 2 && usage <= 3 && selector < 2 && matching < 3),
      )
      assert.notEqual(doubtOf([LEAF.der, ROOT.der], { records: usable, names: ['mx.test'] }, Date.now()), undefined)
    }),
    { numRuns },
  )
})

test('certificates with octets changed are read or refused, and prove nothing', () => {
  const anchors = { records: usableRecords([tlsaOf(2, 0, 1, ROOT)]), names: ['mx.test'] }
  fc.assert(
    fc.property(mutations, changes => {
      const octets = mutate(LEAF.der, changes)
      readCertificateParts(octets)
      // TLS would refuse what stands behind a certificate.
      if (octets.subarray(0, LEAF.der.length).equals(LEAF.der)) return
      assert.equal(matches(tlsaOf(3, 0, 1, LEAF), octets), false)
      let doubt: unknown
      try {
        doubt = doubtOf([octets, ROOT.der], anchors, Date.now())
      } catch (error) {
        // node:crypto does not take it for a certificate; TLS would not have shown it.
        doubt = error
      }
      assert.notEqual(doubt, undefined)
    }),
    { numRuns },
  )
})
