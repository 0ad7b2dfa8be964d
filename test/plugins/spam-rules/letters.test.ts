/** Letter patterns: each finds what it is for and leaves alone what comes nearest to it in honest mail. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { countLetters } from '../../../plugins/spam-rules/letters/count.js'
import { LETTER_TESTS, testLetters } from '../../../plugins/spam-rules/letters/tests.js'

const TAGS = 'java spring hibernate maven gradle kotlin android testing docker jenkins'
const SALAD =
  'opium transposition cackle bagatelle hydrogen limpid foxglove marquee dialect tungsten quibble sonnet ' +
  'harness pelican obstruct vermilion gasket tribune landlord epitaph cobalt nocturne'
const PROSE =
  'the patch that you sent to the list last week does not apply to the current tree, so please send it again with the changes ' +
  'that we have talked about, and do not forget to run the tests before that'

describe('letter patterns', () => {
  for (const [name, text, atLeast, hit] of [
    ['capitals', 'BUY THIS WATCH NOW', 80, true],
    ['capitals', 'Re: RFC', 80, false],
    ['capitals', '今だけ特別価格のお知らせです、詳しくはこちら', 60, false],
    ['spaced-out', 'V I A G R A', 1, true],
    ['spaced-out', 'I am a b c', 1, false],
    ['mixed-scripts', 'Pаypal', 1, true],
    ['mixed-scripts', 'Москва Paris', 1, false],
    ['mixed-scripts', 'the β-carotene and 5 μm', 1, false],
    ['mixed-scripts', 'TシャツとYシャツ', 1, false],
    ['zero-width', 'Pr\u200bime', 1, true],
    ['zero-width', 'a \u200b\u200b\u200b b', 1, false],
    ['zero-width', 'क्\u200dष नमस्\u200cते', 1, false],
    ['fancy', '𝐅𝐫𝐞𝐞', 1, true],
    ['fancy', 'P͓̽l͓̽e͓̽a͓̽s͓̽e͓̽', 1, true],
    ['fancy', 'Việt Nam'.normalize('NFD'), 1, false],
    ['fancy', 'Thông báo: Nghiêng ngả, khuỷu tay, Trường học', 1, false],
    ['fancy', 'Ýóúŕ áććóúńť', 1, true],
    ['fancy', 'ＮＨＫのニュース', 1, false],
    ['fancy', 'ＦＲＥＥ gift', 1, true],
    ['symbols', '$$$ win $$$', 15, true],
    ['symbols', '【お知らせ】新商品のご案内！', 15, false],
    ['emoji', '🎁🔥 Your gift 💰 inside 🎉', 3, true],
    ['emoji', 'Happy birthday 🎂', 2, false],
    ['emoji', 'Posthouse™ © 2026 ✓', 1, false],
    ['long-run', 'Act now!!!!!!', 5, true],
    ['long-run', 'Hmm... ==== hahahaha 1000000', 5, false],
    ['gibberish', 'hello xkqzjvbt', 1, true],
    ['gibberish', 'see https://host.example/xkqzjvbt and xkqzjvbt_1', 1, false],
    ['gibberish', 'Aaaaaargh, hmmmmmmmm', 1, false],
    ['gibberish', 'скжфщцъбг', 1, true],
    ['gibberish', 'достопримечательность зустрічаються ευχαριστούμε', 1, false],
    ['gibberish', '新しい製品のお知らせ 안녕하세요 여러분 สวัสดีครับ', 1, false],
    ['mangled', 'Buy V1agra and C1alis', 2, true],
    ['mangled', 'your acc0unt', 1, true],
    ['mangled', 'i18n, k8s, sha1sum, log4net, b2b, x86 and mp3', 1, false],
    ['mangled', 'deadbeef1e5a, alex@host.example, a1b2c3', 1, false],
    ['token', 'Invoice aGVsbG8gd29ybGQhIQ', 1, true],
    ['token', 'Shipped: 1Z999AA10123456784, commit 3f2a9c4be1d07755', 1, false],
    ['token', 'AbstractSingletonProxyFactoryBean', 1, false],
    ['word-salad', SALAD, 20, true],
    ['word-salad', PROSE, 20, false],
    ['word-salad', TAGS, 20, false],
    ['word-salad', 'foo bar '.repeat(40), 20, false],
  ] as const) {
    test(`${name} ${hit ? 'finds' : 'leaves alone'} ${text.slice(0, 60)}`, () => {
      assert.equal(testLetters(name, text, atLeast) !== undefined, hit)
    })
  }

  test('long words and names of many languages are no gibberish', () => {
    const words =
      'strengths rhythm Donaudampfschifffahrt Rechtsschutzversicherung anticonstitutionnellement Krzysztof szczęście knapsack ' +
      'wachtwoord verzekeringsmaatschappij desenvolvimento dlaczego Angstschweiss backgrounds neighbourhoods subscriptions ' +
      'Grzegrzółka Venkataraman Srinivasan Akhmetov Oluwaseun Hjálmtýr Þorbjörnsdóttir Zhangweimin Phuonglinh Schwarzkopf'
    assert.equal(testLetters('gibberish', words, 1), undefined)
  })

  for (const nasty of [
    'a'.repeat(200_000),
    ' a'.repeat(100_000),
    'A.'.repeat(100_000),
    'аa'.repeat(100_000),
    'x\u200b'.repeat(100_000),
    'a1'.repeat(100_000),
    '!'.repeat(200_000),
    'xkqzjvbt '.repeat(20_000),
    '\u{1f600}'.repeat(50_000),
  ]) {
    test(`hostile text (${JSON.stringify(nasty.slice(0, 4))}…) costs little time`, () => {
      const start = process.hrtime.bigint()
      for (const name of LETTER_TESTS) testLetters(name, nasty, 90)
      assert.ok(Number(process.hrtime.bigint() - start) / 1e6 < 1000)
    })
  }
})

test('counting the same words in another order gives the same table', () => {
  const words = ['hello', 'world', 'help', 'hollow', 'wörld', 'x1', 'привет']
  const table = countLetters('en', 'latin', words)
  assert.deepEqual(countLetters('en', 'latin', words.toReversed()), table)
  assert.deepEqual(countLetters('en', 'latin', words.slice(0, 5)), table)
  assert.notDeepEqual(countLetters('en', 'latin', words.slice(1)), table)
})
