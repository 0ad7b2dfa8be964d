/** What a delivery tells of TLS, for reports (RFC 8460): by policy, host and kind of failure. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import type { TlsResult } from '../../../core/api/index.js'
import { servicesOf } from '../../../core/testing/context.js'
import { certify, tlsaOf } from '../../harness/authority.js'
import { PolicyHost } from '../../harness/policy-host.js'
import { SignedDns, type SignedEntry } from '../../harness/signed-dns.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig } from './rig.js'

const ROOT = certify({ commonName: 'Root', authority: true })
const GOOD = certify({ commonName: 'mx', names: ['mx.them.test'], by: ROOT })
const OTHER = certify({ commonName: 'x', names: ['x.test'], by: ROOT })
const OLD = certify({ commonName: 'mx', names: ['mx.them.test'], by: ROOT, from: -9, until: -1 })
const STRANGE = certify({ commonName: 'mx', names: ['mx.them.test'] })
const HERE = { a: ['127.0.0.1'] }
const REFUSING = { tls: GOOD, script: (stage: string) => (stage === 'starttls' ? '454 4.7.0 no keys' : undefined) }
const DOWN = { tls: GOOD, script: (stage: string) => (stage === 'connect' ? '421 4.3.2 not now' : undefined) }

/** The first connection is lost at the second EHLO: the one within TLS. */
function hangingUp(): SinkOptions {
  let hellos = 0
  return { tls: GOOD, script: stage => (stage === 'ehlo' && ++hellos === 2 ? { kind: 'drop' } : undefined) }
}

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

interface Scene {
  readonly options?: SinkOptions
  /** Mode and hosts. */
  readonly policy?: readonly [mode: string, mx: string]
  readonly policyText?: string
  readonly ownAuthority?: boolean
  readonly tlsa?: ReturnType<typeof tlsaOf>
  readonly zones?: Readonly<Record<string, SignedEntry>>
  readonly bytes?: Buffer
}

async function resultsOf({
  options = { tls: GOOD },
  policy,
  policyText,
  ownAuthority,
  tlsa,
  zones = {},
  bytes,
}: Scene) {
  const sink = await new SmtpSink(options).start()
  open.push(() => sink.stop())
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-mx-'))
  open.push(() => rm(dir, { recursive: true, force: true }))
  const text = policyText ?? `version: STSv1\nmode: ${policy?.[0]}\nmx: ${policy?.[1]}\nmax_age: 86400\n`
  const policies = await PolicyHost.start({ name: 'mta-sts.them.test', policy: text })
  open.push(() => policies.stop())
  const [ca, stsCa] = [join(dir, 'ca.pem'), join(dir, 'sts.pem')]
  await writeFile(ca, ROOT.cert)
  await writeFile(stsCa, ownAuthority ? ROOT.cert : policies.certificate)
  const published: Readonly<Record<string, SignedEntry>> =
    policy === undefined && policyText === undefined ? {} : { '_mta-sts.them.test': { txt: ['v=STSv1; id=1;'] } }
  const record = tlsa === undefined ? [] : ([`${tlsa.usage} ${tlsa.selector} ${tlsa.matching} ${tlsa.data}`] as const)
  const dns = await SignedDns.start({
    zones: {
      'them.test': { mx: [[10, 'mx.them.test']] },
      'mx.them.test': HERE,
      'mta-sts.them.test': HERE,
      ...published,
      [`_${sink.port}._tcp.mx.them.test`]: { tlsa: record as readonly `3 1 1 ${string}`[] },
      ...Object.fromEntries(
        Object.entries(zones).map(([name, entry]) => [name.replace('PORT', `${sink.port}`), entry]),
      ),
    },
  })
  open.push(() => dns.stop())
  const noted: TlsResult[] = []
  const services = servicesOf({ 'tls-results': { note: result => void noted.push(result) } })
  const sts = { use: true, port: policies.port, ca: stsCa, timeout: '1s' }
  const rig = await makeRig({ port: sink.port, ca, sts }, [dns.address], 'us.test', {
    services,
    trustAd: true,
  })
  open.push(rig.dispose)
  await rig.deliver(makeJob(['b@them.test'], bytes === undefined ? {} : { bytes }))
  return noted
}

const ENFORCE = ['enforce', 'mx.them.test'] as const
const TESTING = ['testing', 'mx.them.test'] as const
const KEY = tlsaOf(3, 1, 1, GOOD)

