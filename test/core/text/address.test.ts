import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addressKey,
  addressOfKey,
  formatAddress,
  isAscii,
  normaliseDomain,
  parseAddress,
  readPath,
  toAsciiDomain,
} from '../../../core/text/index.js'

for (const [text, local, domain] of [
  ['joe@example.org', 'joe', 'example.org'],
  ['Joe.Q+tag@Example.ORG.', 'Joe.Q+tag', 'example.org'],
  ['"joe"@example.org', 'joe', 'example.org'],
  ['"a b\\"c\\\\"@example.org', 'a b"c\\', 'example.org'],
  ['""@example.org', '', 'example.org'],
  ['joe@[192.0.2.1]', 'joe', '[192.0.2.1]'],
  ['joe@[IPv6:2001:DB8::1]', 'joe', '[ipv6:2001:db8::1]'],
  ['jörg@münchen.example', 'jörg', 'münchen.example'],
  ['joe@xn--mnchen-3ya.example', 'joe', 'xn--mnchen-3ya.example'],
  [`${'l'.repeat(64)}@example.org`, 'l'.repeat(64), 'example.org'],
] as const) {
  test(`${text.slice(0, 40)} is an address`, () => {
    assert.deepEqual(parseAddress(text), { local, domain })
  })
}

for (const text of [
  '',
  'joe',
  '@example.org',
  'joe@',
  'joe@@example.org',
  'joe..x@example.org',
  '.joe@example.org',
  'joe.@example.org',
  'joe doe@example.org',
  'joe@example..org',
  'joe@-example.org',
  'joe@example-.org',
  'joe@exa_mple.org',
  'joe@[192.0.2.256]',
  'joe@[::1]',
  'joe@[x-tag:any.thing]',
  `${'l'.repeat(64)}@${'abcdefg.'.repeat(24)}org`,
  'joe@[IPv6:fe80::1%eth0]',
  'joe@example.org ',
  ' joe@example.org',
  'joe@example.org\r\n',
  'joe\u0000@example.org',
  'joe\ufffd@example.org',
  '"joe@example.org',
  '"jo"e@example.org',
  'joe@１２.example\u3002org',
  'joe@１.２.３.４',
  `${'l'.repeat(65)}@example.org`,
  `joe@${'d'.repeat(64)}.org`,
  `joe@${'abcdefg.'.repeat(40)}org`,
]) {
  test(`${JSON.stringify(text.slice(0, 40))} is no address`, () => {
    assert.equal(parseAddress(text), undefined)
  })
}

for (const [text, expected] of [
  ['<joe@example.org>', { address: { local: 'joe', domain: 'example.org' }, rest: '' }],
  ['<joe@example.org> SIZE=5', { address: { local: 'joe', domain: 'example.org' }, rest: ' SIZE=5' }],
  ['<>', { address: null, rest: '' }],
  ['<PostMaster>', { address: { local: 'PostMaster', domain: '' }, rest: '' }],
  ['<"a>b"@example.org>x', { address: { local: 'a>b', domain: 'example.org' }, rest: 'x' }],
  ['<@a.org,@b.org:c@d.org>', { address: { local: 'c', domain: 'd.org' }, sourceRoute: '@a.org,@b.org', rest: '' }],
  ['<joe>', undefined],
  ['joe@example.org', undefined],
  ['<joe@example.org', undefined],
  ['< joe@example.org>', undefined],
  ['<@a.org:>', undefined],
  ['', undefined],
] as const) {
  test(`the path ${JSON.stringify(text)} is read as ${expected === undefined ? 'none' : 'meant'}`, () => {
    assert.deepEqual(readPath(text), expected)
  })
}

test('what is written is read back the same', () => {
  const local = fc.string({ minLength: 1, maxLength: 30, unit: 'binary-ascii' }).filter(text => /^[ -~]+$/.test(text))
  fc.assert(
    fc.property(local, text => {
      const address = { local: text, domain: 'example.org' }
      assert.deepEqual(readPath(`<${formatAddress(address)}>`)?.address, address)
    }),
  )
})

test('no text makes a reader throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => {
      parseAddress(text)
      readPath(`<${text}`)
      normaliseDomain(text)
    }),
  )
})

test('the null sender is written as nothing and postmaster without a domain', () => {
  assert.equal(formatAddress(null), '')
  assert.equal(formatAddress({ local: 'Postmaster', domain: '' }), 'Postmaster')
})

test('addresses that differ in case or in the spelling of an international domain have one key', () => {
  const keys = ['Joe@münchen.example', 'joe@MÜNCHEN.example', 'joe@xn--mnchen-3ya.example'].map(text =>
    addressKey(parseAddress(text)!),
  )
  assert.deepEqual(new Set(keys), new Set(['joe@xn--mnchen-3ya.example']))
})

test('an address is ASCII when both its halves are', () => {
  assert.equal(isAscii({ local: 'a', domain: 'b.org' }), true)
  assert.equal(isAscii({ local: 'ä', domain: 'b.org' }), false)
  assert.equal(isAscii({ local: 'a', domain: 'ä.org' }), false)
})

for (const [domain, ascii] of [
  ['example.org', 'example.org'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['1.2.3', '1.2.3'],
  ['', undefined],
  ['.', undefined],
  ['a b', undefined],
  ['xn--\u00e4', undefined],
] as const) {
  test(`the A-label form of ${JSON.stringify(domain)} is ${ascii ?? 'none'}`, () => {
    assert.equal(toAsciiDomain(domain), ascii)
  })
}

for (const [written, key] of [
  ['Alice@Example.test', 'alice@example.test'],
  ['"j doe"@example.test', 'j doe@example.test'],
  ['"a\\"b@c"@example.test', 'a"b@c@example.test'],
  ['"\\"alice\\""@example.test', '"alice"@example.test'],
  ['Jörg@bücher.test', 'jörg@xn--bcher-kva.test'],
] as const) {
  test(`the address behind the key ${key} has that key`, () => {
    assert.equal(addressKey(parseAddress(written)!), key)
    assert.equal(addressKey(addressOfKey(key)!), key)
  })
}

test('what no address can have is nobody’s key', () => {
  for (const key of ['', 'alice', 'alice@', 'a\r\nb@example.test', `${'x'.repeat(65)}@example.test`])
    assert.equal(addressOfKey(key), undefined, JSON.stringify(key))
})
