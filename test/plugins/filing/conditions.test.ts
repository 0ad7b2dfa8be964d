import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { globOf } from '../../../plugins/filing/glob.js'
import { type Facts, mailOf, ran, rules } from './house.js'

const LETTER = `From: =?utf-8?q?J=C3=BCrgen?= <Boss@Example.org>, "x, y" <z@b\u00fccher.test>
To: Team: Ann <ann@example.test>, bob@example.test;
Cc: carol@second.test
Subject: =?utf-8?b?UmVjaG51bmcgZsO8ciBNw6Ryeg==?=
List-Id: Developers <dev.lists.example.org>
X-Spam-Score: 4.2
X-Priority: 1
Precedence: bulk`

const CASES: readonly (readonly [condition: object, letter: string, holds: boolean, facts?: Facts])[] = [
  [{ from: 'boss@example.org' }, LETTER, true],
  [{ from: 'BOSS@EXAMPLE.ORG' }, LETTER, true],
  [{ from: 'boss@example.com' }, LETTER, false],
  [{ from: '@example.org' }, LETTER, true],
  [{ from: '@xample.org' }, LETTER, false],
  [{ from: ['nobody@a.test', '*@*.org'] }, LETTER, true],
  [{ from: 'z@bücher.test' }, LETTER, true],
  [{ from: 'z@xn--bcher-kva.test' }, LETTER, true],
  [{ from: 'boss@example.org' }, 'Subject: boss@example.org', false],
  [{ to: 'bob@example.test' }, LETTER, true],
  [{ to: '@second.test' }, LETTER, true],
  [{ to: 'alice@example.test' }, LETTER, false],
  [{ recipient: 'alice@example.test' }, LETTER, true],
  [{ recipient: 'sales@*' }, LETTER, true, { recipient: 'Sales@example.test' }],
  [{ sender: 'bob@far.test' }, LETTER, true],
  [{ sender: '<>' }, LETTER, false],
  [{ sender: '<>' }, LETTER, true, { sender: null }],
  [{ sender: '@far.test' }, LETTER, false, { sender: null }],
  [{ subject: 'rechnung für' }, LETTER, true],
  [{ subject: ['nothing', 'MÄRZ'] }, LETTER, true],
  [{ subject: { is: 'rechnung für märz' } }, LETTER, true],
  [{ subject: { is: 'rechnung' } }, LETTER, false],
  [{ subject: { matches: 'rechnung*' } }, LETTER, true],
  [{ subject: { matches: 'rechnung?' } }, LETTER, false],
  [{ subject: { exists: false } }, 'From: a@b.test', true],
  [{ header: { 'x-priority': '1' } }, LETTER, true],
  [{ header: { 'X-Priority': '1', 'X-None': 'x' } }, LETTER, false],
  [{ header: { 'X-None': { exists: false } } }, LETTER, true],
  [{ list: 'dev.lists.example.org' }, LETTER, true],
  [{ list: '*.example.org' }, LETTER, true],
  [{ list: 'lists.example.org' }, LETTER, false],
  [{ list: true }, LETTER, true],
  [{ list: true }, 'Subject: x', false],
  [{ tag: 'shop' }, LETTER, true, { tag: 'Shop' }],
  [{ tag: true }, LETTER, false],
  [{ larger: '1KB' }, LETTER, true],
  [{ larger: 2000 }, LETTER, false],
  [{ smaller: '2KB' }, LETTER, true],
  [{ spam: 4.2 }, LETTER, true],
  [{ spam: 4.3 }, LETTER, false],
  [{ spam: 0 }, 'Subject: x', true],
  [{ junk: true }, LETTER, true, { junk: 'spam' }],
  [{ junk: true }, LETTER, false],
  [{ junk: false }, LETTER, true],
  [{ automatic: true }, LETTER, true],
  [{ automatic: true }, 'Auto-Submitted: auto-replied (vacation)', true],
  [{ automatic: true }, 'Auto-Submitted: no', false],
  [{ automatic: false }, 'Subject: x', true],
  [{ from: 'boss@example.org', larger: '1MB' }, LETTER, false],
  [{ any: [{ larger: '1MB' }, { subject: 'märz' }] }, LETTER, true],
  [{ any: [{ larger: '1MB' }], subject: 'märz' }, LETTER, false],
  [{ not: { larger: '1MB' } }, LETTER, true],
  [{ not: { from: 'boss@example.org', subject: 'märz' } }, LETTER, false],
  [{ all: [{ to: '@second.test' }, { not: { to: 'alice@example.test' } }] }, LETTER, true],
]

describe('a condition', () => {
  for (const [condition, letter, holds, facts = {}] of CASES) {
    const about = letter === LETTER ? 'the letter' : letter
    test(`${JSON.stringify(condition)} ${holds ? 'holds' : 'does not hold'} for ${about} ${JSON.stringify(facts)}`, async () => {
      const { held } = await ran(rules({ if: condition, keep: true }), mailOf(letter, facts))
      assert.equal(held.length === 1, holds)
    })
  }

  test('looks at the first twenty fields of a name, and the first 2,000 characters of each', async () => {
    const many = Array.from({ length: 21 }, (_, at) => `X-N: n${at}!`).join('\n')
    const last = (text: string) => ran(rules({ if: { header: { 'X-N': text } }, keep: true }), mailOf(many))
    assert.deepEqual((await last('n19!')).held, ['r1'])
    assert.deepEqual((await last('n20!')).held, [])
    const long = mailOf(`Subject: ${'x'.repeat(1999)}yz`)
    assert.deepEqual((await ran(rules({ if: { subject: 'xy' }, keep: true }), long)).held, ['r1'])
    assert.deepEqual((await ran(rules({ if: { subject: 'yz' }, keep: true }), long)).held, [])
  })
})

describe('a pattern', () => {
  for (const [pattern, value, fits] of [
    ['*', '', true],
    ['a*', 'ABC', true],
    ['*c', 'abc', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*b*d*', 'abcde', true],
    ['*bd*', 'abcde', false],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['\\\\', '\\', true],
    ['??', '\u{1f600}a', true],
    ['a', 'ab', false],
    ['', 'a', false],
  ] as const)
    test(`"${pattern}" ${fits ? 'fits' : 'does not fit'} "${value}"`, () =>
      assert.equal(globOf(pattern).matches(value), fits))

  test('full of stars comes to its end on a text made against it', () => {
    assert.equal(globOf(`${'*a'.repeat(150)}b`).matches('a'.repeat(2000)), false)
  })
})
