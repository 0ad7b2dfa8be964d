/** Rewritten addresses: there and back, over any number of servers, and none that anybody else made. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type AddressParts, formatAddress, parseAddress } from '../../../core/text/index.js'
import { read, rewrite, type Scheme } from '../../../plugins/srs/address.js'

const NOW = Date.UTC(2026, 10, 21)
const DAY = 86_400_000
const KEY = Buffer.alloc(32, 7)
const scheme = (domain = 'us.test', more: Partial<Scheme> = {}): Scheme => ({
  ...{ key: KEY, domain, hashLength: 8, maxAgeDays: 21 },
  ...more,
})
const address = (text: string): AddressParts => parseAddress(text)!
const rewritten = (text: string, by = scheme(), now = NOW): string => {
  const written = rewrite(address(text), by, now)
  return written.kind === 'too-long' ? written.kind : formatAddress(written.sender)
}

describe('a sender', () => {
  test('is rewritten, and read again', () => {
    const text = rewritten('alice@first.test')
    assert.match(text, /^SRS0=[a-z2-7]{8}=[a-z2-7]{2}=first\.test=alice@us\.test$/)
    assert.deepEqual(read(address(text).local, scheme(), NOW), {
      kind: 'good',
      to: address('alice@first.test'),
      ageDays: 0,
    })
  })

  for (const text of [
    'a=b@first.test',
    'a+b=c=d@first.test',
    '"a b"@first.test',
    '"a@b"@first.test',
    'gr\u00fc\u00df@b\u00fccher.test',
    'SRS2=x@first.test',
  ])
    test(`${text} comes back as it was`, () => {
      const found = read(address(rewritten(text)).local, scheme(), NOW)
      assert.equal(found.kind, 'good')
      const domain = text.includes('\u00fc') ? 'xn--bcher-kva.test' : 'first.test'
      assert.deepEqual(found.to, { ...address(text), domain })
    })

  test('goes back in two steps, however many servers were on the way', () => {
    const servers = ['one.test', 'two.test', 'three.test', 'four.test'].map(domain =>
      scheme(domain, { key: randomBytes(32) }),
    )
    let sender = address('alice@first.test')
    for (const server of servers) {
      const written = rewrite(sender, server, NOW)
      assert.equal(written.kind, 'rewritten')
      sender = written.sender
    }
    assert.match(
      formatAddress(sender),
      /^SRS1=[a-z2-7]{8}=one\.test==[a-z2-7]{8}=[a-z2-7]{2}=first\.test=alice@four\.test$/,
    )
    const back = read(sender.local, servers[3]!, NOW)
    assert.ok(back.kind === 'good' && back.to.domain === 'one.test')
    const home = read(back.to.local, servers[0]!, NOW)
    assert.ok(home.kind === 'good')
    assert.deepEqual(home.to, address('alice@first.test'))
  })

  for (const separator of ['+', '-', '='])
    test(`of another's form with ${separator} is kept as it is`, () => {
      const text = rewritten(`SRS0${separator}ab=cd=first.test=alice@other.test`)
      const found = read(address(text).local, scheme(), NOW)
      assert.ok(found.kind === 'good')
      assert.deepEqual(found.to, address(`SRS0${separator}ab=cd=first.test=alice@other.test`))
    })

  test('that we made is known when it comes by again, also behind another server', () => {
    const ours = rewritten('alice@first.test')
    assert.deepEqual(rewrite(address(ours), scheme(), NOW), { kind: 'looped', sender: address(ours) })
    const theirs = rewritten(ours, scheme('them.test', { key: randomBytes(32) }))
    assert.match(theirs, /^SRS1=.*=us\.test==/)
    assert.deepEqual(rewrite(address(theirs), scheme(), NOW), { kind: 'looped', sender: address(ours) })
    const second = rewritten('SRS0=ab=cd=first.test=alice@other.test')
    assert.deepEqual(rewrite(address(second), scheme(), NOW), { kind: 'looped', sender: address(second) })
  })

  test('that leaves no room is not rewritten: 64 octets and no more', () => {
    const room = 64 - 'SRS0=12345678=ab=first.test='.length
    assert.equal(address(rewritten(`${'a'.repeat(room)}@first.test`)).local.length, 64)
    assert.equal(rewritten(`${'a'.repeat(room + 1)}@first.test`), 'too-long')
    // quotes need room too
    assert.equal(rewritten(`"${'a'.repeat(room - 2)} "@first.test`), 'too-long')
    assert.equal(rewritten(`a@${'b'.repeat(60)}.test`), 'too-long')
    assert.equal(rewritten(`SRS0=ab=cd=first.test=${'a'.repeat(40)}@other.test`), 'too-long')
  })
})

describe('an address', () => {
  const good = address(rewritten('Alice@first.test')).local

  test('is good whatever became of its case', () => {
    for (const local of [good.toLowerCase(), good.toUpperCase()]) {
      const found = read(local, scheme(), NOW)
      assert.ok(found.kind === 'good')
      assert.equal(found.to.local.toLowerCase(), 'alice')
      assert.equal(found.to.domain, 'first.test')
    }
  })

  for (const [days, kind] of [
    [0, 'good'],
    [21, 'good'],
    [22, 'expired'],
    [-1, 'expired'],
    [1023, 'expired'],
  ] as const)
    test(`is ${kind} after ${days} days`, () => {
      assert.equal(read(good, scheme(), NOW + days * DAY).kind, kind)
    })

  test('is good over the end of the count of days', () => {
    const last = 1023 * DAY
    const text = rewritten('alice@first.test', scheme(), last)
    const found = read(address(text).local, scheme(), last + 3 * DAY)
    assert.ok(found.kind === 'good' && found.ageDays === 3)
  })

  test('of another key is forged, and so is one with any letter changed', () => {
    assert.equal(read(good, scheme('us.test', { key: randomBytes(32) }), NOW).kind, 'forged')
    const text = address(rewritten('alice@first.test')).local
    for (let at = 5; at < text.length; at++) {
      const changed = `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`
      assert.notEqual(read(changed, scheme(), NOW).kind, 'good', changed)
    }
  })

  test('with a shorter hash than ours is forged, with a longer one of ours good', () => {
    const short = address(rewritten('a@first.test', scheme('us.test', { hashLength: 4 }))).local
    const long = address(rewritten('a@first.test', scheme('us.test', { hashLength: 20 }))).local
    assert.equal(read(short, scheme(), NOW).kind, 'forged')
    assert.equal(read(long, scheme(), NOW).kind, 'good')
  })

  test('of the first kind is not one of the second', () => {
    const rest = good.slice(4)
    for (const local of [`SRS1${rest}`, `SRS1=${rest.split('=')[1]}=first.test=${rest}`])
      assert.equal(read(local, scheme(), NOW).kind, 'forged')
  })

  for (const local of [
    'SRS0=',
    'SRS0==',
    'SRS0===',
    'SRS0====',
    'SRS1=',
    'SRS1===',
    'SRS0=a=b=c',
    'SRS1=a=b',
    'srs0=aaaaaaaa=aa=world.test=x',
  ])
    test(`${local} is forged`, () => {
      assert.equal(read(local, scheme(), NOW).kind, 'forged')
    })

  for (const local of ['alice', 'SRS', 'SRS0', 'SRS0alice', 'srs2=x', 'xSRS0=a=b=c=d', ''])
    test(`${JSON.stringify(local)} is none of these`, () => {
      assert.equal(read(local, scheme(), NOW).kind, 'other')
    })

  test('is never good unless we made it, nor is anything thrown', () => {
    const part = fc.string({
      unit: fc.constantFrom('a', 'b', '2', '=', '+', '.', 'S', '%', '\u00fc', ' '),
      maxLength: 12,
    })
    fc.assert(
      fc.property(fc.constantFrom('SRS0=', 'SRS1=', 'srs0+'), fc.array(part, { maxLength: 6 }), (start, parts) => {
        assert.notEqual(read(start + parts.join('='), scheme(), NOW).kind, 'good')
      }),
      { numRuns: 5000 },
    )
  })
})
