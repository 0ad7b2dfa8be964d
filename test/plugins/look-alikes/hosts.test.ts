/** Domains that are made to be taken for others, and honest ones that come close. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import { compactConfusables, lookOf, readConfusables, skeletonOf } from '../../../plugins/look-alikes/confusables.js'
import { Neighbours, oneEdit } from '../../../plugins/look-alikes/edits.js'
import { difference, oddHost } from '../../../plugins/look-alikes/hosts.js'
import { ProtectedNames } from '../../../plugins/look-alikes/protected.js'
import { restrictionOf } from '../../../plugins/look-alikes/scripts.js'
import { world } from './world.js'

function oddOf(written: string) {
  return oddHost(domainToASCII(written) || written.toLowerCase(), world.names, written)
}

describe('a host deceives', () => {
  for (const [written, trick, says] of [
    ['paypaI.com', 'looks-like', 'paypaI.com looks like paypal.com: the letter I stands for l'],
    ['paypa1.com', 'looks-like', 'paypa1.com looks like paypal.com: the digit 1 stands for l'],
    ['mail.rnicrosoft.com', 'looks-like', 'mail.rnicrosoft.com looks like microsoft.com: rn stands for m'],
    ['g00gle.com', 'looks-like', 'g00gle.com looks like google.com: the digit 0 stands for o'],
    [
      'раураl.com',
      'looks-like',
      /^раураl\.com \(xn--.*\.com\) looks like paypal\.com: the letter р \(Cyrillic\) stands for p, the letter а \(Cyrillic\) stands for a/,
    ],
    ['аррӏе.com', 'looks-like', /looks like apple\.com/],
    ['päypal.com', 'looks-like', /the letter ä stands for a/],
    ['wеllsfargo.net', 'looks-like', /looks like wellsfargo\.com/],
    ['northembank.example', 'looks-like', /looks like northernbank\.example: m stands for rn/],
    ['payppal.com', 'one-slip', 'payppal.com is one letter from paypal.com: one p is too many'],
    ['netfix.com', 'one-slip', /one l is missing/],
    ['micorsoft.com', 'one-slip', /ro has become or/],
    ['microsaft.com', 'one-slip', /it has a in place of o/],
    ['post-house.test', 'one-slip', 'post-house.test is one letter from posthouse.test: a hyphen is added'],
    ['posthouse.example', 'other-ending', 'posthouse.example has the name of posthouse.test, with another ending'],
    ['paypal-secure.example', 'holds-brand', 'paypal-secure.example holds "paypal", and is no name of PayPal'],
    ['login.microsoft.evil.test', 'holds-brand', /holds "microsoft"/],
    ['mypaypalaccount.example', 'holds-brand', /holds "paypal"/],
    [
      'rnicrosoft-support.example',
      'holds-brand',
      'rnicrosoft-support.example holds "rnicrosoft", which looks like Microsoft, and is no name of Microsoft',
    ],
    ['login.paypa1.evil.test', 'holds-brand', /holds "paypa1", which looks like PayPal/],
    ['paypal.com.evil.test', 'holds-brand', 'paypal.com.evil.test begins like paypal.com and belongs to evil.test'],
    ['posthouse.test.evil.example', 'holds-brand', /begins like posthouse\.test/],
    ['posthouse-login.example', 'holds-brand', 'posthouse-login.example holds "posthouse", and is no name of ours'],
    ['gardenia-shop.example', 'holds-brand', /no name of Gardenia/],
    ['bankоf.net', 'mixed-scripts', /mixes letters of Latin and Cyrillic/],
    ['сор.com', 'mixed-scripts', /is Cyrillic throughout and reads as "cop"/],
  ] as const) {
    test(written, () => {
      const odd = oddOf(written)
      assert.equal(odd?.trick, trick, odd?.says)
      if (typeof says === 'string') assert.equal(odd?.says, says)
      else assert.match(odd?.says ?? '', says)
    })
  }
})

describe('nothing is said of', () => {
  for (const host of [
    'cloud.com',
    'finance.example',
    'amazonmusic.com',
    ...[
      'paypal.com',
      'www.paypal.com',
      'PayPal.com',
      'accountprotection.microsoft.com',
      'posthouse.test',
      'mail.posthouse.test',
    ],
    ...[
      'northernbark.example',
      'posthouse.zendesk.com',
      'paypay.ne.jp',
      'amazonaws.com',
      's3.eu-west-1.amazonaws.com',
      'pcloud.link',
    ],
    // Short names and common words have neighbours everywhere.
    ...[
      'dhp.example',
      'adobee.example',
      'apply.com',
      'windowz.net',
      'chasee.com',
      'people.com',
      'target-shop.example',
      'eday.example',
    ],
    ...[
      'müller.de',
      'пример.рф',
      'почта.ru',
      '例え.jp',
      'παράδειγμα.gr',
      '한국.com',
      'me.com.invalid',
      'com',
      'co.uk',
      '192.0.2.1',
      '',
    ],
  ])
    test(host === '' ? 'the empty name' : host, () => assert.equal(oddOf(host)?.says, undefined))
})

describe('skeletons', () => {
  // UTS 39 §4: X and Y are confusable when their skeletons are the same.
  for (const [one, other] of [
    ['paypal', 'раураl'],
    ['scope', 'ѕсоре'],
    ['microsoft', 'rnicrosoft'],
    ['ａｐｐｌｅ'.normalize('NFKC'), 'apple'],
    ['goo\u200bgle', 'google'],
  ] as const)
    test(`${one} and ${other} have the same`, () => assert.equal(skeletonOf(one), skeletonOf(other)))

  test('a character and what it looks like have the same, but for some composed letters', () => {
    const table = readConfusables(readFileSync('rules/look-alikes/confusables.txt', 'utf8'))
    const apart = [...table].filter(([one, other]) => skeletonOf(one) !== skeletonOf(other))
    assert.equal(apart.length, 35)
  })

  test('letters of ASCII other than capital I and m stand for themselves', () => {
    for (const letter of 'abcdefghijklnopqrstuvwxyz') assert.equal(lookOf(letter), letter)
  })

  test('the shipped table says what Unicode’s file says, and is made from it', () => {
    const unicode = '# Version: 17.0.0\n0049 ;\t006C ;\tMA\t# I\n006D ;\t0072 006E ;\tMA\t# m\n\n'
    const compact = compactConfusables(unicode)
    assert.match(compact, /^# .*Unicode 17\.0\.0/)
    assert.deepEqual(
      [...readConfusables(compact)],
      [
        ['I', 'l'],
        ['m', 'rn'],
      ],
    )
    const shipped = readConfusables(readFileSync('rules/look-alikes/confusables.txt', 'utf8'))
    assert.deepEqual([shipped.size, shipped.get('I'), shipped.get('m'), shipped.get('а')], [6565, 'l', 'rn', 'a'])
  })
})

describe('restriction levels of UTS 39 §5.2', () => {
  for (const [text, level] of [
    ['example', 'ascii'],
    ['beispiel-über', 'single-script'],
    ['пример', 'single-script'],
    ['アロハzürich', 'highly'],
    ['中文abcé', 'highly'],
    ['عربيlatin', 'moderately'],
    ['pаypal', 'minimally'],
    ['αbc', 'minimally'],
    ['a☃b', 'unrestricted'],
  ] as const)
    test(`${text} is ${level}`, () => assert.equal(restrictionOf(text), level))
})

describe('one slip', () => {
  const word = fc.string({ unit: fc.constantFrom(...'abc-1'), minLength: 1, maxLength: 12 })

  test('the index finds a neighbour exactly when there is one', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), word, (words, asked) => {
        const near = new Neighbours<string>()
        for (const one of words) near.add(one, one)
        const wanted = words.some(one => oneEdit(asked, one) !== undefined)
        return (near.find(asked) !== undefined) === wanted
      }),
    )
  })

  test('it is the same both ways', () => {
    fc.assert(fc.property(word, word, (a, b) => (oneEdit(a, b) === undefined) === (oneEdit(b, a) === undefined)))
  })

  test('among thousands', () => {
    const names = new ProtectedNames()
    const many = Array.from({ length: 5000 }, (_, i) => `company${i * 7919}.example`)
    names.add({ kind: 'listed', title: 'a company' }, many)
    assert.equal(oddHost('compony7919.example', names)?.like, 'company7919.example')
    assert.equal(oddHost('somewhere-else.example', names), undefined)
  })
})

test('differences are told in words, three at most', () => {
  assert.equal(difference('rnodern-clock', 'modern-dock'), 'rn stands for m, cl stands for d')
  assert.match(difference('раураІ', 'paypal'), /^[^,]*, [^,]*, [^,]*$/)
})

test('a word that comes near a brand may still be a slip from a name of ours', () => {
  const names = new ProtectedNames()
  names.add({ kind: 'brand', title: 'Binance' }, ['binance.com'], ['binance'])
  names.spareWords(['finance'])
  assert.equal(oddHost('finance.example', names), undefined)
  names.add({ kind: 'own', title: 'fznance.test' }, ['fznance.test'])
  assert.equal(oddHost('finance.example', names)?.like, 'fznance.test')
})

test('names without end cost nothing', () => {
  const long = `${'a-'.repeat(30)}a.${'b.'.repeat(90)}example`
  assert.equal(oddOf(long), undefined)
  assert.ok(skeletonOf('\ufdfa'.repeat(100_000)).length < 10_000)
})
