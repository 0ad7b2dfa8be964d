/** Which certificates TLSA records mean: every usage, selector and matching type, and all that can be wrong with a chain. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { selfSigned } from '../../../../core/net/certificate.js'
import { doubtOf } from '../../../../plugins/mx/dane/chain.js'
import { readCertificateParts } from '../../../../plugins/mx/dane/der.js'
import { matches, usableRecords } from '../../../../plugins/mx/dane/tlsa.js'
import { type Certified, certify, tlsaOf } from '../../../harness/authority.js'
import { TEST_CERT } from '../../../harness/test-cert.js'

const NAMES = ['mx.them.test', 'them.test']
const ROOT = certify({ commonName: 'Root', authority: true })
const BETWEEN = certify({ commonName: 'Between', authority: true, by: ROOT })
const LEAF = certify({ commonName: 'mx', names: ['mx.them.test'], by: BETWEEN })
const OTHER = certify({ commonName: 'Other', authority: true })
const EXPIRED = certify({ commonName: 'mx', names: ['strange.test'], by: BETWEEN, from: -30, until: -1 })
const CHAIN = [LEAF, BETWEEN, ROOT]

type Tlsa = ReturnType<typeof tlsaOf>

function judged(records: readonly Tlsa[], chain: readonly Certified[], names = NAMES) {
  return doubtOf(
    chain.map(({ der }) => der),
    { records: usableRecords(records), names },
    Date.now(),
  )
}

describe('a record that matches', () => {
  for (const selector of [0, 1])
    for (const matching of [0, 1, 2]) {
      test(`3 ${selector} ${matching} is the server itself`, () => {
        assert.equal(judged([tlsaOf(3, selector, matching, LEAF)], CHAIN), undefined)
        assert.equal(judged([tlsaOf(3, selector, matching, OTHER)], CHAIN)?.failure, 'tlsa-invalid')
      })
      test(`3 ${selector} ${matching} asks neither for names nor for dates`, () => {
        assert.equal(judged([tlsaOf(3, selector, matching, EXPIRED)], [EXPIRED]), undefined)
      })
      test(`2 ${selector} ${matching} is any authority above it`, () => {
        assert.equal(judged([tlsaOf(2, selector, matching, BETWEEN)], [LEAF, BETWEEN]), undefined)
        assert.equal(judged([tlsaOf(2, selector, matching, ROOT)], CHAIN), undefined)
        assert.equal(judged([tlsaOf(2, selector, matching, OTHER)], CHAIN)?.failure, 'tlsa-invalid')
      })
      test(`2 ${selector} ${matching} of an authority that the server does not send ${matching === 0 ? 'is enough' : 'proves nothing'}`, () => {
        assert.equal(judged([tlsaOf(2, selector, matching, BETWEEN)], [LEAF])?.failure, matching === 0 ? undefined : 'tlsa-invalid')
        assert.equal(judged([tlsaOf(2, selector, matching, OTHER)], [LEAF])?.failure, 'tlsa-invalid')
      })
    } // biome-ignore format: a table

  test('may be one of several, as while keys are changed', () => {
    const records = [tlsaOf(3, 1, 1, OTHER), tlsaOf(3, 1, 1, LEAF)]
    assert.equal(judged(records, CHAIN), undefined)
    assert.equal(judged([tlsaOf(2, 0, 1, OTHER), tlsaOf(3, 1, 1, LEAF)], CHAIN), undefined)
  })
})

describe('an authority that is meant does not vouch for', () => {
  const anchor = [tlsaOf(2, 0, 1, ROOT)]
  const short = certify({ commonName: 'Short', authority: true, pathLength: 0 })
  const below = certify({ commonName: 'Below', authority: true, by: short })
  const old = certify({ commonName: 'Old', authority: true, by: ROOT, from: -9, until: -1 })
  const noAuthority = certify({ commonName: 'No authority', by: ROOT })
  const bound = certify({ commonName: 'Bound', authority: true, by: ROOT, critical: '2.5.29.30' })
  const leaf = (by: Certified, more = {}) => certify({ commonName: 'mx', names: ['mx.them.test'], by, ...more })
  for (const [what, records, chain, failure, words] of [
    ['another name', anchor, [certify({ commonName: 'mx.them.test', names: ['x.test'], by: ROOT }), ROOT], 'certificate-host-mismatch', /not for mx\.them\.test or them\.test/],
    ['a certificate that has expired', anchor, [EXPIRED, BETWEEN, ROOT], 'certificate-expired', /its certificate has expired/],
    ['one that is not yet valid', anchor, [leaf(ROOT, { from: 2 }), ROOT], 'certificate-not-trusted', /not yet valid/],
    ['what an expired authority has signed', anchor, [leaf(old), old, ROOT], 'certificate-expired', /an issuer, 1 above its own, has expired/],
    ['what a server has signed', anchor, [leaf(noAuthority), noAuthority, ROOT], 'certificate-not-trusted', /was not issued by the next|not that of an authority/],
    ['what somebody else has signed', anchor, [leaf(OTHER), ROOT], 'certificate-not-trusted', /was not issued by the next/],
    ['more authorities below it than it allows', [tlsaOf(2, 0, 1, short)], [leaf(below), below, short], 'certificate-not-trusted', /no such long chain/],
    ['what is bound by rules that we do not know', anchor, [leaf(bound), bound, ROOT], 'certificate-not-trusted', /2\.5\.29\.30/],
    ['a certificate for clients', anchor, [leaf(ROOT, { usage: '1.3.6.1.5.5.7.3.2' }), ROOT], 'certificate-not-trusted', /not for servers/],
    ['itself, as the server', [tlsaOf(2, 0, 1, LEAF)], CHAIN, 'tlsa-invalid', /no TLSA record matches/],
    ['nobody at all', anchor, [], 'validation-failure', /no certificate/],
  ] as const)
    test(what, () => {
      const doubt = judged(records, chain)
      assert.equal(doubt?.failure, failure)
      assert.match(doubt.words, words)
    }) // biome-ignore format: a table
})

describe('a name is found', () => {
  const at = (wish: Partial<Parameters<typeof certify>[0]>) =>
    judged([tlsaOf(2, 0, 1, ROOT)], [certify({ commonName: 'x', by: ROOT, ...wish }), ROOT])
  for (const [what, wish, good] of [
    ['when it is the second of those that may be', { names: ['them.test'] }, true],
    ['by a wildcard for its first label', { names: ['*.them.test'] }, true],
    ['not by a wildcard within a label', { names: ['m*.them.test'] }, false],
    ['not by a wildcard for two labels', { names: ['*.test'] }, false],
    ['in the common name, when there are no DNS names', { commonName: 'mx.them.test' }, true],
    ['not in the common name beside DNS names', { commonName: 'mx.them.test', names: ['x.test'] }, false],
  ] as const)
    test(what, () => assert.equal(at(wish)?.failure, good ? undefined : 'certificate-host-mismatch'))
})

describe('records that can be used', () => {
  const good = tlsaOf(3, 1, 1, LEAF)
  for (const [what, record] of [
    ['PKIX-TA', { ...good, usage: 0 }],
    ['PKIX-EE', { ...good, usage: 1 }],
    ['a usage that nobody knows', { ...good, usage: 4 }],
    ['a selector that nobody knows', { ...good, selector: 2 }],
    ['a matching type that nobody knows', { ...good, matching: 3 }],
    ['a SHA-256 of another length', { ...good, data: good.data.slice(2) }],
    ['a SHA-512 of another length', { ...good, matching: 2 }],
    ['a certificate that is none', { ...good, selector: 0, matching: 0 }],
    ['a key that is none', { ...good, matching: 0 }],
    ['nothing', { ...good, data: '' }],
    ['a certificate with something behind it', { ...tlsaOf(3, 0, 0, LEAF), data: `${tlsaOf(3, 0, 0, LEAF).data}00` }],
  ] as const)
    test(`are not those with ${what}`, () => assert.deepEqual(usableRecords([record]), []))

  test('are of the digests of one kind the strongest', () => {
    const [weak, strong, whole] = [1, 2, 0].map(matching => tlsaOf(3, 1, matching, LEAF)) as [Tlsa, Tlsa, Tlsa]
    assert.deepEqual(usableRecords([weak, strong, whole]), [strong, whole])
    const another = tlsaOf(3, 0, 1, LEAF)
    assert.deepEqual(usableRecords([another, strong]), [another, strong])
    // A strong one that is wrong is not made up for by a weak one that is right.
    assert.equal(judged([weak, tlsaOf(3, 1, 2, OTHER)], CHAIN)?.failure, 'tlsa-invalid')
  })
})

test('the key of a certificate is read as it stands there', () => {
  for (const pem of [TEST_CERT, selfSigned({ names: ['a.test'], now: Date.now() }).certificate, LEAF.cert]) {
    const certificate = new X509Certificate(pem)
    const parts = readCertificateParts(certificate.raw)
    assert.deepEqual(parts?.spki, certificate.publicKey.export({ type: 'spki', format: 'der' }))
  }
  assert.equal(readCertificateParts(certify({ commonName: 'a', authority: true, pathLength: 3 }).der)?.pathLength, 3)
  assert.deepEqual(readCertificateParts(LEAF.der)?.critical, ['2.5.29.19', '2.5.29.15'])
  assert.equal(matches(tlsaOf(3, 1, 1, LEAF), Buffer.from('no certificate')), false)
})
