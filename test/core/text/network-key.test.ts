import assert from 'node:assert/strict'
import { test } from 'node:test'
import { networkKey, networkKeys } from '../../../core/text/index.js'

for (const [network, key] of [
  ['192.0.2.77/24', '4/24/c00002'],
  ['192.0.2.77', '4/32/c000024d'],
  ['192.0.2.77/30', '4/30/c000024c'],
  ['192.0.2.77/29', '4/29/c0000248'],
  ['10.0.0.0/9', '4/9/0a0'],
  ['0.0.0.0/0', '4/0/'],
  ['::ffff:192.0.2.77/120', '4/24/c00002'],
  ['2001:db8::1/32', '6/32/20010db8'],
  ['2001:db8::/33', '6/33/20010db80'],
] as const) {
  test(`${network} has the key ${key}, and its addresses find it`, () => {
    assert.equal(networkKey(network), key)
    const lengths = Array.from({ length: 129 }, (_, bits) => bits)
    const ip = network.split('/')[0]!
    assert.ok(networkKeys(ip, { ipv4: lengths.slice(0, 33), ipv6: lengths }).includes(key))
  })
}

test('what is no network has no key, and what is no address has none either', () => {
  for (const text of ['', '10', '1.2.3', '192.0.2.1/33', '192.0.2.1/', '192.0.2.1/x', 'unix:/x'])
    assert.equal(networkKey(text), undefined, text)
  assert.deepEqual(networkKeys('unix:/x', { ipv4: [32], ipv6: [128] }), [])
})
