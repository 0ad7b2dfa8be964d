/** Base subjects (RFC 5256 §2.1), and text as it is compared (RFC 5051). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareFolded, fold } from '../../../../plugins/imap/finding/fold.js'
import { baseSubject } from '../../../../plugins/imap/finding/subject.js'

for (const [subject, base, reply] of [
  ['hello', 'hello', false],
  ['Re: hello', 'hello', true],
  ['RE : hello', 'hello', true],
  ['Fwd: hello', 'hello', true],
  ['fw: hello', 'hello', true],
  ['re[2]: hello', 'hello', true],
  ['Re [x] : hello', 'hello', true],
  ['[list] Re: hello', 'hello', true],
  ['[list] hello', 'hello', false],
  ['[a] [b] Re: [c] hello', 'hello', true],
  ['[only a blob]', '[only a blob]', false],
  ['[a] [b]', '[b]', false],
  ['hello (fwd)', 'hello', true],
  ['hello (fwd) (FWD)  ', 'hello', true],
  ['[Fwd: Re: hello (fwd)]', 'hello', true],
  ['[fwd: [fwd: hello]]', 'hello', true],
  ['Re: [fwd: hello]', 'hello', true],
  ['hello\t\r\n  there', 'hello there', false],
  ['Return: hello', 'Return: hello', false],
  ['AW: hello', 'AW: hello', false],
  ['Re:', '', true],
  ['', '', false],
] as const) {
  test(`the base subject of ${JSON.stringify(subject)} is ${JSON.stringify(base)}${reply ? ', of a reply' : ''}`, () => {
    assert.deepEqual(baseSubject(subject), { base, reply })
  })
}

test('a subject of many marks is read in no time', () => {
  assert.equal(baseSubject('[a]'.repeat(100_000)).base.length, 2)
  assert.equal(baseSubject(`${'re:'.repeat(100_000)}x`).base.length < 2000, true)
})

for (const [a, b] of [
  ['straÙe', 'STRAÙE'],
  ['Ångström', 'A\u030Angstro\u0308m'],
  ['ﬁnd', 'FIND'],
  ['ΣΊΣΥΦΟΣ', 'σίσυφος'],
  ['ＡＢＣ', 'abc'],
  ['ĳ', 'IJ'],
] as const) {
  test(`${a} and ${b} are compared as the same`, () => assert.equal(fold(a), fold(b)))
}

test('one letter does not become two by its case', () => assert.notEqual(fold('straße'), fold('strasse')))

test('letters sort as their UTF-8 does', () => {
  const words = ['z', '\u{1F600}', '\uFF5E', 'a', 'ab', '\uE000', '']
  const sorted = words.toSorted(compareFolded)
  assert.deepEqual(
    sorted,
    words.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  )
})
