import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  closest,
  formatDate,
  formatDuration,
  formatSize,
  LOCAL_NETWORKS,
  NetworkSet,
  networkAround,
  newId,
  parseDate,
  parseDuration,
  parseNetwork,
  parseSize,
  printable,
  ReadError,
  Reader,
  readSum,
  reversedLabels,
  sumChunks,
  sumSegments,
  sumSize,
  UNROUTABLE_NETWORKS,
} from '../../../core/text/index.js'

test('a reader takes, needs and says where it stands', () => {
  const input = new Reader('TOP 12 x')
  assert.equal(input.take(/[A-Z]+/), 'TOP')
  assert.equal(input.take('12'), undefined)
  assert.equal(input.need(' ', 'a space'), ' ')
  assert.equal(input.peek(/\d/), true)
  assert.equal(input.column, 5)
  assert.equal(input.need(/\d+/, 'a number'), '12')
  assert.throws(() => input.end(), /expected the end of the line at column 7/)
  assert.equal(input.rest, ' x')
  assert.throws(
    () => new Reader('abc', 1).need(/\d+/, 'a number'),
    (error: unknown) => error instanceof ReadError && error.column === 2 && error.expected === 'a number',
  )
  assert.equal(new Reader('').atEnd, true)
})

test('a date is written as RFC 5322 wants it and read back', () => {
  assert.equal(formatDate(Date.UTC(2024, 10, 1, 2, 3, 4)), 'Fri, 1 Nov 2024 02:03:04 +0000')
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), fc.integer({ min: -840, max: 840 }), (seconds, zone) => {
      assert.equal(parseDate(formatDate(seconds * 1000, zone)), seconds * 1000)
    }),
  )
})

const NOON = Date.UTC(2024, 10, 21, 12, 17, 0)
for (const [text, ms] of [
  ['Thu, 21 Nov 2024 12:17:00 +0000', NOON],
  ['21 Nov 2024 12:17 GMT', NOON],
  ['Thu, 21 Nov 24 07:17:00 EST', NOON],
  ['Thu,21 Nov 2024 13:17:00 +0100 (CET (winter))', NOON],
  ['thu,  21  november  2024  12:17:00  -0000', NOON],
  ['Thu, 21-Nov-2024 12:17:00 Z', NOON],
  ['Thu Nov 21 12:17:00 2024', NOON],
  ['Thu Nov 21 12:17:00 GMT 2024', NOON],
  ['Thu, 21 Nov 2024 12:17:00', NOON],
  ['Thu, 21 Nov 2024 12:17:00 XYZ', NOON],
  ['Thu, 31 Feb 2024 12:17:00 +0000', undefined],
  ['Thu, 21 Nov 2024 25:17:00 +0000', undefined],
  ['Thu, 21 Foo 2024 12:17:00 +0000', undefined],
  ['yesterday', undefined],
  ['', undefined],
] as const) {
  test(`the date ${JSON.stringify(text)} is ${ms === undefined ? 'none' : 'understood'}`, () => {
    assert.equal(parseDate(text), ms)
  })
}

test('a date as the standard has it says what it says to the patient reader', () => {
  const number = (most: number, length: number) => fc.nat(most).map(value => String(value).padStart(length, '0'))
  const parts = fc.tuple(
    ...[
      fc.constantFrom('Thu, ', '', 'Xyz, ', 'Thursday, '),
      number(33, 1),
      fc.constantFrom('Nov', 'feb', 'FEB', 'May', 'Foo'),
    ],
    ...[number(2400, 4), number(25, 2), number(61, 2), number(61, 2), fc.constantFrom('+', '-'), number(9999, 4)],
    fc.constantFrom('', ' ', ' (CET)', ' (a (b) c)', ' (', ' x'),
  )
  let read = 0
  fc.assert(
    fc.property(parts, ([weekday, day, month, year, hour, minute, second, sign, zone, rest]) => {
      const dated = `${weekday}${day} ${month} ${year}`
      const timed = `${hour}:${minute}:${second} ${sign}${zone}${rest}`
      // Nothing that is usual has two spaces in it.
      assert.equal(parseDate(`${dated} ${timed}`), parseDate(`${dated}  ${timed}`), `${dated} ${timed}`)
      if (parseDate(`${dated} ${timed}`) !== undefined) read++
    }),
    { numRuns: 5000 },
  )
  assert.ok(read > 1000, `${read} were dates`)
})

