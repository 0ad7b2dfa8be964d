/** Which security a delivery has, seen from outside, where a policy is known, is in testing, or is not there at all. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SmtpSink } from '../../harness/smtp-sink.js'
import {
  assertDeferred,
  assertDelivered,
  BREAKING,
  certified,
  GOOD,
  HERE,
  JOB,
  makeWorld,
  open,
  policyOf,
  published,
  REFUSING,
  SECOND,
  SMART,
  STRANGE,
  sent,
} from './policy-world.js'
import { makeJob } from './rig.js'

describe('a policy of mode enforce', () => {
  test('has mail go to the host it names, which proves itself', async () => {
    const { rig, policies, sink } = await makeWorld(policyOf('enforce'))
    assertDelivered(await sent(await rig()), /^TLS 1\.3, verified by MTA-STS$/)
    assert.deepEqual(policies.asked, ['mta-sts.them.test/.well-known/mta-sts.txt'])
    assert.equal(sink.messages[0]?.tls, true)
  })

  test('names hosts by a wildcard too', async () => {
    const { rig } = await makeWorld(policyOf('enforce', '*.them.test'))
    assertDelivered(await sent(await rig()), /^TLS 1\.3, verified by MTA-STS$/)
  })

  for (const [what, options, mx, status, text, connections] of [
    ['the policy does not name', { tls: GOOD }, 'mx.other.test', '4.7.0', /does not name mx\.them\.test/, 0],
    ['has a certificate for another name', { tls: STRANGE }, 'mx.them.test', '4.7.5', /asks for proven TLS; .*proves nothing/, 1],
    ['has a certificate nobody vouches for', { tls: certified('mx.them.test') }, 'mx.them.test', '4.7.5', /proves nothing/, 1],
    ['offers no TLS', {}, 'mx.them.test', '4.7.5', /asks for proven TLS; .*does not offer it/, 1],
    ['refuses STARTTLS', REFUSING, 'mx.them.test', '4.7.5', /refused it: 454/, 1],
    ['breaks off the handshake', BREAKING, 'mx.them.test', '4.7.5', /asks for proven TLS; .*handshake failed/, 1],
  ] as const) {
    test(`keeps mail from a host that ${what}, and the mail waits`, async () => {
      const { rig, sink } = await makeWorld(policyOf('enforce', mx), options)
      assertDeferred(await sent(await rig()), status, text)
      assert.equal(sink.messages.length, 0)
      assert.equal(sink.connections, connections)
    })
  } // biome-ignore format: a table

  for (const [what, mx, cert] of [
    ['is not named', 'mx2.them.test', GOOD],
    ['cannot prove itself', '*.them.test', STRANGE],
  ] as const) {
    test(`has the next host tried after one that ${what}`, async () => {
      const { rig, dns, sink } = await makeWorld(policyOf('enforce', mx), { tls: cert })
      const second = await new SmtpSink({ address: '127.0.0.2', port: sink.port, tls: SECOND }).start()
      open.push(() => second.stop())
      dns.set('them.test', { mx: [[10, 'mx.them.test'], [20, 'mx2.them.test']] }) // biome-ignore format: a list
      dns.set('mx2.them.test', { a: ['127.0.0.2'] })
      assertDelivered(await sent(await rig()), /verified by MTA-STS/)
      assert.equal(sink.messages.length, 0)
      assert.equal(second.messages.length, 1)
    })
  }

  test('has mail wait when one host is not named and the other does not want to talk', async () => {
    const { rig, dns, sink } = await makeWorld(policyOf('enforce', 'mx.them.test'), {
      tls: GOOD,
      script: stage => (stage === 'connect' ? '554 5.7.1 go away' : undefined),
    })
    dns.set('them.test', { mx: [[5, 'unnamed.them.test'], [10, 'mx.them.test']] }) // biome-ignore format: a list
    assert.equal((await sent(await rig())).kind, 'deferred')
    assert.equal(sink.connections, 1)
  })

  test('is passed over for a message that says TLS-Required: No', async () => {
    const { rig } = await makeWorld(policyOf('enforce'), {})
    const bytes = Buffer.from('From: a@us.test\r\nTLS-Required: No\r\n\r\nYour TLS is broken\r\n')
    assertDelivered(
      await sent(await rig(), makeJob(['b@them.test'], { bytes })),
      /^in clear, .*TLS-Required: No, objects/,
    )
    const twice = Buffer.from('TLS-Required: No\r\nTLS-Required: No\r\n\r\n\r\n')
    assert.equal((await sent(await rig(), makeJob(['b@them.test'], { bytes: twice }))).kind, 'deferred')
    const other = Buffer.from('TLS-Required: Nope\r\n\r\nTLS-Required: No\r\n')
    assert.equal((await sent(await rig(), makeJob(['b@them.test'], { bytes: other }))).kind, 'deferred')
  })

  test('is not served by a session that was opened before it was known', async () => {
    const { rig, dns, pass, sink, policies } = await makeWorld(undefined)
    policies.policy = policyOf('enforce', 'mx.other.test')
    const made = await rig({ keep_idle: '20s' })
    assertDelivered(await sent(made), /opportunistic, not verified: them\.test has no MTA-STS policy/)
    dns.set('_mta-sts.them.test', published('one'))
    // As long as we keep the answer that there is none.
    pass(61_000)
    assertDeferred(await sent(made), '4.7.0', /does not name/)
    assert.equal(sink.messages.length, 1)
  })

  test('of a route is that of its host', async () => {
    const { rig, dns, sink, policies } = await makeWorld(policyOf('enforce', 'other.test'), { tls: SMART })
    dns.set('smart.test', HERE)
    dns.set('_mta-sts.smart.test', published('one'))
    dns.set('mta-sts.smart.test', HERE)
    const made = await rig({ routes: { '*': `smart.test:${sink.port}` } })
    // The certificate of the policy host is for another name.
    assertDelivered(
      await sent(made),
      /not verified: the MTA-STS policy of smart\.test could not be had: .*not for mta-sts\.smart\.test/,
    )
    assert.equal(policies.asked.length, 0)
    assert.ok(!dns.asked.includes('TXT _mta-sts.them.test'))
  })
})

describe('a policy of mode testing', () => {
  for (const [what, options, mx, words] of [
    ['fulfils it', { tls: GOOD }, 'mx.them.test', /^TLS 1\.3, verified by MTA-STS \(mode testing\)$/],
    ['it does not name', { tls: GOOD }, 'mx.other.test', /^TLS 1\.3, not verified: .*mode testing, objects: it does not name/],
    ['has a certificate for another name', { tls: STRANGE }, 'mx.them.test', /^TLS 1\.3, not verified: .*mode testing, objects/],
    ['offers no TLS', {}, 'mx.them.test', /^in clear, the host offers no TLS; .*mode testing, objects: it asks for TLS; DANE is not/],
    ['refuses STARTTLS', REFUSING, 'mx.them.test', /^in clear, downgraded: the host refused STARTTLS: 454 .*objects/],
    ['breaks off the handshake', BREAKING, 'mx.them.test', /^in clear, downgraded: TLS handshake failed.*objects/],
  ] as const) {
    test(`has mail go to a host that ${what}, and tells`, async () => {
      const { rig } = await makeWorld(policyOf('testing', mx), options)
      const made = await rig()
      assertDelivered(await sent(made), words)
      const noted = made.logged.some(({ sentence }) => sentence === 'sending although an MTA-STS policy objects')
      assert.equal(noted, what !== 'fulfils it')
    })
  } // biome-ignore format: a table
})

describe('without a policy', () => {
  for (const [what, options, words] of [
    ['TLS is taken as it is', { tls: STRANGE }, /^TLS 1\.3, opportunistic, not verified: them\.test has no MTA-STS policy; DANE is not looked at here$/],
    ['clear text is told', {}, /^in clear, the host offers no TLS; them\.test has no MTA-STS policy; DANE is not looked at here$/],
    ['a refused STARTTLS is told', REFUSING, /^in clear, downgraded: the host refused STARTTLS: 454 4\.7\.0 no keys; them\.test has no MTA-STS policy/],
  ] as const) {
    test(what, async () => {
      const { rig } = await makeWorld(undefined, options)
      const made = await rig()
      assertDelivered(await sent(made), words)
      const warned = made.logged.some(({ sentence }) => sentence === 'sending in clear after a TLS failure')
      assert.equal(warned, options === REFUSING)
    })
  } // biome-ignore format: a table

  test('nobody is asked for one where TLS is turned off, or policies are', async () => {
    const { rig, dns, policies } = await makeWorld(policyOf('enforce', 'mx.other.test'))
    assertDelivered(await sent(await rig({ tls: 'never' })), /^in clear, TLS is turned off here$/)
    const sts = { use: false, port: policies.port, timeout: '60s' }
    assertDelivered(await sent(await rig({ sts })), /MTA-STS is not looked at here; DANE is not looked at here$/)
    assert.ok(!dns.asked.some(question => question.startsWith('TXT')))
  })
})

describe('a message that asks for TLS all the way', () => {
  const SECRET = { ...JOB, requireTls: true }
  const keywords = ['PIPELINING', '8BITMIME', 'REQUIRETLS']

  for (const mode of ['enforce', 'testing']) {
    test(`goes to a host found by MX that a policy of mode ${mode} names`, async () => {
      const { rig, sink } = await makeWorld(policyOf(mode), { tls: GOOD, keywords })
      assertDelivered(await sent(await rig(), SECRET), /^TLS 1\.3, verified by MTA-STS/)
      assert.match(sink.messages[0]?.mailArgument ?? '', / REQUIRETLS$/)
    })
  }

  for (const [what, policy, options, status] of [
    ['which a policy of mode none names', policyOf('none'), { tls: GOOD, keywords }, '5.7.30'],
    ['which a policy of mode testing does not name', policyOf('testing', 'x.test'), { tls: GOOD, keywords }, '5.7.30'],
    ['which a policy of mode enforce does not name', policyOf('enforce', 'x.test'), { tls: GOOD, keywords }, '5.7.30'],
    ['with the wrong certificate', policyOf('testing'), { tls: STRANGE, keywords }, '5.7.10'],
    ['without REQUIRETLS', policyOf('testing'), { tls: GOOD }, '5.7.30'],
  ] as const) {
    test(`does not go to a host found by MX ${what}`, async () => {
      const { rig, sink } = await makeWorld(policy, options)
      const outcome = await sent(await rig(), SECRET)
      assert.ok(outcome.kind === 'failed' && outcome.status === status, JSON.stringify(outcome))
      assert.equal(sink.messages.length, 0)
    })
  }
})
