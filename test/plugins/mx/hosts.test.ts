/**
 * Order of mail hosts, routes, and which addresses a stranger may lead us to.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Resolver } from '../../../core/api/index.js'
import { addressesOf } from '../../../plugins/mx/addresses/addresses.js'
import { isPublic } from '../../../plugins/mx/addresses/public.js'
import { type HostOptions, ranked } from '../../../plugins/mx/hosts.js'
import { Routes } from '../../../plugins/mx/routes/routes.js'

const DNS: Resolver = {
  configured: true,
  mx: async () => [],
  a: async () => [],
  aaaa: async () => [],
  txt: async () => [],
  ptr: async () => [],
}

function options(more: Partial<HostOptions> = {}): HostOptions {
  return {
    routes: new Routes({}),
    port: 25,
    maxHosts: 3,
    allowPrivate: false,
    ownName: 'us.test',
    dns: DNS,
    random: () => 0.5,
    ...more,
  }
}

function names(draws: readonly number[], maxHosts = 10): readonly string[] {
  let at = 0
  const found = ranked(
    'them.test',
    [
      { preference: 20, exchange: 'c' },
      { preference: 10, exchange: 'a' },
      { preference: 10, exchange: 'b' },
    ],
    options({ maxHosts, random: () => draws[at++]! }),
  )
  return found.kind === 'hosts' ? found.hosts.map(host => host.name) : [found.kind]
}

test('hosts come by preference, and by chance among equals', () => {
  assert.deepEqual(names([0.9, 0.1, 0.2]), ['a', 'b', 'c'])
  assert.deepEqual(names([0.1, 0.8, 0.2]), ['b', 'a', 'c'])
})

test('no more hosts than configured, the best of them', () => {
  assert.deepEqual(names([0.9, 0.1, 0.2], 1), ['a'])
})

for (const [domain, host] of [
  ['example.org', 'exact'],
  ['EXAMPLE.org', 'exact'],
  ['a.example.org', 'sub'],
  ['b.a.example.org', 'deep'],
  ['notexample.org', 'all'],
  ['bücher.example', 'books'],
  ['xn--bcher-kva.example', 'books'],
] as const) {
  test(`${domain} takes the route "${host}"`, () => {
    const routes = new Routes({
      '*': 'all:1',
      '.example.org': 'sub:1',
      '.a.example.org': 'deep:1',
      'example.org': 'exact:1',
      'bücher.example': 'books:1',
    })
    assert.equal(routes.find(domain)?.lane?.split(':')[0], host)
  })
}

for (const [pattern, endpoint] of [
  ['example.org', 'no-port'],
  ['example.org', 'host:0'],
  ['example.org', 'unix:/x'],
  ['exa mple', 'host:25'],
] as const) {
  test(`the route ${pattern} → ${endpoint} is refused with a sentence`, () => {
    assert.throws(() => new Routes({ [pattern]: endpoint }), /expected/)
  })
}

for (const [address, open] of [
  ['8.8.8.8', true],
  ['2606:4700::1111', true],
  ['127.0.0.1', false],
  ['10.1.2.3', false],
  ['172.16.0.1', false],
  ['192.168.1.1', false],
  ['169.254.169.254', false],
  ['100.64.0.1', false],
  ['0.0.0.0', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['::1', false],
  ['::', false],
  ['fe80::1', false],
  ['fd00::1', false],
  ['::ffff:127.0.0.1', false],
  ['64:ff9b::7f00:1', false],
  ['2130706433', false],
  ['0x7f.1', false],
  ['', false],
] as const) {
  test(`${address || 'nothing'} is ${open ? '' : 'not '}an address a stranger may lead us to`, () => {
    assert.equal(isPublic(address), open)
  })
}

test('of a host with many addresses three of each family are tried, IPv6 first', async () => {
  const dns: Resolver = {
    ...DNS,
    a: async () => ['8.8.8.1', '8.8.8.2', '8.8.8.3', '8.8.8.4'],
    aaaa: async () => ['2606::1', '2606::2', '2606::3', '2606::4'],
  }
  const host = { name: 'mx.test', port: 25, fixed: false }
  assert.deepEqual(await addressesOf(host, options({ dns }), new AbortController().signal), {
    kind: 'addresses',
    addresses: ['2606::1', '2606::2', '2606::3', '8.8.8.1', '8.8.8.2', '8.8.8.3'],
  })
})

test('trouble with one family does not hide the other', async () => {
  const dns: Resolver = { ...DNS, a: async () => ['8.8.8.8'], aaaa: () => Promise.reject(new Error('servfail')) }
  const host = { name: 'mx.test', port: 25, fixed: false }
  assert.deepEqual(await addressesOf(host, options({ dns }), new AbortController().signal), {
    kind: 'addresses',
    addresses: ['8.8.8.8'],
  })
})
