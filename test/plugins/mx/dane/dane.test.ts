/**
 * DANE seen from outside (RFC 7672): a name server on loopback that plays a validating resolver, mail hosts with certificates of every kind, and
 * what becomes of a mail. What must not happen is mail in clear, or to a host that is not who it should be.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { certify } from '../../../harness/authority.js'
import type { SignedEntry } from '../../../harness/signed-dns.js'
import { type SinkOptions, SmtpSink } from '../../../harness/smtp-sink.js'
import { makeJob } from '../rig.js'
import {
  assertDeferred,
  assertDelivered,
  closeAfterEach,
  GOOD,
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

const REFUSING: SinkOptions = { tls: TLS, script: stage => (stage === 'starttls' ? '454 4.7.0 no keys' : undefined) }
const BREAKING: SinkOptions = {
  keywords: ['STARTTLS', 'PIPELINING'],
  script: stage => (stage === 'starttls' ? { kind: 'drop', reply: '220 2.0.0 go ahead' } : undefined),
}

describe('a host with secure TLSA records gets mail', () => {
  for (const [what, ...records] of [
    ['by its key', KEY],
    ['by its certificate', tlsa(3, 0, 2, GOOD)],
    ['by its authority', tlsa(2, 0, 1, ROOT)],
    ['by the key of its authority', tlsa(2, 1, 2, ROOT)],
    ['by one of two records, as while keys are changed', tlsa(3, 1, 1, OTHER), KEY],
    ['by the one that can be used', tlsa(1, 0, 1, OTHER), '3 1 9 00', KEY],
  ] as const)
    test(what, async () => {
      const { rig, publish, sink } = await makeWorld()
      publish('mx.them.test', ...records)
      assertDelivered(await sent(await rig()), /^TLS 1\.3, verified by DANE$/)
      assert.equal(sink.messages[0]?.tls, true)
    })

  test('by its key, whatever names and dates its certificate has', async () => {
    const old = certify({ commonName: 'x', names: ['x.test'], from: -9, until: -1 })
    const { rig, publish } = await makeWorld({}, { tls: old })
    publish('mx.them.test', tlsa(3, 1, 1, old))
    assertDelivered(await sent(await rig()), /verified by DANE/)
  })

  test('by its authority, with a certificate for the domain itself', async () => {
    const { rig, publish } = await makeWorld(
      {},
      { tls: withChain(certify({ commonName: 'x', names: ['them.test'], by: ROOT })) },
    )
    publish('mx.them.test', tlsa(2, 0, 1, ROOT))
    assertDelivered(await sent(await rig()), /verified by DANE/)
  })

  test('by records behind an alias of their name', async () => {
    const { rig, dns, sink } = await makeWorld()
    dns.set(`_${sink.port}._tcp.mx.them.test`, { cname: 'dane.them.test' })
    dns.set('dane.them.test', { tlsa: [KEY] })
    assertDelivered(await sent(await rig()), /verified by DANE/)
  })

  test('and no other: it is not sent in clear nor to a stranger', async () => {
    for (const [options, records, text] of [
      [{ tls: TLS }, [tlsa(3, 1, 1, OTHER)], /the DANE records of mx\.them\.test ask for a certificate that matches; .*no TLSA record matches/],
      [{ tls: withChain(OTHER) }, [tlsa(2, 0, 1, ROOT)], /its certificate is not for mx\.them\.test or them\.test/],
      [{}, [KEY], /certificate that matches; .*the peer does not offer it/],
      [REFUSING, [KEY], /the peer refused it: 454/],
      [BREAKING, [KEY], /handshake failed/],
    ] as const) {
      const { rig, publish, sink } = await makeWorld({}, options)
      publish('mx.them.test', ...records)
      assertDeferred(await sent(await rig()), '4.7.5', text)
      assert.deepEqual([sink.messages.length, sink.connections], [0, 1])
    } // biome-ignore format: a table
  })

  test('or the next host does', async () => {
    const { rig, publish, dns, sink } = await makeWorld()
    const second = await new SmtpSink({ address: '127.0.0.2', port: sink.port, tls: withChain(OTHER) }).start()
    open.push(() => second.stop())
    dns.set('them.test', { mx: [[10, 'mx.them.test'], [20, 'mx2.them.test']] }) // biome-ignore format: a list
    dns.set('mx2.them.test', { a: ['127.0.0.2'] })
    publish('mx.them.test', tlsa(3, 1, 1, OTHER))
    publish('mx2.them.test', tlsa(3, 1, 1, OTHER))
    assertDelivered(await sent(await rig()), /verified by DANE/)
    assert.deepEqual([sink.messages.length, second.messages.length], [0, 1])
  })
})

describe('records that cannot be used', () => {
  const useless = [tlsa(0, 0, 1, ROOT), tlsa(1, 0, 1, GOOD), '3 1 1 abcd'] as const

  test('ask for TLS and for nothing else', async () => {
    const { rig, publish } = await makeWorld()
    publish('mx.them.test', ...useless)
    assertDelivered(
      await sent(await rig()),
      /^TLS 1\.3, required by DANE, not verified: them\.test has no MTA-STS policy; the DANE records of mx\.them\.test are unusable$/,
    )
  })

  for (const [what, options] of [['is not offered', {}], ['is refused', REFUSING], ['breaks', BREAKING]] as const) // biome-ignore format: a table
    test(`have mail wait where TLS ${what}`, async () => {
      const { rig, publish, sink } = await makeWorld({}, options)
      publish('mx.them.test', ...useless)
      assertDeferred(await sent(await rig()), '4.7.5', /the DANE records of mx\.them\.test ask for TLS; /)
      assert.deepEqual([sink.messages.length, sink.connections], [0, 1])
    })
})

describe('mail goes as it ever did, and the trail says why,', () => {
  const wrong = [tlsa(3, 1, 1, OTHER)] as const
  for (const [what, zones, words] of [
    ['where MX is not signed', { 'them.test': { mx: [[10, 'mx.them.test']], signed: false } }, /the MX records of them\.test are not signed, so there is no DANE$/],
    ['where the host is not signed', { 'mx.them.test': { ...HERE, signed: false } }, /mx\.them\.test is not signed, so there is no DANE$/],
    ['where the host is an alias that is not signed', { 'mx.them.test': { cname: 'h.test', signed: false }, 'h.test': HERE }, /mx\.them\.test is not signed/],
  ] as const)
    test(what, async () => {
      const { rig, publish, dns } = await makeWorld(zones as Readonly<Record<string, SignedEntry>>)
      publish('mx.them.test', ...wrong)
      assertDelivered(await sent(await rig()), words)
      // RFC 7672 §2.2.2: name servers that do not know TLSA are not asked for it.
      assert.ok(!dns.asked.some(question => question.startsWith('TLSA')))
    }) // biome-ignore format: a table

  test('where there are no records, or none that are signed', async () => {
    const { rig, dns, sink } = await makeWorld()
    for (const entry of [undefined, { tlsa: wrong, signed: false }, {}]) {
      if (entry !== undefined) dns.set(`_${sink.port}._tcp.mx.them.test`, entry)
      assertDelivered(
        await sent(await rig()),
        /^TLS 1\.3, opportunistic, not verified: .*; mx\.them\.test has no TLSA records$/,
      )
    }
  })

  test('where TLS is turned off, or the way goes to an address', async () => {
    const { rig, publish, sink } = await makeWorld({ '127.0.0.1': {} })
    publish('mx.them.test', ...wrong)
    assertDelivered(await sent(await rig({ tls: 'never' })), /^in clear, TLS is turned off here$/)
    assertDelivered(await sent(await rig({ routes: { '*': `127.0.0.1:${sink.port}` } })), /no DANE$/)
  })

  test('for a message that says TLS-Required: No, whatever the records and the name service say', async () => {
    const bytes = Buffer.from('From: a@us.test\r\nTLS-Required: No\r\n\r\nYour records are wrong\r\n')
    const { rig, publish, dns, sink } = await makeWorld({}, REFUSING)
    publish('mx.them.test', ...wrong)
    const made = await rig({ keep_idle: '20s' })
    const plain = () => sent(made, makeJob(['b@them.test'], { bytes }))
    assertDelivered(
      await plain(),
      /^in clear, downgraded: .*; DANE is passed over as the message says TLS-Required: No$/,
    )
    // And that session is not used for others.
    assertDeferred(await sent(made), '4.7.5', /the peer refused it/)
    dns.set(`_${sink.port}._tcp.mx.them.test`, { fails: { TLSA: 'servfail' } })
    assertDelivered(await sent(await rig(), makeJob(['b@them.test'], { bytes })), /passed over/)
  })
})

describe('a look-up that fails is never "nothing there":', () => {
  for (const misconduct of ['servfail', 'silent', 'garbage', 'refused'] as const) {
    const dnsMs = misconduct === 'silent' ? 2000 : undefined
    test(`with ${misconduct} for TLSA the host is passed by and the mail waits`, async () => {
      const { rig, dns, sink } = await makeWorld()
      dns.set(`_${sink.port}._tcp.mx.them.test`, { tlsa: [KEY], fails: { TLSA: misconduct } })
      assertDeferred(await sent(await rig({}, dnsMs)), '4.4.3', /did not tell whether mx\.them\.test has TLSA records/)
      assert.equal(sink.connections, 0)
    })
    test(`with ${misconduct} for MX the mail waits`, async () => {
      const { rig, sink } = await makeWorld({ 'them.test': { mx: [[10, 'mx.them.test']], fails: { MX: misconduct } } })
      assertDeferred(await sent(await rig({}, dnsMs)), '4.4.3', /did not tell the mail hosts of them\.test/)
      assert.equal(sink.connections, 0)
    })
  }

  test('a host is passed by, and the next one takes the mail', async () => {
    const { rig, publish, dns, sink } = await makeWorld()
    dns.set('them.test', { mx: [[5, 'bad.them.test'], [10, 'mx.them.test']] }) // biome-ignore format: a list
    dns.set('bad.them.test', HERE)
    dns.set(`_${sink.port}._tcp.bad.them.test`, { fails: { TLSA: 'servfail' } })
    publish('mx.them.test', KEY)
    assertDelivered(await sent(await rig()), /verified by DANE/)
    assert.equal(sink.connections, 1)
  })

  test('of an address too', async () => {
    const { rig, publish, sink } = await makeWorld({ 'mx.them.test': { ...HERE, fails: { '*': 'servfail' } } })
    publish('mx.them.test', KEY)
    assertDeferred(await sent(await rig()), '4.4.3', /addresses of the mail hosts/)
    assert.equal(sink.connections, 0)
  })
})

describe('the name the records stand under', () => {
  const RIGHT = ['127.0.0.1'] as const
  for (const [what, zones, base, found] of [
    ['is the end of a signed alias', { 'mx.them.test': { cname: 'h.test' }, 'h.test': { a: RIGHT } }, 'h.test', true],
    ['is the alias itself where its end has none', { 'mx.them.test': { cname: 'h.test' }, 'h.test': { a: RIGHT } }, 'mx.them.test', true],
    ['is the alias itself where its end is not signed', { 'mx.them.test': { cname: 'h.test' }, 'h.test': { a: RIGHT, signed: false } }, 'mx.them.test', true],
    ['is not the end of an alias that is not signed', { 'mx.them.test': { cname: 'h.test', signed: false }, 'h.test': { a: RIGHT } }, 'h.test', false],
    ['is not the end where that is not signed', { 'mx.them.test': { cname: 'h.test' }, 'h.test': { a: RIGHT, signed: false } }, 'h.test', false],
    ['is nothing between alias and end', { 'mx.them.test': { cname: 'i.test' }, 'i.test': { cname: 'h.test' }, 'h.test': { a: RIGHT } }, 'i.test', false],
    ['is the domain itself where it has no MX', { 'them.test': { a: RIGHT } }, 'them.test', true],
    ['is the end of the domain, which is an alias without MX', { 'them.test': { cname: 'h.test' }, 'h.test': { a: RIGHT } }, 'h.test', true],
  ] as const)
    test(what, async () => {
      const { rig, publish } = await makeWorld(zones)
      publish(base, KEY)
      assertDelivered(await sent(await rig()), found ? /verified by DANE/ : /not verified/)
    }) // biome-ignore format: a table

  test('comes before that of the alias, and is what is asked for and looked for in the certificate', async () => {
    const named = certify({ commonName: 'x', names: ['h.test'], by: ROOT })
    const { rig, publish, sink } = await makeWorld(
      { 'mx.them.test': { cname: 'h.test' }, 'h.test': HERE },
      { tls: withChain(named) },
    )
    publish('mx.them.test', tlsa(3, 1, 1, OTHER))
    publish('h.test', tlsa(2, 0, 1, ROOT))
    assertDelivered(await sent(await rig()), /verified by DANE/)
    assert.deepEqual(sink.serverNames, ['h.test'])
  })

  test('of a domain that is an alias: both names of it may stand in the certificate', async () => {
    for (const [name, good] of [['alias.test', true], ['them.test', true], ['mx.them.test', true], ['x.test', false]] as const) {
      const certified = certify({ commonName: 'x', names: [name], by: ROOT })
      const { rig, publish } = await makeWorld({ 'alias.test': { cname: 'them.test' } }, { tls: withChain(certified) })
      publish('mx.them.test', tlsa(2, 0, 1, ROOT))
      const outcome = await sent(await rig(), makeJob(['b@alias.test']))
      assert.equal(outcome.kind, good ? 'delivered' : 'deferred', name)
    } // biome-ignore format: a table
  })

  test('of a route is that of its host, at its port', async () => {
    const { rig, publish, sink } = await makeWorld({ 'smart.test': HERE })
    publish('smart.test', KEY)
    const routes = { '*': `smart.test:${sink.port}` }
    assertDelivered(await sent(await rig({ routes })), /verified by DANE/)
    publish('smart.test', tlsa(3, 1, 1, OTHER))
    assertDeferred(await sent(await rig({ routes })), '4.7.5', /no TLSA record matches/)
  })
})
