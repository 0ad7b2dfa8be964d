import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasListedSuffix, isHosted, nameAndParents, organisationOf, publicSuffixOf } from '../../../core/text/index.js'

for (const [name, organisation, suffix] of [
  ['mail.shop.example.co.uk', 'example.co.uk', 'co.uk'],
  ['MAIL.Example.COM.', 'example.com', 'com'],
  ['example.com', 'example.com', 'com'],
  ['www.bücher.de', 'xn--bcher-kva.de', 'de'],
  ['a.user.github.io', 'user.github.io', 'github.io'],
  ['github.io', 'github.io', 'github.io'],
  ['co.uk', 'co.uk', 'co.uk'],
  ['com', 'com', 'com'],
  ['a.b.nowhere', 'b.nowhere', 'nowhere'],
  ['localhost', 'localhost', 'localhost'],
  ['_dmarc.example.org', 'example.org', 'org'],
  ['192.0.2.7', '192.0.2.7', undefined],
  ['[192.0.2.7]', '[192.0.2.7]', undefined],
  ['2001:db8::1', '2001:db8::1', undefined],
] as const) {
  test(`${name} belongs to ${organisation}, below ${suffix ?? 'nothing'}`, () => {
    assert.deepEqual([organisationOf(name), publicSuffixOf(name)], [organisation, suffix])
  })
}

test('whatever a stranger writes has an organisation, of bounded length', () => {
  for (const name of ['', '.', '..', 'a..b', 'x'.repeat(100_000), `${'a.'.repeat(100_000)}com`, '\0.\0', '@'])
    assert.ok(organisationOf(name).length <= 256, JSON.stringify(name.slice(0, 9)))
})

for (const [name, wish] of [
  ['example.com', true],
  ['a.user.github.io', true],
  ['foo.ck', true],
  ['a.b.nowhere', false],
  ['printer.local', false],
  ['192.0.2.7', false],
] as const) {
  test(`the ending of ${name} is ${wish ? '' : 'not '}one that the list has`, () => {
    assert.equal(hasListedSuffix(name), wish)
  })
}

test('names below what a company keeps for its customers are hosted', () => {
  assert.deepEqual(['a.github.io', 'example.co.uk', 'a.b.nowhere', '192.0.2.7'].map(isHosted), [
    true,
    false,
    false,
    false,
  ])
})

test('a name comes with those above it', () => {
  assert.deepEqual(
    [...nameAndParents('A.b.example.co.uk.')],
    [...['a.b.example.co.uk', 'b.example.co.uk', 'example.co.uk', 'co.uk', 'uk']],
  )
  assert.equal([...nameAndParents('a.'.repeat(10_000))].length <= 128, true)
})
