import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AddressItem, parseAddressList, parseParameters } from '../../../core/text/index.js'
import { cpuMs } from '../../harness/cpu.js'

for (const [text, value, params] of [
  ['text/plain', 'text/plain', {}],
  ['text/plain; charset=us-ascii (Plain text)', 'text/plain', { charset: 'us-ascii' }],
  ['Text/Plain ; CharSet = "utf-8" ;', 'Text/Plain', { charset: 'utf-8' }],
  ['a/b; name="x;y\\"z\\\\"', 'a/b', { name: 'x;y"z\\' }],
  ['a/b; name=one two.pdf', 'a/b', { name: 'one two.pdf' }],
  ['a/b; x=1; X=2', 'a/b', { x: '1' }],
  ['a/b; name="=?utf-8?q?gr=C3=BCn?="', 'a/b', { name: 'grün' }],
  ["a; f*=utf-8'en'gr%C3%BCn", 'a', { f: 'grün' }],
  ['a; f*0="one "; f*1=two', 'a', { f: 'one two' }],
  ["a; f*1*=%BC; f*0*=utf-8''%C3", 'a', { f: 'ü' }],
  ["a; f*0*=iso-8859-1''%E4; f*1=%41", 'a', { f: 'ä%41' }],
  ["a; f=old; f*=utf-8''new", 'a', { f: 'new' }],
  ['a; f*0=x; f*2=y', 'a', { f: 'x' }],
  ['a; name="no end', 'a', { name: 'no end' }],
  ['a; =x; novalue; ;', 'a', {}],
  ['', '', {}],
] as const) {
  test(`${JSON.stringify(text)} has ${JSON.stringify(params)}`, () => {
    const read = parseParameters(text)
    assert.equal(read.value, value)
    assert.deepEqual(Object.fromEntries(read.params), params)
  })
}

test('parameters are also there as written', () => {
  assert.deepEqual(parseParameters("a; F*0*=utf-8''%C3; f*1*=%BC").written, [
    ['F*0*', "utf-8''%C3"],
    ['f*1*', '%BC'],
  ])
})

test('a parameter cannot reach a prototype', () => {
  assert.deepEqual([...parseParameters('a; __proto__=x').params], [['__proto__', 'x']])
})

test('no parameters make the reader throw', () => {
  const piece = fc.oneof(fc.constantFrom(';', '=', '*', '"', '\\', "'", '%', '*0*', '(', ')'), fc.string())
  fc.assert(fc.property(fc.array(piece), pieces => void parseParameters(pieces.join(''))))
})

function brief(item: AddressItem): string {
  if (item.kind === 'group') return `${item.name}{${item.members.map(brief).join(' ')}}`
  return `${item.name}<${item.route === '' ? '' : `${item.route}:`}${item.local}@${item.domain}>`
}

for (const [raw, expected] of [
  ['joe@example.org', '<joe@example.org>'],
  ['Joe <joe@example.org>', 'Joe<joe@example.org>'],
  ['"Doe, Joe" <joe@example.org>, b@c', 'Doe, Joe<joe@example.org> <b@c>'],
  ['John Q. Public <j@x.org>', 'John Q. Public<j@x.org>'],
  ['=?utf-8?q?J=C3=B6rg?= <j@x.org>', '=?utf-8?q?J=C3=B6rg?=<j@x.org>'],
  ['joe@example.org (Joe (really) Doe)', 'Joe (really) Doe<joe@example.org>'],
  ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', 'Pete<pete@silly.test>'],
  ['A Group:Ed <joe@w.t>,b@x, J <j@one.t>;', 'A Group{Ed<joe@w.t> <b@x> J<j@one.t>}'],
  ['undisclosed-recipients:;', 'undisclosed-recipients{}'],
  ['g1:a@b;, c@d', 'g1{<a@b>} <c@d>'],
  ['<@a,@b:c@d.org>', '<@a,@b:c@d.org>'],
  ['"a b"@example.org', '<a b@example.org>'],
  ['joe@[192.0.2.1]', '<joe@[192.0.2.1]>'],
  ['1 . 2 @ example . org', '<1.2@example.org>'],
  [', ,a@b, ,', '<a@b>'],
  ['MAILER-DAEMON', '<MAILER-DAEMON@>'],
  ['Joe Doe', '<Joe Doe@>'],
  ['Joe <>', 'Joe<@>'],
  ['joe@example.org <joe@example.org>', 'joe@example.org<joe@example.org>'],
  ['example.org News <news@example.org>', 'example.org News<news@example.org>'],
  ['J. R. Doe <j@x.org>', 'J. R. Doe<j@x.org>'],
  ['joe@example.org>', '<joe@example.org>'],
  ['<joe doe@example.org>', '<joe doe@example.org>'],
  ['Joe(x)Doe <j@x.org>', 'Joe Doe<j@x.org>'],
  ['joe@a@b', '<joe@a@b>'],
  ['<joe@x', '<joe@x>'],
  ['"unclosed <a@b>', '<unclosed <a@b>@>'],
  ['', ''],
] as const) {
  test(`the address field ${JSON.stringify(raw)} holds ${expected}`, () => {
    assert.equal(parseAddressList(raw).map(brief).join(' '), expected)
  })
}

test('no address field makes the reader throw', () => {
  const piece = fc.oneof(fc.constantFrom('<', '>', '@', ',', ':', ';', '"', '(', ')', '[', ']', '\\', ' '), fc.string())
  fc.assert(fc.property(fc.array(piece, { maxLength: 60 }), pieces => void parseAddressList(pieces.join(''))))
})

for (const [what, raw] of [
  ['open angles', '<'.repeat(250_000)],
  ['open comments', '('.repeat(250_000)],
  ['routes', `<${'@a,'.repeat(80_000)}`],
  ['angles with commas', '<a,'.repeat(80_000)],
  ['groups', 'a:'.repeat(120_000)],
  ['words', 'a '.repeat(120_000)],
] as const) {
  test(`an address field of endless ${what} is read quickly`, () => {
    assert.ok(cpuMs(() => void parseAddressList(raw)) < 1500)
  })
}
