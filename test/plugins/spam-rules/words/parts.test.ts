import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { codesOf } from 'posthouse/text'
import { fold, foldPhrase, foldWhole, isUnspaced } from '../../../../plugins/spam-rules/words/fold.js'
import { languageOf } from '../../../../plugins/spam-rules/words/language.js'
import { rowOf } from '../../../../plugins/spam-rules/words/near.js'
import { Trie } from '../../../../plugins/spam-rules/words/trie.js'
import { Vocabulary } from '../../../../plugins/spam-rules/words/vocabulary.js'

/** Where words begin, each phrase tried by itself. */
function slowSearch(phrases: readonly string[], text: string): string[] {
  const found: string[] = []
  for (let at = 0; at < text.length; at++) {
    const begins = text[at] !== ' ' && (at === 0 || text[at - 1] === ' ' || isUnspaced(text.charCodeAt(at - 1)))
    if (!begins && !(text[at] !== ' ' && isUnspaced(text.charCodeAt(at)))) continue
    for (const phrase of new Set(phrases))
      if (phrase !== '' && text.startsWith(phrase, at)) found.push(`${phrase}@${at}`)
  }
  return found.sort()
}

test('the trie finds exactly what trying each phrase at each word finds', () => {
  const unit = fc.constantFrom('a', 'b', ' ', '中', '文', 'ж')
  const rough = fc.string({ unit, maxLength: 8 })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(rough, fc.boolean()), { maxLength: 20 }),
      fc.string({ unit, maxLength: 60 }),
      (raw, rest) => {
        const phrases = raw.map(([phrase, open]) => foldPhrase(open ? `${phrase}*` : phrase))
        const text = fold(rest)
        const found: string[] = []
        new Trie(phrases).search(foldWhole(rest), (phrase, start, end) => {
          assert.equal(text.slice(start, end), phrases[phrase])
          found.push(`${phrases[phrase]}@${start}`)
        })
        assert.deepEqual(found.sort(), slowSearch(phrases, text))
      },
    ),
  )
})

test('fifty thousand phrases in several scripts take less than ten megabytes', () => {
  const syllables = ['ka', 'lo', 'mi', 'ter', 'до', 'ста', 'τα', 'ñe', 'wy', '中', '文', 'ün']
  const phrases = Array.from({ length: 50_000 }, (_, number) => {
    const word = (n: number) => syllables[n % 12]! + syllables[(n >> 2) % 12]! + syllables[(n >> 5) % 12]!
    return foldPhrase(`${word(number)} ${word(number * 7919)} ${number % 97}`)
  })
  const trie = new Trie(phrases)
  assert.ok(trie.bytes < 10 * 1024 * 1024, `${trie.bytes}`)
  const found: number[] = []
  trie.search(foldWhole(` x ${phrases[31_415]} x `), phrase => found.push(phrase))
  assert.ok(found.some(number => phrases[number] === phrases[31_415]))
})

describe('folding', () => {
  test('twice is once', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), text => assert.equal(fold(fold(text)), fold(text))))
  })

  for (const [text, folded] of [
    ['Hello, World!', ' hello world '],
    ['Don’t "do" it', ' dont do it '],
    ['für Straße, Łódź, Ærø', ' fur strasse lodz aero '],
    ['Hesabınız İPTAL', ' hesabiniz iptal '],
    ['𝐅𝐫𝐞𝐞 ＭＯＮＥＹ', ' free money '],
    ['pr\u200bi\u00adme', ' prime '],
    ['Ваш счёт', ' ваш счет '],
    ['使用MetaMask钱包', ' 使用 metamask 钱包 '],
    ['代 开 发 票', ' 代开发票 '],
    ['ガス料金', ' ガス料金 '],
    ['한국 투자', ' 한국 투자 '],
    ['$100 50%', ' $100 50% '],
    ['', '  '],
  ] as const) {
    test(`${JSON.stringify(text)} is${folded}`, () => assert.equal(fold(text), folded))
  }
})

describe('the language of a text', () => {
  for (const [language, text] of [
    ['en', 'Please find attached the invoice that you asked for, and let me know if there is anything.'],
    ['de', 'Wir haben Ihre Bestellung erhalten und werden sie nach dem Eingang der Zahlung versenden.'],
    ['fr', 'Nous vous remercions de votre commande, qui sera expédiée dans les meilleurs délais.'],
    ['es', 'Le informamos que su pedido ha sido enviado y que llegará en los próximos días.'],
    ['it', 'La informiamo che il suo ordine è stato spedito e arriverà nei prossimi giorni.'],
    ['pt', 'Informamos que o seu pedido foi enviado e não chegará antes de segunda-feira, obrigado.'],
    ['nl', 'Wij hebben uw bestelling ontvangen en zullen deze zo snel mogelijk naar u versturen.'],
    ['sv', 'Vi har tagit emot din beställning och den kommer att skickas till dig så snart som möjligt.'],
    ['ru', 'Ваш заказ получен, и мы отправим его вам как только он будет готов.'],
    ['uk', 'Ми отримали ваше замовлення і відправимо його як тільки воно буде готове, або на пошту.'],
    [undefined, 'Invoice 4711'],
  ] as const) {
    test(`${language ?? 'none'}: ${text}`, () => assert.equal(languageOf(foldWhole(text)), language))
  }
})

describe('things near each other', () => {
  const text = fold('the fund was left when he died far away from any kin of his')
  const spot = (word: string) => ({ start: text.indexOf(word), end: text.indexOf(word) + word.length })
  for (const [what, words, within, ordered, near] of [
    ['within the row', ['fund', 'died'], 6, true, true],
    ['one word too far', ['fund', 'died'], 5, true, false],
    ['against the order', ['died', 'fund'], 6, true, false],
    ['in any order', ['died', 'fund'], 6, false, true],
    ['three of them', ['fund', 'died', 'kin'], 11, true, true],
    ['three, one too far', ['kin', 'died', 'fund'], 10, false, false],
    ['one is missing', ['fund', 'gold'], 50, false, false],
  ] as const) {
    test(what, () => {
      const parts = words.map(word => (text.includes(word) ? [spot(word)] : []))
      assert.equal(rowOf(parts, { within, ordered }, text) !== undefined, near)
    })
  }
})

test('tokens that can be no word of a rule are let go before they are read, and those that are one in plain clothes', () => {
  const vocabulary = new Vocabulary(['lottery ', 'viagra ', 'winner ', 'pharmac'])
  const mayMean = (token: string) => vocabulary.mayMean(codesOf(`a ${token} b`), 2, 2 + token.length)
  for (const token of ['l0ttery', '"V1-agra"!!', 'vvinner', 'winnner', 'Pharmaceut1c', 'l\u043ettery', 'buy+viagra'])
    assert.ok(mayMean(token), token)
  for (const token of [
    'letter',
    'between',
    'e-mail',
    'x86',
    '<viagra@shop.example>',
    'viagra@shop.example',
    'cost=$lottery',
    'https://viagra.example/',
    'Winner',
    '(pharmaceutic)',
  ])
    assert.ok(!mayMean(token), token)
})
