/**
 * Addresses of mail hosts: which a stranger may lead us to, which are ourselves, which family is tried first, and aliases on the way.
 */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { Outcome } from '../../../core/api/index.js'
import { Families } from '../../../plugins/mx/addresses/families.js'
import { OwnAddresses } from '../../../plugins/mx/addresses/own.js'
import { isPublic } from '../../../plugins/mx/addresses/public.js'
import { Trouble } from '../../../plugins/mx/client/trouble.js'
import { startDnsServer, type Zones } from '../../harness/dns-server.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig } from './rig.js'

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

for (const [address, what] of [
  ['192.0.0.8', 'IETF protocol assignments'],
  ['192.0.2.1', 'documentation'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.1', 'documentation'],
  ['198.18.0.1', 'benchmarks'],
  ['198.19.255.1', 'benchmarks'],
  ['192.88.99.1', 'the 6to4 relay'],
  ['0.1.2.3', 'this network'],
  ['240.0.0.1', 'nobody'],
  ['239.1.2.3', 'multicast'],
  ['ff02::1', 'multicast'],
  ['2001:db8::1', 'documentation'],
  ['3fff::1', 'documentation'],
  ['100::1', 'discard only'],
  ['64:ff9b:1::1', 'local NAT64'],
  ['64:ff9b::a00:1', 'NAT64 of 10.0.0.1'],
  ['2002:7f00:1::1', '6to4 of 127.0.0.1'],
  ['2002:a00:1::1', '6to4 of 10.0.0.1'],
  ['2001::1', 'Teredo'],
  ['2001:2::1', 'benchmarks'],
  ['2001:20::1', 'ORCHIDv2'],
  ['fec0::1', 'site local'],
  ['5f00::1', 'segment routing'],
  ['::7f00:1', 'IPv4-compatible'],
  ['::ffff:10.0.0.1', 'mapped private'],
  ['4000::1', 'not given to anybody'],
  ['fe80::1%eth0', 'link local'],
] as const) {
  test(`${address} is not for strangers to lead us to: ${what}`, () => {
    assert.equal(isPublic(address), false)
  })
}

for (const address of [
  '8.8.8.8',
  '::ffff:8.8.8.8',
  '64:ff9b::808:808',
  '2002:808:808::1',
  '2a00:1450:4001::1',
  '2400:cb00::1',
]) {
  test(`${address} is in the Internet`, () => {
    assert.equal(isPublic(address), true)
  })
}

describe('an address of ours', () => {
  const here = () => ['198.51.100.7', '2001:db8::7']
  const own = new OwnAddresses(
    ['192.0.2.5:25', '0.0.0.0:2525', 'unix:/run/x', 'localhost:587'],
    ['203.0.113.0/28'],
    here,
  )
  for (const [address, port, ours] of [
    ['192.0.2.5', 25, true],
    ['192.0.2.5', 26, false],
    ['::ffff:192.0.2.5', 25, true],
    ['198.51.100.7', 2525, true],
    ['198.51.100.7', 25, false],
    ['198.51.100.8', 2525, false],
    ['2001:db8::7', 2525, false],
    ['127.0.0.9', 2525, true],
    ['0.0.0.0', 2525, true],
    ['127.0.0.1', 587, true],
    ['203.0.113.9', 25, true],
    ['203.0.113.99', 25, false],
  ] as const) {
    test(`${ours ? 'is' : 'is not'} ${address} port ${port}`, () => {
      assert.equal(own.has(address, port), ours)
    })
  }

  test('of IPv6 is open to IPv4 as well', () => {
    const both = new OwnAddresses(['[::]:25'], [], here)
    assert.ok(both.has('198.51.100.7', 25) && both.has('2001:db8::7', 25) && both.has('::1', 25))
  })
})

describe('a family', () => {
  const SIX = '2001:db8::1'
  const FOUR = '192.0.2.1'
  let now = 0
  const silent = new Trouble('connect', 'no answer in time')
  const failed = (code: string) => new Trouble('connect', 'no', Object.assign(new Error(code), { code }))

  test('without a way out comes last at once, and first again after a while', () => {
    const families = new Families(() => now)
    assert.deepEqual(families.inOrder([SIX, FOUR]), [SIX, FOUR])
    families.failed(SIX, failed('ENETUNREACH'))
    assert.deepEqual(families.inOrder([SIX, FOUR]), [FOUR, SIX])
    now += 600_000
    assert.deepEqual(families.inOrder([SIX, FOUR]), [SIX, FOUR])
  })

  test('that nobody answers comes last after two hosts, and one answer clears it', () => {
    const families = new Families(() => now)
    families.failed(SIX, silent)
    assert.deepEqual(families.inOrder([SIX, FOUR]), [SIX, FOUR])
    families.failed('2001:db8::2', silent)
    assert.deepEqual(families.inOrder([SIX, FOUR]), [FOUR, SIX])
    families.answered('2001:db8::3')
    assert.deepEqual(families.inOrder([SIX, FOUR]), [SIX, FOUR])
  })

  test('in which a host refuses connections works', () => {
    const families = new Families(() => now)
    families.failed(SIX, silent)
    families.failed(SIX, failed('ECONNREFUSED'))
    families.failed(SIX, silent)
    assert.deepEqual(families.inOrder([SIX, FOUR]), [SIX, FOUR])
  })

  test('is waited for shortly while the other is still to be tried', () => {
    const families = new Families(() => now)
    assert.equal(families.patience(SIX, [FOUR], 30_000), 5000)
    assert.equal(families.patience(SIX, ['2001:db8::2'], 30_000), 30_000)
    assert.equal(families.patience(FOUR, [], 30_000), 30_000)
    assert.equal(families.patience(SIX, [FOUR], 500), 500)
  })
})

describe('mail by MX', () => {
  async function world(
    zones: Zones,
    options: { doors?: (port: number) => readonly string[]; sink?: SinkOptions } = {},
  ) {
    const dns = await startDnsServer(zones)
    open.push(() => dns.close())
    const sink = await new SmtpSink({ address: '127.0.0.2', ...options.sink }).start()
    open.push(() => sink.stop())
    const { port } = sink
    const rig = await makeRig({ port }, [dns.address], 'us.test', { doors: options.doors?.(port) ?? [] })
    open.push(rig.dispose)
    const send = async (to: string): Promise<Outcome> => (await rig.deliver(makeJob([to])))[0]!
    return { send, sink, dns, logged: rig.logged }
  }
  const status = (outcome: Outcome) => ('status' in outcome ? `${outcome.kind} ${outcome.status}` : outcome.kind)
  const HERE = { a: ['127.0.0.2'] }

  // RFC 5321 §5.1: the name an alias leads to is processed as if it were the initial name
  test('goes to the mail hosts of the domain that an alias leads to', async () => {
    const { send, sink } = await world({
      'alias.test': { cname: 'real.test' },
      'real.test': { mx: [[10, 'mx.test']] },
      'mx.test': HERE,
    })
    assert.equal((await send('b@alias.test')).kind, 'delivered')
    // RFC 5321 §2.3.5: the address itself stays as the sender wrote it
    assert.deepEqual(sink.messages[0]?.recipients, ['b@alias.test'])
  })

  test('goes to the address of the domain that an alias leads to when there is no MX', async () => {
    const { send } = await world({ 'alias.test': { cname: 'real.test' }, 'real.test': HERE })
    assert.equal((await send('b@alias.test')).kind, 'delivered')
  })

  test('goes to a mail host that is an alias, although RFC 2181 forbids such', async () => {
    const { send } = await world({
      'them.test': { mx: [[10, 'mx.them.test']] },
      'mx.them.test': { cname: 'host.test' },
      'host.test': HERE,
    })
    const outcome = await send('b@them.test')
    assert.ok(outcome.kind === 'delivered')
    assert.match(outcome.remote, /^mx\.them\.test /)
  })

  test('waits when aliases go round in a circle', async () => {
    const { send } = await world({ 'a.test': { cname: 'b.test' }, 'b.test': { cname: 'a.test' } })
    assert.equal(status(await send('b@a.test')), 'deferred 4.4.3')
  })

  test('waits when the alias of a mail host goes round in a circle', async () => {
    const { send } = await world({
      'them.test': { mx: [[10, 'a.test']] },
      'a.test': { cname: 'b.test' },
      'b.test': { cname: 'a.test' },
    })
    assert.equal(status(await send('b@them.test')), 'deferred 4.4.3')
  })

  describe('that leads to an address of ours', () => {
    const ours = (port: number) => [`127.0.0.5:${port}`]
    const OURS = { a: ['127.0.0.5'] }

    test('fails as a loop when we are the best', async () => {
      const zones = {
        'them.test': {
          mx: [
            [10, 'other-name.test'],
            [20, 'mx.test'],
          ] as const,
        },
        'other-name.test': OURS,
        'mx.test': HERE,
      }
      const { send, sink } = await world(zones, { doors: ours })
      assert.equal(status(await send('b@them.test')), 'failed 5.4.6')
      assert.equal(sink.connections, 0, 'a worse host would only send it back')
    })

    test('goes to better hosts only', async () => {
      const zones = {
        'them.test': {
          mx: [
            [5, 'mx.test'],
            [10, 'other-name.test'],
          ] as const,
        },
        'other-name.test': OURS,
        'mx.test': HERE,
      }
      const { send } = await world(zones, { doors: ours })
      assert.equal((await send('b@them.test')).kind, 'delivered')
    })

    test('waits when the better hosts are down', async () => {
      const zones = {
        'them.test': {
          mx: [
            [5, 'down.test'],
            [10, 'other-name.test'],
            [20, 'mx.test'],
          ] as const,
        },
        'down.test': { a: ['127.0.0.9'] },
        'other-name.test': OURS,
        'mx.test': HERE,
      }
      const { send, sink } = await world(zones, { doors: ours })
      assert.equal(status(await send('b@them.test')), 'deferred 4.4.1')
      assert.equal(sink.connections, 0)
    })

    test('is a loop also by another host of the same preference', async () => {
      const zones = {
        'them.test': {
          mx: [
            [10, 'mx.test'],
            [10, 'other-name.test'],
          ] as const,
        },
        'other-name.test': OURS,
        'mx.test': HERE,
      }
      const { send, sink } = await world(zones, { doors: ours })
      for (let count = 0; count < 5; count += 1) assert.equal(status(await send('b@them.test')), 'failed 5.4.6')
      assert.equal(sink.connections, 0)
    })

    test('is a loop without MX too', async () => {
      const { send } = await world({ 'them.test': OURS }, { doors: ours })
      assert.equal(status(await send('b@them.test')), 'failed 5.4.6')
    })
  })

  test('over IPv6 that does not work costs two tries at most, and no more with the next mails', async () => {
    const { send, sink, logged } = await world({
      'them.test': { mx: [[10, 'mx.test']] },
      'mx.test': { aaaa: ['2001:db8::1'], ...HERE },
    })
    for (let count = 0; count < 5; count += 1) assert.equal((await send('b@them.test')).kind, 'delivered')
    assert.equal(sink.messages.length, 5)
    // one where there is no way at all, two where packets vanish
    const dead = logged.filter(({ facts }) => JSON.stringify(facts).includes('2001:db8::1'))
    assert.ok(dead.length === 1 || dead.length === 2, String(dead.length))
  })

  test('of a domain with hundreds of mail hosts looks at as many as it may try', async () => {
    const mx = Array.from({ length: 300 }, (_, at) => [10, `h${at}.test`] as const)
    const { send, dns } = await world({ 'many.test': { mx } })
    const outcome = await send('b@many.test')
    assert.equal(status(outcome), 'failed 5.4.4', JSON.stringify(outcome))
    const hosts = new Set(dns.asked.map(question => question.split(' ')[1]).filter(name => /^h\d+\.test$/.test(name!)))
    assert.equal(hosts.size, 5)
  })

  test('of a host with hundreds of addresses tries three of a family', async () => {
    const a = Array.from({ length: 200 }, (_, at) => `127.0.3.${at + 1}`)
    const { send, logged } = await world({ 'them.test': { mx: [[10, 'mx.test']] }, 'mx.test': { a } })
    assert.equal((await send('b@them.test')).kind, 'deferred')
    assert.equal(logged.filter(({ sentence }) => sentence === 'mail host cannot be used').length, 3)
  })

  test('that names addresses in place of hosts goes nowhere', async () => {
    const { send, sink } = await world({ 'them.test': { mx: [[10, '127.0.0.2']] } })
    assert.equal(status(await send('b@them.test')), 'failed 5.4.4')
    assert.equal(sink.connections, 0)
  })
})
