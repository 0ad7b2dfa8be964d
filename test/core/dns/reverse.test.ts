/** Names of addresses, confirmed forward, by a name server on loopback. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createResolver } from '../../../core/dns/resolver.js'
import { reverseName } from '../../../core/dns/reverse.js'
import { type DnsServer, startDnsServer } from '../../harness/dns-server.js'
import { patientResolver } from '../../harness/patient-resolver.js'

const SIX = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa'
const many = (count: number) => Array.from({ length: count }, (_, i) => `host${i}.example.org`)

describe('the reverse name of', () => {
  let server: DnsServer
  before(async () => {
    server = await startDnsServer({
      '1.2.0.192.in-addr.arpa': { ptr: ['mail.example.org'] },
      'mail.example.org': { a: ['192.0.2.9', '192.0.2.1'], aaaa: ['2001:db8::1'] },
      [SIX]: { ptr: ['mail.example.org'] },
      '2.2.0.192.in-addr.arpa': { ptr: ['liar.example.org'] },
      'liar.example.org': { a: ['192.0.2.99'] },
      '3.2.0.192.in-addr.arpa': { ptr: ['nowhere.example.org', 'mail.example.org', 'third.example.org'] },
      'third.example.org': { a: ['192.0.2.3'] },
      '4.2.0.192.in-addr.arpa': { ptr: ['broken.example.org'] },
      'broken.example.org': { fails: 'servfail' },
      '5.2.0.192.in-addr.arpa': { fails: 'servfail' },
      '6.2.0.192.in-addr.arpa': { ptr: many(30) },
      '7.2.0.192.in-addr.arpa': { ptr: ['bad name\r\nX: y'] },
      '8.2.0.192.in-addr.arpa': { ptr: ['broken.example.org', 'eighth.example.org'] },
      'eighth.example.org': { a: ['192.0.2.8'] },
    })
  })
  after(() => server.close())

  for (const [address, kind, more] of [
    ['192.0.2.1', 'confirmed', 'mail.example.org'],
    ['::ffff:192.0.2.1', 'confirmed', 'mail.example.org'],
    ['2001:db8::1', 'confirmed', 'mail.example.org'],
    ['2001:DB8:0::1', 'confirmed', 'mail.example.org'],
    ['192.0.2.2', 'unconfirmed', undefined],
    ['192.0.2.3', 'confirmed', 'third.example.org'],
    ['192.0.2.4', 'unknown', undefined],
    ['192.0.2.5', 'unknown', undefined],
    ['192.0.2.6', 'unknown', undefined],
    ['192.0.2.7', 'none', undefined],
    ['192.0.2.8', 'confirmed', 'eighth.example.org'],
    ['192.0.2.77', 'none', undefined],
    ['/run/lmtp.sock', 'none', undefined],
  ] as const) {
    test(`${address} is ${kind}${more === undefined ? '' : `: ${more}`}`, async () => {
      const dns = patientResolver(server)
      const found = await reverseName(dns, address)
      assert.equal(found.kind, kind)
      if (found.kind === 'confirmed') assert.equal(found.name, more)
      if (found.kind === 'unknown') assert.notEqual(found.why, '')
    })
  }

  test('an address is unknown without name servers', async () => {
    const dns = createResolver({ servers: [], timeoutMs: 500, tries: 1, clock: { now: Date.now } })
    assert.equal((await reverseName(dns, '192.0.2.1')).kind, 'unknown')
  })
})