describe('of a session', () => {
  for (const [what, scene, domain, kind, failure, reason] of [
    ['without a policy it is told that it was encrypted', {}, 'them.test', 'no-policy-found', undefined, undefined],
    ['without a policy it is told that there is no TLS', { options: {} }, 'them.test', 'no-policy-found', 'starttls-not-supported', /offers no TLS/],
    ['without a policy it is told that TLS was refused', { options: REFUSING }, 'them.test', 'no-policy-found', 'starttls-not-supported', /454/],
    ['that the peer ended by an alert after our side of the handshake', { options: { tls: { ...GOOD, wantsCertificate: true } } }, 'them.test', 'no-policy-found', 'validation-failure', /ALERT_CERTIFICATE_REQUIRED/],
    ['under an MTA-STS policy it is told that all is well', { policy: ENFORCE }, 'them.test', 'sts', undefined, undefined],
    ['whose host the policy does not name', { policy: ['enforce', 'y.test'] }, 'them.test', 'sts', 'validation-failure', /does not name mx\.them\.test/],
    ['whose host a policy in testing does not name', { policy: ['testing', 'y.test'] }, 'them.test', 'sts', 'validation-failure', /does not name mx\.them\.test/],
    ['with a certificate for another name', { policy: ENFORCE, options: { tls: OTHER } }, 'them.test', 'sts', 'certificate-host-mismatch', /not for mx\.them\.test/],
    ['with a certificate for another name, in testing', { policy: TESTING, options: { tls: OTHER } }, 'them.test', 'sts', 'certificate-host-mismatch', /not for mx\.them\.test/],
    ['with a certificate that has expired', { policy: ENFORCE, options: { tls: OLD } }, 'them.test', 'sts', 'certificate-expired', /CERT_HAS_EXPIRED/],
    ['with a certificate nobody vouches for', { policy: ENFORCE, options: { tls: STRANGE } }, 'them.test', 'sts', 'certificate-not-trusted', /SELF_SIGNED/],
    ['without TLS under a policy', { policy: ENFORCE, options: {} }, 'them.test', 'sts', 'starttls-not-supported', /does not offer it/],
    ['whose policy is broken', { policyText: 'nonsense' }, 'them.test', 'sts', 'sts-policy-invalid', /could not be had/],
    ['whose policy host cannot prove itself', { policy: ENFORCE, ownAuthority: true }, 'them.test', 'sts', 'sts-webpki-invalid', /could not be had/],
    ['whose policy host is not there', { policy: ENFORCE, zones: { 'mta-sts.them.test': {} } }, 'them.test', 'sts', 'sts-policy-fetch-error', /could not be had/],
    ['under DANE it is told, by the name of the host, that all is well', { tlsa: KEY, policy: ENFORCE }, 'mx.them.test', 'tlsa', undefined, undefined],
    ['with another key than DANE wants', { tlsa: tlsaOf(3, 1, 1, OTHER) }, 'mx.them.test', 'tlsa', 'tlsa-invalid', /no TLSA record matches/],
    ['without TLS under DANE', { tlsa: KEY, options: {} }, 'mx.them.test', 'tlsa', 'starttls-not-supported', /does not offer it/],
    ['with DANE records that are no use', { tlsa: { ...KEY, usage: 1 } }, 'mx.them.test', 'tlsa', 'tlsa-invalid', /can be used/],
    ['whose TLSA records cannot be had', { zones: { '_PORT._tcp.mx.them.test': { fails: { TLSA: 'servfail' } } } }, 'mx.them.test', 'tlsa', 'dnssec-invalid', /did not tell/],
  ] as const)
    test(what, async () => {
      const [result, ...more] = await resultsOf(scene as Scene)
      assert.ok(result !== undefined && more.length === 0, JSON.stringify([result, more]))
      assert.deepEqual([result.domain, result.policy.kind, result.failure?.type], [domain, kind, failure])
      if (reason !== undefined) assert.match(result.failure?.reason ?? '', reason)
      assert.equal(result.host, 'mx.them.test')
    }) // biome-ignore format: a table

  test('it is told who talked to whom, and the policy as it was', async () => {
    const [result] = await resultsOf({ policy: ['testing', '*.y.test'] })
    assert.deepEqual(result?.policy, {
      kind: 'sts',
      lines: ['version: STSv1', 'mode: testing', 'mx: *.y.test', 'max_age: 86400'],
      hosts: ['*.y.test'],
    })
    assert.deepEqual([result?.remote, result?.local, result?.helo], ['127.0.0.1', '127.0.0.1', 'sink.test'])
    const [failed] = await resultsOf({ policy: ENFORCE, options: { tls: OLD } })
    assert.deepEqual([failed?.remote, failed?.local], ['127.0.0.1', '127.0.0.1'])
    const [dane] = await resultsOf({ tlsa: KEY })
    assert.deepEqual(dane?.policy, { kind: 'tlsa', lines: [`3 1 1 ${KEY.data}`], hosts: ['mx.them.test'] })
  })

  test('nothing is told of what has nothing to do with TLS, nor of mail that passes over policies', async () => {
    assert.deepEqual(await resultsOf({ options: DOWN }), [])
    for (const scene of [{}, { policy: ENFORCE }, { policy: TESTING }, { tlsa: KEY }])
      assert.deepEqual(await resultsOf({ ...scene, options: hangingUp() }), [], JSON.stringify(scene))
    const bytes = Buffer.from('TLS-Required: No\r\n\r\nreport\r\n')
    assert.deepEqual(await resultsOf({ policy: ENFORCE, options: { tls: OTHER }, bytes }), [])
  })
})
