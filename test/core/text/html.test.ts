import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { htmlToText } from '../../../core/text/index.js'
import { cpuMs } from '../../harness/cpu.js'

for (const [html, text] of [
  ['plain', 'plain'],
  ['a<b>b</b>c', 'abc'],
  ['a <b>b</b> c', 'a b c'],
  ['<p>one</p><p>two</p>', 'one\ntwo'],
  ['one<br/>two<BR>three', 'one\ntwo\nthree'],
  ['<table><tr><td>a</td><td>b</td></tr><tr><td>c</table>', 'a b\nc'],
  ['a&amp;b &lt;x&gt; &#65;&#x42;&#128; &nbsp;&eacute;&unknown; &amp', 'a&b <x> AB€ é&unknown; &'],
  ['a<!-- b > c -->d<!-- open', 'ad'],
  ['a<script>if (x<y) "</b>"</script>b', 'ab'],
  ['a<STYLE>p{}</Style >b<script>open', 'ab'],
  ['a<img alt="x>y">b', 'ab'],
  ['1 < 2 and 3<4', '1 < 2 and 3<4'],
  ['<!doctype html><?xml x?>a', 'a'],
  ['  a \n\t b  ', 'a b'],
  ['a<b', 'a'],
  ['<a href="open>x', ''],
  ['', ''],
] as const) {
  test(`${JSON.stringify(html)} reads ${JSON.stringify(text)}`, () => {
    assert.equal(htmlToText(html).text, text)
  })
}

test('of very many links those of both ends are kept, in their order', () => {
  const html = Array.from({ length: 23_456 }, (_, i) => `<a href=${i}>x</a>`).join('')
  const numbers = htmlToText(html).links.map(({ href }) => Number(href))
  assert.equal(numbers.length, 10_000)
  assert.deepEqual([numbers[0], numbers[4999], numbers[5000], numbers[9999]], [0, 4999, 18_456, 23_455])
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  )
})

test('links come with their text', () => {
  const { links } = htmlToText(
    '<a href="http://a/?x=1&amp;y=2">one <b>two</b></a> <A class=x HREF=http://b/>three</A><a href=\' http://c \'><a name=x>no</a>',
  )
  assert.deepEqual(links, [
    { href: 'http://a/?x=1&y=2', text: 'one two' },
    { href: 'http://b/', text: 'three' },
    { href: 'http://c', text: '' },
  ])
})

test('what comes out is capped', () => {
  assert.equal(htmlToText('abc '.repeat(1000), 10).text.length, 10)
})

for (const [what, html] of [
  ['open tags', '<div>'.repeat(200_000)],
  ['angles', '<'.repeat(1_000_000)],
  ['open comments', '<!--'.repeat(250_000)],
  ['open scripts', '<script>'.repeat(120_000)],
  ['open quotes', '<a href="'.repeat(110_000)],
  ['one-quoted attributes', `<a ${"x=' ".repeat(250_000)}`],
  ['attributes', `<a ${'x '.repeat(500_000)}`],
  ['slashes', `<a${'/'.repeat(1_000_000)}`],
  ['spaces', ' '.repeat(1_000_000)],
  ['links', '<a href=x>y'.repeat(90_000)],
  ['entities', '&amp'.repeat(250_000)],
  ['ampersands', '&'.repeat(1_000_000)],
  ['closing tags in a script', `<script>${'</scrip '.repeat(120_000)}`],
] as const) {
  test(`endless ${what} cost no more than their length`, () => {
    const ms = cpuMs(() => void htmlToText(html))
    assert.ok(ms < 1500, `${ms} ms`)
  })
}

test('no HTML makes the scanner throw', () => {
  const piece = fc.oneof(
    fc.constantFrom('<', '>', '"', "'", '=', '/', '<a href=', '<!--', '-->', '&', ';', '<script'),
    fc.string(),
  )
  fc.assert(fc.property(fc.array(piece), pieces => void htmlToText(pieces.join(''))))
})

for (const [html, text] of [
  ['1 < 2 and 3 << 4 <b>bold</b>', '1 < 2 and 3 << 4 bold'],
  ['<<<<b>x</b>', '<<<x'],
  ['a </ b </1> c</b>', 'a </ b </1> c'],
  ['ends with <', 'ends with <'],
] as const) {
  test(`a < that opens nothing is text: ${html}`, () => assert.equal(htmlToText(html).text, text))
}
