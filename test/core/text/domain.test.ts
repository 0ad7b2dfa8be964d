import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DomainSet, decodeWords, encodeWords } from '../../../core/text/index.js'

const OURS = new DomainSet(['Example.ORG.', 'bücher.test', 'xn--caf-dma.test'])

for (const [domain, wish] of [
  ['example.org', true],
  ['EXAMPLE.org', true],
  ['bücher.test', true],
  ['BÜCHER.test', true],
  ['xn--bcher-kva.test', true],
  ['café.test', true],
  ['cafe\u0301.test', true],
  ['xn--caf-dma.test', true],
  ['ｅｘａｍｐｌｅ.org', true],
  ['sub.example.org', false],
  ['example.org.evil.test', false],
  ['', false],
  ['[127.0.0.1]', false],
  ['bucher.test', false],
] as const) {
  test(`${domain || 'the empty domain'} is ${wish ? '' : 'not '}one of ours, however it is written`, () => {
    assert.equal(OURS.has(domain), wish)
  })
}

test('domains come out as they were first given, each once', () => {
  assert.deepEqual(
    [...new DomainSet(['Example.org', 'example.org.', 'bücher.test', 'xn--bcher-kva.test'])],
    ['example.org', 'bücher.test'],
  )
})

test('any text comes back from its encoded words, which are ASCII and short enough', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }), { maxLength: 8 }), words => {
      const text = words.map(word => word.replace(/[\s\p{Cc}?=]/gu, 'x')).join(' ')
      const encoded = encodeWords(text)
      assert.match(encoded, /^[\x20-\x7e]*$/)
      for (const word of encoded.match(/=\?[^ ]*\?=/g) ?? []) assert.ok(word.length <= 75)
      assert.equal(decodeWords(encoded).normalize('NFC'), text.normalize('NFC'))
    }),
  )
})
