/** What is dressed up is read; what only looks so is left alone. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { looksShipped } from '../../../../plugins/spam-rules/words/confusables.js'
import { foldPhrase } from '../../../../plugins/spam-rules/words/fold.js'
import { readingOf } from '../../../../plugins/spam-rules/words/reading.js'
import { Vocabulary } from '../../../../plugins/spam-rules/words/vocabulary.js'

const PHRASES = [
  'viagra',
  'cialis',
  'casino',
  'your account',
  'paypal',
  'password',
  'money',
  'loan offer',
  'invoice',
  'pharmac*',
  'кредит',
  'bitcoin',
  'pending',
  'email',
  'online',
  'hello',
  'free',
  'click here',
  'work from home',
  'losing weight',
  'instagram',
  'secure',
  'copy',
  'host',
]
const vocabulary = new Vocabulary(PHRASES.map(foldPhrase))
const read = (text: string) => readingOf(text, vocabulary, looksShipped())

describe('read and called deliberate', () => {
  for (const [text, understood] of [
    ['Buy v1-a.g r@ now', ' buy viagra now '],
    ['V I A G R A for you', ' viagra for you '],
    ['c.a.s.i.n.o', ' casino '],
    ['your acc0unt is', ' your account is '],
    ['Раураl account', ' paypal account '],
    ['PayPaI account', ' paypal account '],
    ['lnvoice 12', ' invoice 12 '],
    ['vi\u200bag\u200bra', ' viagra '],
    ['v\u00adi\u00ada\u00adg\u00adr\u00ada', ' viagra '],
    ['V!agra!!', ' viagra '],
    ['ca$ino night', ' casino night '],
    ['ᴠɪᴀɢʀᴀ', ' viagra '],
    ['b u y v i a g r a', ' b u y viagra '],
    ['Want v1agra? Yes', ' want viagra yes '],
    ['pharm@cy', ' pharmacy '],
    ['кpeдит сегодня', ' кредит сегодня '],
    ['"b1tc0in"', ' bitcoin '],
    ['C-A-S-I-N-O', ' casino '],
    ['🇻🇮🇦🇬🇷🇦', ' viagra '],
  ] as const) {
    test(text, () => {
      const reading = read(text)
      assert.equal(reading.folded.text, understood)
      assert.deepEqual(
        reading.undressed.map(one => one.how !== 'misspelt'),
        [true],
      )
      const [one] = reading.undressed
      assert.equal(reading.folded.text.slice(one!.start, one!.end), one!.understood)
      assert.ok(text.includes(one!.written))
    })
  }
})

describe('read, and nobody is accused', () => {
  for (const [text, understood] of [
    ['pass-word', ' password '],
    ['viaagra', ' viagra '],
    ['viaaagra', ' viagra '],
    ['e-mail', ' email '],
    ['cas\u00adino', ' casino '],
  ] as const) {
    test(text, () => {
      const reading = read(text)
      assert.equal(reading.folded.text, understood)
      assert.deepEqual(
        reading.undressed.filter(one => one.how !== 'misspelt'),
        [],
      )
    })
  }
})

describe('left as it is', () => {
  for (const text of [
    'it is to be or so it is',
    'a b c d e f g',
    '$pending and @password in Perl',
    'https://paypa1.example/acc0unt/m0ney',
    'me@m0ney.example wrote',
    'x86 mp3 h264 win32 k8s b2b',
    'commit a1c0de5 h0571 f9e3',
    'hello hell helloo',
    'Москва, сосна и раура',
    'don’t can’t won’t',
    'I.B.M. and U.S.A.',
    'foo->bar[hello] = free(click)',
    'Cялис',
    '\ufeffHello：',
    '|hello|money|',
    'reaaally',
  ]) {
    test(text, () =>
      assert.deepEqual(
        read(text).undressed.filter(one => one.how !== 'misspelt'),
        [],
      ),
    )
  }
})

test('a hostile text of odd tokens is read in bounded time', () => {
  for (const piece of ['v1 ', 'a.', 'v.1.a.g. ', 'рa ', '\u200ba', '$e ', 'aab ', 'l n ', '!1|']) {
    const start = process.hrtime.bigint()
    read(piece.repeat(Math.ceil(262_144 / piece.length)))
    assert.ok(Number(process.hrtime.bigint() - start) / 1e6 < 2000, piece)
  }
})