for (const [text, ms] of [
  ['500ms', 500],
  ['90s', 90_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1.5h', 5_400_000],
  ['5d', 432_000_000],
  ['2w', 1_209_600_000],
  ['0', 0],
  ['5', undefined],
  ['5 minutes', undefined],
  ['-5m', undefined],
  ['m', undefined],
  ['', undefined],
] as const) {
  test(`the duration ${JSON.stringify(text)} is ${ms} ms`, () => assert.equal(parseDuration(text), ms))
}

test('a duration that was formatted is read back the same', () => {
  fc.assert(fc.property(fc.nat(1e12), ms => assert.equal(parseDuration(formatDuration(ms)), ms)))
})

for (const [text, bytes] of [
  ['50MB', 52_428_800],
  ['64kb', 65_536],
  ['1.5 GiB', 1_610_612_736],
  ['10K', 10_240],
  ['123', 123],
  ['123B', 123],
  ['x', undefined],
  ['1XB', undefined],
  ['-1', undefined],
] as const) {
  test(`the size ${JSON.stringify(text)} is ${bytes} bytes`, () => assert.equal(parseSize(text), bytes))
}

test('sizes are formatted for people', () => {
  assert.deepEqual([0, 1023, 1536, 52_428_800].map(formatSize), ['0B', '1023B', '1.5KB', '50MB'])
})

for (const [word, expected] of [
  ['acces', 'access'],
  ['acecss', 'access'],
  ['RELAY', 'relay'],
  ['xyzzy', undefined],
  ['', undefined],
] as const) {
  test(`${JSON.stringify(word)} probably means ${expected ?? 'nothing'}`, () => {
    assert.equal(closest(word, ['access', 'relay', 'spam-rules']), expected)
  })
}

test('text of a peer becomes one harmless line', () => {
  assert.equal(printable('a\r\nb\u0000c\u202ed\u009be\ud800f'), 'a??b?c?d?e?f')
  assert.equal(printable('grün ✓ 👍'), 'grün ✓ 👍')
  assert.equal(printable('abcdef', 4), 'abc…')
})

test('ids are sorted by time, unique, and the same again for the same randomness', () => {
  const now = Date.UTC(2026, 0, 1)
  const ids = Array.from({ length: 8000 }, () => newId(now))
  assert.equal(new Set(ids).size, 8000)
  for (const id of ids) assert.match(id, /^[0-9a-hjkmnp-tv-z]{16}$/)
  assert.ok(newId(now - 1) < ids[0]! && ids[0]! < newId(now + 1))
  assert.equal(
    newId(now, () => 0.5),
    newId(now, () => 0.5),
  )
  assert.equal(newId(now, () => Buffer.alloc(8, 255)).slice(9), 'zzzzzzz')
})

for (const [network, inside, outside] of [
  ['192.0.2.0/24', ['192.0.2.1', '::ffff:192.0.2.1'], ['192.0.3.1', '::1', 'x', '']],
  ['192.0.2.7', ['192.0.2.7'], ['192.0.2.8']],
  ['10.0.0.1/9', ['10.127.0.1'], ['10.128.0.1']],
  ['0.0.0.0/0', ['1.2.3.4', '::ffff:1.2.3.4'], ['2001:db8::1']],
  ['2001:db8::/33', ['2001:db8:7fff::1'], ['2001:db8:8000::1']],
  ['::1', ['::1', '0:0:0:0:0:0:0:1'], ['::2', '127.0.0.1']],
  ['::ffff:192.0.2.0/120', ['192.0.2.9'], ['192.0.3.9']],
  ['fe80::/10', ['fe80::1%eth0'], ['ff80::1']],
] as const) {
  test(`${network} holds ${inside.join(', ')} and nothing else`, () => {
    const holds = parseNetwork(network)!
    for (const ip of inside) assert.equal(holds(ip), true, ip)
    for (const ip of outside) assert.equal(holds(ip), false, ip)
  })
}

for (const text of [
  '',
  'x',
  '1',
  '010.0.0.1',
  '192.0.2.0/33',
  '192.0.2.0/',
  '::/129',
  '192.0.2.0/-1',
  '192.0.2.0/24/1',
]) {
  test(`${JSON.stringify(text)} is no network`, () => {
    assert.equal(parseNetwork(text), undefined)
    assert.throws(() => new NetworkSet([text]), RangeError)
  })
}

for (const [ip, network] of [
  ['192.0.2.77', '192.0.2.0/24'],
  ['::ffff:192.0.2.77', '192.0.2.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['::1', '::/64'],
  ['fe80::1%eth0', 'fe80::/64'],
  ['/run/socket', undefined],
] as const) {
  test(`${ip} is one of ${network ?? 'no network'}`, () => assert.equal(networkAround(ip), network))
}

test('a set of networks holds what any of them holds', () => {
  const set = new NetworkSet(['192.0.2.0/24', '198.51.100.7', '2001:db8::/32'])
  assert.deepEqual(
    ['192.0.2.255', '198.51.100.7', '198.51.100.8', '2001:db8:1::'].map(ip => set.has(ip)),
    [true, true, false, true],
  )
})

test('any range of the sum is what the range of the joined octets is', async () => {
  const parts = fc.record({
    prefix: fc.string({ maxLength: 10 }),
    body: fc.stringMatching(/^[a-z]{0,40}$/),
    places: fc.array(fc.nat(40), { maxLength: 6 }),
  })
  await fc.assert(
    fc.asyncProperty(parts, fc.nat(60), fc.nat(60), async ({ prefix, body, places }, from, to) => {
      const sorted = [...new Set(places.filter(place => place <= body.length))].sort((a, b) => a - b)
      const cuts = sorted.flatMap((place, i) => (i % 2 === 1 ? [[sorted[i - 1]!, place] as const] : []))
      const sum = { prefix: Buffer.from(prefix), bodySize: body.length, cuts }
      const readBody = async (start: number, end: number) => Buffer.from(body.slice(start, end))
      let kept = body
      for (const [start, end] of [...cuts].reverse()) kept = kept.slice(0, start) + kept.slice(end)
      const whole = Buffer.concat([sum.prefix, Buffer.from(kept)])
      const numbers = { prefixBytes: sum.prefix.length, bodySize: body.length, cuts }
      assert.equal(sumSize(numbers), whole.length)
      assert.deepEqual(await readSum(sum, readBody, from, to), whole.subarray(from, Math.max(from, to)))
      const chunks: Buffer[] = []
      for await (const chunk of sumChunks(sum, readBody, 7)) chunks.push(chunk)
      assert.deepEqual(Buffer.concat(chunks), whole)
      for (const segment of sumSegments(numbers, from, to)) assert.ok(segment.start < segment.end)
    }),
  )
})

for (const [address, local, unroutable] of [
  ['127.0.0.1', true, true],
  ['10.255.0.1', true, true],
  ['172.31.0.1', true, true],
  ['172.32.0.1', false, false],
  ['100.64.0.1', true, true],
  ['::1', true, true],
  ['fd00::1', true, true],
  ['fe80::1', true, true],
  ['::ffff:192.168.1.1', true, true],
  ['192.0.2.1', false, true],
  ['0.0.0.0', false, true],
  ['224.0.0.1', false, true],
  ['255.255.255.255', false, true],
  ['::', false, true],
  ['2001:db8::1', false, true],
  ['ff02::1', false, true],
  ['44.0.0.1', false, false],
  ['2600::1', false, false],
] as const) {
  test(`${address} is ${local ? 'local' : unroutable ? 'of no use in the world' : 'an address of the world'}`, () => {
    assert.deepEqual(
      [new NetworkSet(LOCAL_NETWORKS).has(address), new NetworkSet(UNROUTABLE_NETWORKS).has(address)],
      [local, unroutable],
    )
  })
}

for (const [address, labels] of [
  ['192.0.2.99', '99.2.0.192'],
  ['::ffff:192.0.2.99', '99.2.0.192'],
  // RFC 5782 §2.4 has this very one.
  ['2001:db8:1:2:3:4:567:89ab', 'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2'],
  ['example.org', undefined],
  ['', undefined],
] as const) {
  test(`${address || 'nothing'} in zones of the name service is ${labels ?? 'nothing'}`, () => {
    assert.equal(reversedLabels(address), labels)
  })
}
