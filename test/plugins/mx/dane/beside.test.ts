/** DANE beside everything else: open sessions, MTA-STS, REQUIRETLS, routes, and questions without a mail. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Job } from '../../../../core/api/index.js'
import { certify } from '../../../harness/authority.js'
import { PolicyHost } from '../../../harness/policy-host.js'
import type { SignedEntry, TlsaText } from '../../../harness/signed-dns.js'
import type { SinkOptions } from '../../../harness/smtp-sink.js'
import { makeJob, makeRig } from '../rig.js'
import {
  assertDeferred,
  assertDelivered,
  closeAfterEach,
  HERE,
  KEY,
  makeWorld,
  OTHER,
  open,
  ROOT,
  sent,
  TLS,
  tlsa,
  withChain,
} from './world.js'

closeAfterEach()

describe('an open session', () => {
  test('serves the next mail', async () => {
    const { rig, publish, sink } = await makeWorld()
    publish('mx.them.test', KEY)
    const made = await rig({ keep_idle: '20s' })
    for (const _ of [1, 2, 3]) assertDelivered(await sent(made), /verified by DANE/)
    assert.equal(sink.connections, 1)
  })

  test('from before the records were known is not used under them, nor one under others', async () => {
    const { rig, publish, sink, pass } = await makeWorld()
    const made = await rig({ keep_idle: '20s' })
    assertDelivered(await sent(made), /no TLSA records/)
    publish('mx.them.test', KEY)
    // As long as answers are kept.
    pass(59_000)
    assertDelivered(await sent(made), /no TLSA records/)
    pass(2_000)
    assertDelivered(await sent(made), /verified by DANE/)
    publish('mx.them.test', tlsa(3, 1, 1, OTHER))
    pass(61_000)
    assertDeferred(await sent(made), '4.7.5', /no TLSA record matches/)
    assert.equal(sink.messages.length, 3)
  })
})

describe('domains with the same mail host', () => {
  const zones = { 'a.test': { mx: [[10, 'mx.them.test']] }, 'b.test': { mx: [[10, 'mx.them.test']] } } as const
  const to = (domain: string) => makeJob([`x@${domain}`])

  test('share its sessions where its key is the proof', async () => {
    const { rig, publish, sink } = await makeWorld(zones)
    publish('mx.them.test', KEY)
    const made = await rig({ keep_idle: '20s' })
    for (const domain of ['a.test', 'b.test', 'a.test', 'b.test'])
      assertDelivered(await sent(made, to(domain)), /verified by DANE/)
    assert.ok(sink.connections <= 2, String(sink.connections))
  })

  test('do not share them where it proves itself to one of them only', async () => {
    const certified = certify({ commonName: 'x', names: ['a.test'], by: ROOT })
    const { rig, publish, sink } = await makeWorld(zones, { tls: withChain(certified) })
    publish('mx.them.test', tlsa(2, 0, 1, ROOT))
    const made = await rig({ keep_idle: '20s' })
    for (const _ of [1, 2]) {
      assertDelivered(await sent(made, to('a.test')), /verified by DANE/)
      assertDeferred(await sent(made, to('b.test')), '4.7.5', /not for mx\.them\.test or b\.test/)
    }
    assert.ok(sink.messages.every(({ recipients }) => recipients[0] === 'x@a.test'))
  })
})

describe('beside MTA-STS', () => {
  async function withPolicy(mx: string, records: readonly TlsaText[], tls = TLS) {
    const policies = await PolicyHost.start({
      name: 'mta-sts.them.test',
      policy: `version: STSv1\nmode: enforce\nmx: ${mx}\nmax_age: 86400\n`,
    })
    open.push(() => policies.stop())
    const dir = await mkdtemp(join(tmpdir(), 'posthouse-mx-'))
    open.push(() => rm(dir, { recursive: true, force: true }))
    const [stsCa, ca] = [join(dir, 'sts.pem'), join(dir, 'ca.pem')]
    await writeFile(stsCa, policies.certificate)
    await writeFile(ca, ROOT.cert)
    const world = await makeWorld(
      { 'mta-sts.them.test': HERE, '_mta-sts.them.test': { txt: ['v=STSv1; id=1;'] } },
      { tls },
    )
    if (records.length > 0) world.publish('mx.them.test', ...records)
    return {
      ...world,
      made: await world.rig({ ca, sts: { use: true, port: policies.port, ca: stsCa, timeout: '2s' } }),
    }
  }

  test('DANE goes first: no policy makes up for a certificate that does not match', async () => {
    const { made, sink } = await withPolicy('mx.them.test', [tlsa(3, 1, 1, OTHER)])
    assertDeferred(await sent(made), '4.7.5', /no TLSA record matches/)
    assert.equal(sink.messages.length, 0)
  })

  test('DANE goes first: a certificate that matches is enough', async () => {
    const { made } = await withPolicy('x.test', [KEY])
    assertDelivered(await sent(made), /^TLS 1\.3, verified by DANE$/)
  })

  test('the policy holds where there are no records, or none that can be used', async () => {
    for (const [records, words] of [
      [[], /^TLS 1\.3, verified by MTA-STS$/],
      [['0 0 1 00'], /^TLS 1\.3, verified by MTA-STS; the DANE records of mx\.them\.test are unusable$/],
    ] as const) {
      assertDelivered(await sent((await withPolicy('mx.them.test', records)).made), words)
      assertDeferred(await sent((await withPolicy('x.test', records)).made), '4.7.0', /does not name/)
    }
  })
})

describe('a message that asks for TLS all the way (REQUIRETLS)', () => {
  const secret = (): Job => ({ ...makeJob(['b@them.test']), requireTls: true })
  const offering: SinkOptions = { tls: TLS, keywords: ['PIPELINING', 'REQUIRETLS'] }

  test('goes to a host that DANE vouches for', async () => {
    const { rig, publish, sink } = await makeWorld({}, offering)
    publish('mx.them.test', KEY)
    assertDelivered(await sent(await rig(), secret()), /^TLS 1\.3, verified by DANE$/)
    assert.match(sink.messages[0]?.mailArgument ?? '', /REQUIRETLS/)
  })

  test('goes to a host of signed MX records whose certificate an authority vouches for', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'posthouse-mx-'))
    open.push(() => rm(dir, { recursive: true, force: true }))
    const ca = join(dir, 'ca.pem')
    await writeFile(ca, ROOT.cert)
    const { rig } = await makeWorld({}, offering)
    assertDelivered(await sent(await rig({ ca }), secret()), /verified by its certificate for REQUIRETLS$/)
    assert.equal((await sent(await rig(), secret())).kind, 'failed')
  })

  for (const [what, zones, records, status] of [
    ['to one that shows another certificate', {}, [tlsa(3, 1, 1, OTHER)], '5.7.10'],
    ['to one that nobody vouches for', { 'them.test': { mx: [[10, 'mx.them.test']], signed: false } }, [KEY], '5.7.30'],
  ] as const)
    test(`does not go ${what}`, async () => {
      const { rig, publish, sink } = await makeWorld(zones as Readonly<Record<string, SignedEntry>>, offering)
      publish('mx.them.test', ...records)
      const outcome = await sent(await rig(), secret())
      assert.ok(outcome.kind === 'failed', JSON.stringify(outcome))
      assert.equal(outcome.status, status)
      assert.equal(sink.messages.length, 0)
    })
})

describe('a route with tls: dane', () => {
  const routes = { 'them.test': { tls: 'dane' } } as const

  test('has mail go only to hosts that match their records', async () => {
    const { rig, publish } = await makeWorld()
    publish('mx.them.test', KEY)
    // What holds for all other mail is no matter.
    assertDelivered(await sent(await rig({ routes, tls: 'never' })), /^TLS 1\.3, verified by DANE$/)
    const smart = await makeWorld({ 'smart.test': HERE })
    smart.publish('smart.test', KEY)
    const way = { '*': { tls: 'dane', hosts: [`smart.test:${smart.sink.port}`] } } as const
    assertDelivered(await sent(await smart.rig({ routes: way })), /^TLS 1\.3, verified by DANE$/)
  })

  for (const [what, signed, served] of [
    ['goes to one that signed MX records name', true, true],
    ['does not go to one that unsigned MX records name, whatever it can prove', false, false],
  ] as const) {
    test(`a login ${what}`, async () => {
      const auth = (stage: string) => (stage === 'other' ? '235 2.7.0 hello' : undefined)
      const options = { tls: TLS, keywords: ['AUTH PLAIN'], script: auth }
      const { rig, sink } = await makeWorld({ 'them.test': { mx: [[10, 'mx.them.test']], signed } }, options)
      const dir = await mkdtemp(join(tmpdir(), 'posthouse-mx-'))
      open.push(() => rm(dir, { recursive: true, force: true }))
      await writeFile(join(dir, 'ca.pem'), TLS.cert)
      const login = { auth: { user: 'relay', password: 'x' }, ca: join(dir, 'ca.pem') }
      const routes = { '*': { hosts: ['them.test'], mx: true, port: sink.port, ...login } }
      const outcome = await sent(await rig({ routes }))
      if (served) assertDelivered(outcome, /^TLS 1\.3, verified by its certificate/)
      else assertDeferred(outcome, '4.7.0', /nobody vouches that mx\.them\.test is the mail host that is meant/)
      assert.equal(sink.connections, served ? 1 : 0)
    })
  }

  for (const [what, zones, records, why] of [
    ['has no records', {}, [], /the route asks for DANE at mx\.them\.test: mx\.them\.test has no TLSA records$/],
    ['has records of no use', {}, ['1 0 1 00'], /the DANE records of mx\.them\.test are unusable$/],
    ['is found by MX that is not signed', { 'them.test': { mx: [[10, 'mx.them.test']], signed: false } }, [KEY], /not signed, so there is no DANE$/],
  ] as const)
    test(`keeps mail from a host that ${what}, whatever the message says`, async () => {
      const { rig, publish, sink } = await makeWorld(zones as Readonly<Record<string, SignedEntry>>)
      publish('mx.them.test', ...records)
      const bytes = Buffer.from('TLS-Required: No\r\n\r\nhello\r\n')
      const made = await rig({ routes })
      for (const job of [makeJob(['b@them.test']), makeJob(['b@them.test'], { bytes })])
        assertDeferred(await sent(made, job), '4.7.0', why)
      assert.equal(sink.connections, 0)
    }) // biome-ignore format: a table

  test('keeps all mail where the resolver is not trusted', async () => {
    const { dns, sink } = await makeWorld()
    const made = await makeRig({ port: sink.port, routes }, [dns.address], 'us.test')
    open.push(made.dispose)
    assertDeferred(await sent(made), '4.7.0', /DANE is not looked at here$/)
  })
})

test('what would be done at a host can be asked for without a mail', async () => {
  const { rig, publish, dns, sink } = await makeWorld()
  const made = await rig()
  const asked = async () => {
    const told = await made.target.explain?.(
      { local: 'b', domain: 'them.test' },
      { sender: null },
      AbortSignal.timeout(5000),
    )
    return told?.hosts[0]?.security ?? ''
  }
  assert.match(await asked(), /^TLS when offered, not proven; .*; mx\.them\.test has no TLSA records$/)
  for (const [records, words] of [
    [[KEY], /^TLS required and proven: the DANE records of mx\.them\.test ask for a certificate that matches$/],
    [['1 0 1 00'], /^TLS required, not proven; .*; the DANE records of mx\.them\.test are unusable$/],
  ] as const) {
    publish('mx.them.test', ...records)
    const fresh = await makeRig({ port: sink.port }, [dns.address], 'us.test', { trustAd: true })
    open.push(fresh.dispose)
    const told = await fresh.target.explain?.(
      { local: 'b', domain: 'them.test' },
      { sender: null },
      AbortSignal.timeout(5000),
    )
    assert.match(told?.hosts[0]?.security ?? '', words)
  }
})

test('without trust in the resolver nothing of it is looked at', async () => {
  const { publish, dns, sink } = await makeWorld()
  publish('mx.them.test', tlsa(3, 1, 1, OTHER))
  const made = await makeRig({ port: sink.port }, [dns.address], 'us.test')
  open.push(made.dispose)
  assertDelivered(await sent(made), /; DANE is not looked at here$/)
  assert.ok(!dns.asked.some(question => question.startsWith('TLSA')))
})
