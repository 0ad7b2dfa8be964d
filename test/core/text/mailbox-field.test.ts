import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailboxOf } from '../../../core/text/index.js'

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
