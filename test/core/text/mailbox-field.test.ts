import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeWords, mailboxOf, parseAddressList, toAsciiDomain } from '../../../core/text/index.js'

const octets = (text: string) => Buffer.from(text).toString('latin1')

for (const [raw, wish] of [
  ['Tom <tom@Example.COM>', ['Tom', 'tom', 'example.com']],
  ['tom@example.com (Tom)', ['Tom', 'tom', 'example.com']],
  ['=?utf-8?q?J=C3=B6rg?= <j@b\u00fccher.de>', ['Jörg', 'j', 'xn--bcher-kva.de']],
  ['Jörg <jörg@example.com>', ['Jörg', 'jörg', 'example.com']],
  ['Smith, John <john@example.com>', ['John', 'john', 'example.com']],
  ['people: a@one.example, b@two.example;', ['', 'a', 'one.example']],
  ['x <x@no_host!>', ['x', 'x', 'no_host!']],
  ['undisclosed', undefined],
  ['', undefined],
] as const) {
  test(`whom "${raw}" names`, () => {
    const found = mailboxOf([{ name: 'FROM', raw: octets(raw) }], 'from')
    assert.deepEqual(found && [found.name, found.local, found.domain], wish)
  })
}

test('the first field of the name counts, and none is none', () => {
  const header = ['a@one.example', 'b@two.example'].map(raw => ({ name: 'Reply-To', raw }))
  assert.equal(mailboxOf(header, 'reply-to')?.domain, 'one.example')
  assert.equal(mailboxOf(header, 'from'), undefined)
})

test('an endless field is read as far as people would', () => {
  const name = mailboxOf([{ name: 'from', raw: `"${'n'.repeat(2000)}" <a@one.example>` }], 'from')?.name
  assert.equal(name?.length, 300)
  assert.equal(mailboxOf([{ name: 'from', raw: `${' '.repeat(5000)}a@one.example` }], 'from'), undefined)
})

test('what is plain is read as lists of addresses are', () => {
  const piece = fc.constantFrom(
    ...[
      ' ',
      '  ',
      '\t',
      '"',
      '\\',
      '<',
      '>',
      '@',
      ',',
      ':',
      ';',
      '.',
      '(',
      ')',
      '[',
      ']',
      '=?utf-8?q?=C3=A4?=',
      '\xe9',
      "o'neil",
    ],
    ...[
      'Ann',
      'Lee',
      'ann',
      'example',
      'one.example',
      '"Ann, Lee"',
      ' <',
      '> ',
      '<ann@',
      '@one.example>',
      'ann@one.example',
      '\x7f',
      '-',
    ],
  )
  let plain = 0
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 7 }), pieces => {
      const raw = pieces.join('')
      const found = mailboxOf([{ name: 'From', raw }], 'from')
      const item = parseAddressList(raw)
        .flatMap(entry => (entry.kind === 'group' ? entry.members : [entry]))
        .find(({ domain }) => domain !== '')
      const utf8 = (text: string) => Buffer.from(text, 'latin1').toString()
      const wish = item && {
        name: decodeWords(item.name),
        local: utf8(item.local),
        domain: toAsciiDomain(utf8(item.domain)) ?? utf8(item.domain).toLowerCase(),
      }
      assert.deepEqual(found, wish, JSON.stringify(raw))
      if (found !== undefined) plain++
    }),
    { numRuns: 20_000 },
  )
  assert.ok(plain > 500, `${plain} named somebody`)
})

test('each header keeps its own, and one that is frozen is read too', () => {
  const one = Object.freeze([{ name: 'From', raw: 'a@one.example' }])
  const two = [{ name: 'from', raw: 'b@two.example' }]
  for (let again = 0; again < 2; again++) {
    assert.equal(mailboxOf(one, 'from')?.domain, 'one.example')
    assert.equal(mailboxOf(two, 'from')?.domain, 'two.example')
    assert.equal(mailboxOf(two, 'reply-to'), undefined)
  }
})
