/**
 * Which security a delivery has, seen from outside: a domain with an MTA-STS policy on a loopback HTTPS server, its mail host, and a name
 * server that may fall silent.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import type { Job, Outcome } from '../../../core/api/index.js'
import { selfSigned } from '../../../core/net/certificate.js'
import { aContext } from '../../../core/testing/context.js'
import { type DnsServer, startDnsServer } from '../../harness/dns-server.js'
import { PolicyHost } from '../../harness/policy-host.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig, type Rig } from './rig.js'

const GOOD = certified('mx.them.test')
const STRANGE = certified('other.test')
const SECOND = certified('mx2.them.test')
const SMART = certified('smart.test')
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

function certified(name: string) {
  const { certificate: cert, key } = selfSigned({ names: [name], now: Date.now() })
  return { cert, key }
}

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

interface World {
  readonly dns: DnsServer
  readonly sink: SmtpSink
  readonly policies: PolicyHost
  /** Advances the clock of all rigs. */
  pass(ms: number): void
  rig(config?: Parameters<typeof makeRig>[0]): Promise<Rig>
}

function policyOf(mode: string, mx = 'mx.them.test', maxAge = 30 * 24 * 3600): string {
  return `version: STSv1\r\nmode: ${mode}\r\nmx: ${mx}\r\nmax_age: ${maxAge}\r\n`
}

const published = (id: string) => ({ txt: [`v=STSv1; id=${id};`] })
const HERE = { a: ['127.0.0.1'] }

/** Rigs of one world share a state, as workers and restarts do. */
async function makeWorld(policy: string | undefined, options: SinkOptions = { tls: GOOD }): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-mx-'))
  open.push(() => rm(dir, { recursive: true, force: true }))
  const sink = await new SmtpSink(options).start()
  open.push(() => sink.stop())
  const policies = await PolicyHost.start({ name: 'mta-sts.them.test', policy: policy ?? '' })
  open.push(() => policies.stop())
  const dns = await startDnsServer({
    'them.test': { mx: [[10, 'mx.them.test']] },
    'mx.them.test': HERE,
    'mta-sts.them.test': HERE,
    ...(policy === undefined ? {} : { '_mta-sts.them.test': published('one') }),
  })
  open.push(() => dns.close())
  const [ca, stsCa] = [join(dir, 'ca.pem'), join(dir, 'sts.pem')]
  await writeFile(ca, GOOD.cert + SECOND.cert + SMART.cert)
  await writeFile(stsCa, policies.certificate)
  const { state } = aContext({})
  let passed = 0
  const clock = { now: () => Date.now() + passed }
  return {
    ...{ dns, sink, policies },
    pass: ms => {
      passed += ms
    },
    async rig(config = {}) {
      const sts = { use: true, port: policies.port, ca: stsCa, timeout: '60s' }
      const made = await makeRig({ port: sink.port, ca, sts, ...config }, [dns.address], 'us.test', { state, clock })
      open.push(made.dispose)
      return made
    },
  }
}

const JOB = makeJob(['b@them.test'])

async function sent(rig: Rig, job: Job = JOB): Promise<Outcome> {
  const [outcome, ...more] = await rig.deliver(job)
  assert.ok(outcome !== undefined && more.length === 0)
  return outcome
}

function assertDelivered(outcome: Outcome, security: RegExp): void {
  assert.ok(outcome.kind === 'delivered', JSON.stringify(outcome))
  assert.match(outcome.security ?? '', security)
}

function assertDeferred(outcome: Outcome, status: string, text: RegExp): void {
  assert.ok(outcome.kind === 'deferred', JSON.stringify(outcome))
  assert.equal(outcome.status, status)
  assert.match(outcome.text, text)
}

const REFUSING: SinkOptions = {
  tls: GOOD,
  script: stage => (stage === 'starttls' ? '454 4.7.0 no keys' : undefined),
}
const BREAKING: SinkOptions = {
  keywords: ['STARTTLS', 'PIPELINING'],
  script: stage => (stage === 'starttls' ? { kind: 'drop', reply: '220 2.0.0 go ahead' } : undefined),
}

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

const answered =
  (status: number, headers: Readonly<Record<string, string>>, body: string) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body)
const TEXT = { 'content-type': 'text/plain' }

