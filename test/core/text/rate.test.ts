/** Rates as admins write them, and what they hear of those that are none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatRate, NetworkMap, networkAround, type RateOf, readRate } from '../../../core/text/index.js'

const MINUTE = 60_000
const DAY = 86_400_000

for (const [text, of, limit, windowMs] of [
  ['60/1m', 'count', 60, MINUTE],
  ['60/m', 'count', 60, MINUTE],
  [' 1000 / 1h30m ', 'count', 1000, 90 * MINUTE],
  ['0/1d', 'count', 0, DAY],
  ['200MB/1d', 'size', 200 * 1024 ** 2, DAY],
  ['1.5 GB/d', 'size', 1.5 * 1024 ** 3, DAY],
  ['4096/10s', 'size', 4096, 10_000],
] as const) {
  test(`${JSON.stringify(text)} is ${limit} in ${windowMs} ms`, () => {
    assert.deepEqual(readRate(text, of), { limit, windowMs })
  })
}

test('unlimited is a rate', () => assert.equal(readRate('unlimited', 'count'), 'unlimited'))

for (const [text, of, says] of [
  ['60', 'count', 'expected / and a time, as in 60/1m at column 3'],
  ['60/', 'count', 'expected a time like 1m, 12h or 1d at column 4'],
  ['60/1', 'count', 'expected a time like 1m, 12h or 1d at column 4; did you mean 60/1m?'],
  ['60/1min', 'count', 'expected a time like 1m, 12h or 1d at column 4; did you mean 60/1m?'],
  ['60/2 huors', 'count', 'expected a time like 1m, 12h or 1d at column 4; did you mean 60/2h?'],
  ['60/day', 'count', 'expected a time like 1m, 12h or 1d at column 4; did you mean 60/d?'],
  ['60/0s', 'count', 'expected a time from 1ms to 366d at column 4'],
  ['60/400d', 'count', 'expected a time from 1ms to 366d at column 4'],
  ['60 per 1m', 'count', 'expected / and a time, as in 60/1m at column 4'],
  ['60/1m x', 'count', 'expected the end of the line at column 7'],
  ['-1/1m', 'count', 'expected a whole number at column 1'],
  ['1.5/1m', 'count', 'expected a whole number at column 1'],
  ['200MB/1d', 'count', 'expected a whole number at column 1'],
  ['200MX/1d', 'size', 'expected a size like 200MB at column 1'],
  ['unlimitd', 'count', 'expected 60/1m or unlimited at column 1; did you mean unlimited?'],
  ['none', 'size', 'expected 200MB/1d or unlimited at column 1'],
  ['', 'count', 'expected a whole number at column 1'],
] as const satisfies readonly (readonly [string, RateOf, string])[]) {
  test(`${JSON.stringify(text)} as a ${of}: ${says}`, () => {
    assert.throws(() => readRate(text, of), { name: 'ReadError', message: says })
  })
}

test('rates are written for people', () => {
  assert.equal(formatRate({ limit: 60, windowMs: MINUTE }, 'count'), '60 in 1m')
  assert.equal(formatRate({ limit: 200 * 1024 ** 2, windowMs: DAY }, 'size'), '200MB in 1d')
})

for (const [ip, lengths, network] of [
  ['192.0.2.77', undefined, '192.0.2.0/24'],
  ['192.0.2.77', { ipv4: 32 }, '192.0.2.77'],
  ['192.0.2.77', { ipv4: 25 }, '192.0.2.0/25'],
  ['192.0.2.177', { ipv4: 25 }, '192.0.2.128/25'],
  ['::ffff:192.0.2.77', { ipv4: 8 }, '192.0.0.0/8'],
  ['2001:db8:1:2:3::4', undefined, '2001:db8:1:2::/64'],
  ['2001:db8:1:2:3::4', { ipv6: 48 }, '2001:db8:1::/48'],
  ['/run/socket', undefined, undefined],
] as const) {
  test(`${ip} is of ${network} by ${JSON.stringify(lengths)}`, () => assert.equal(networkAround(ip, lengths), network))
}

test('of several networks the longest has the word, and IPv4 within IPv6 is IPv4', () => {
  const map = new NetworkMap<string>()
  for (const text of ['0.0.0.0/0', '192.0.2.0/24', '192.0.2.7', '2001:db8::/32', '2001:db8::/64']) map.set(text, text)
  for (const [ip, found] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.8', '192.0.2.0/24'],
    ['198.51.100.1', '0.0.0.0/0'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001:db8:1::1', '2001:db8::/32'],
    ['2001:db9::1', undefined],
    ['nonsense', undefined],
  ] as const)
    assert.equal(map.find(ip), found, ip)
  assert.throws(() => map.set('192.0.2.0/33', ''), RangeError)
})
