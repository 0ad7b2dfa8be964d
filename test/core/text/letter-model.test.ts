/** Letter models: words are of their language, drawn letters of none, and what has no model is never called odd. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fitOf, oddness } from '../../../core/text/index.js'

describe('a word fits', () => {
  for (const [word, language] of [
    ['neighbourhood', 'en'],
    ['Rechtschreibung', 'de'],
    ['szczęśliwego', 'pl'],
    ['aujourd', 'fr'],
    ['käyttäjätunnuksen', 'fi'],
    ['değerlendirilmesi', 'tr'],
    ['zhongguancun', 'zh'],
    ['достопримечательность', 'ru'],
    ['різноманітності', 'uk'],
    ['πληροφορίες', 'el'],
  ] as const) {
    test(`${word}: ${language}`, () => assert.equal(fitOf(word)?.language, language))
  }
})

test('drawn letters fit no language, accents and capitals change nothing', () => {
  for (const word of ['xkqzjvbt', 'qwzxkjvbnt', 'hjqkwdvx', 'скжфщцъбг']) assert.ok(oddness(word) >= 6, word)
  assert.equal(oddness('XKQZJVBT'), oddness('xkqzjvbt'))
  assert.equal(oddness('señor'), oddness('senor'))
})

test('what has no model is never odd: other alphabets, mixed ones, digits, short words', () => {
  for (const word of ['新しい製品', '안녕하세요', 'שלוםרבל', 'สวัสดีครับ', 'Pаypal', 'a1b2c3d4', 'xq', '', '😀😀😀😀']) {
    assert.equal(oddness(word), 0, word)
  }
})

test('a question with a limit never finds a word odd that is not, nor the other way', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{3,30}$/), fc.constantFrom(4, 5.9, 6.3), (word, limit) => {
      assert.equal(oddness(word, limit) >= limit, oddness(word) >= limit)
    }),
  )
})