describe('a policy that cannot be had', () => {
  const enforce = policyOf('enforce', 'mx.other.test')
  for (const [what, answer, why] of [
    ['is not there', answered(404, TEXT, enforce), /answers 404/],
    ['is elsewhere', answered(302, { ...TEXT, location: 'https://127.0.0.1/' }, enforce), /answers 302/],
    ['is a page', answered(200, { 'content-type': 'text/html' }, enforce), /not text\/plain/],
    ['is broken', answered(200, TEXT, 'mode: enforce'), /expected a policy with "version: STSv1"/],
    ['has more than 64 KB', answered(200, TEXT, `${enforce}x: ${'y'.repeat(65_536)}`), /more than 65536 octets/],
    ['never comes', () => undefined, /no answer in time/],
    [
      'never ends',
      (response: ServerResponse) => void response.writeHead(200, TEXT).write(enforce),
      /no answer in time/,
    ],
  ] as const) {
    test(`as it ${what} is no policy, and is not asked for again at once`, async () => {
      const { rig, policies } = await makeWorld(enforce)
      policies.answer = answer
      // Only what never comes is waited for.
      const timeout = what.startsWith('never') ? '1s' : '60s'
      const sts = { use: true, port: policies.port, timeout }
      const made = await rig({ sts: { ...sts, ca: await trusted(policies) } })
      for (const _ of [1, 2]) assertDelivered(await sent(made), why)
      assert.equal(policies.asked.length, 1)
    })
  }

  test('as its host is in a private network is no policy, and nobody is asked', async () => {
    const { rig, dns, policies, sink } = await makeWorld(enforce)
    const routes = { 'b.them.test': `them.test:${sink.port}` }
    dns.set('them.test', HERE)
    const made = await rig({ routes, allow_private: false })
    assertDelivered(
      await sent(made, makeJob(['b@b.them.test'])),
      /could not be had: mta-sts\.them\.test has no address/,
    )
    assert.equal(policies.asked.length, 0)
  })

  test('as nobody vouches for its host is no policy', async () => {
    const { rig, policies } = await makeWorld(enforce)
    const made = await rig({ sts: { use: true, port: policies.port, timeout: '60s' } })
    assertDelivered(await sent(made), /could not be had: self-signed certificate/)
    assert.equal(policies.asked.length, 0)
  })

  async function trusted({ certificate }: PolicyHost): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'posthouse-mx-'))
    open.push(() => rm(dir, { recursive: true, force: true }))
    const path = join(dir, 'ca.pem')
    await writeFile(path, certificate)
    return path
  }
})

describe('a policy that is known', () => {
  const enforce = policyOf('enforce', 'mx.other.test')

  for (const [what, silence] of [
    ['its record is gone', ({ dns }: World) => dns.set('_mta-sts.them.test', {})],
    ['the name service fails', ({ dns }: World) => dns.set('_mta-sts.them.test', { fails: 'servfail' })],
    ['its host is down', ({ policies }: World) => policies.stop()],
    ['its host is down and there is a new one', async ({ dns, policies }: World) => {
      dns.set('_mta-sts.them.test', published('two'))
      await policies.stop()
    }],
  ] as const) {
    test(`holds after a restart although ${what}, until it expires`, async () => {
      const world = await makeWorld(enforce)
      assert.equal((await sent(await world.rig())).kind, 'deferred')
      await silence(world)
      world.pass(29 * DAY_MS)
      assert.equal((await sent(await world.rig())).kind, 'deferred')
      assert.equal(world.sink.messages.length, 0)
      world.pass(2 * DAY_MS)
      assert.equal((await sent(await world.rig())).kind, 'delivered')
    })
  } // biome-ignore format: a table

  test('is fetched again when its id changes, and not before within a day', async () => {
    const world = await makeWorld(enforce)
    const { policies, dns, pass } = world
    assert.equal((await sent(await world.rig())).kind, 'deferred')
    policies.policy = policyOf('none')
    pass(23 * HOUR_MS)
    assert.equal((await sent(await world.rig())).kind, 'deferred')
    assert.equal(policies.asked.length, 1)
    dns.set('_mta-sts.them.test', published('two'))
    assertDelivered(await sent(await world.rig()), /opportunistic, not verified: .* has mode none;/)
    assert.equal(policies.asked.length, 2)
  })

  test('is fetched again after a day, and an admin hears when that fails', async () => {
    const world = await makeWorld(policyOf('enforce'))
    await sent(await world.rig())
    await world.policies.stop()
    world.pass(25 * HOUR_MS)
    const made = await world.rig()
    assertDelivered(await sent(made), /^TLS 1\.3, verified by MTA-STS$/)
    assert.ok(made.logged.some(({ sentence }) => sentence === 'MTA-STS policy cannot be renewed'))
  })

  test('is not decided by a delivery that is cancelled while it is fetched', async () => {
    const world = await makeWorld(enforce)
    const cancel = new AbortController()
    world.policies.answer = () => cancel.abort()
    const [outcome] = await (await world.rig()).deliver(JOB, cancel.signal)
    assert.ok(outcome?.kind === 'deferred' && outcome.text === 'delivery was cancelled', JSON.stringify(outcome))
    assert.equal(world.sink.connections, 0)
  })

  test('is fetched once for mails at the same time', async () => {
    const world = await makeWorld(policyOf('enforce'))
    const made = await world.rig()
    await Promise.all([1, 2, 3, 4].map(() => sent(made)))
    assert.equal(world.policies.asked.length, 1)
    assert.equal(world.sink.messages.length, 4)
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
