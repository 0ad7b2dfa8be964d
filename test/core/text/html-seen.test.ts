/** What of HTML is seen and what is not, and what else is in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readHtml } from '../../../core/text/index.js'
import { cpuMs } from '../../harness/cpu.js'

for (const [html, shown, hidden] of [
  ['a<p style="display:none">b</p>c', 'a\nc', 'b'],
  ['a<span style="DISPLAY : none !important">b<b>c</b></span>d', 'ad', 'bc'],
  ['<span style="visibility:hidden">b</span>d', 'd', 'b'],
  ['<div hidden>b</div>d', 'd', 'b'],
  ['<span style="font-size:1px">b</span>d', 'd', 'b'],
  ['<span style="font:bold 0px/0 Arial">b</span>d', 'd', 'b'],
  ['<td style="font-size:0"><a style="font-size:14px">seen</a> not</td>', 'seen', 'not'],
  ['<div style="font-size:.1em">b</div>d', 'd', 'b'],
  ['<div style="max-height:0;overflow:hidden">b</div>d', 'd', 'b'],
  ['<div style="max-height:0">seen</div>', 'seen', ''],
  ['<div style="opacity:0">b</div>d', 'd', 'b'],
  ['<div style="filter: alpha(opacity=0)">b</div>d', 'd', 'b'],
  ['<div style="position:absolute;left:-9999px">b</div>d', 'd', 'b'],
  ['<div style="text-indent:-9999px">b</div>d', 'd', 'b'],
  ['<font color=white>b</font>d', 'd', 'b'],
  ['<font color="#fdfdfd">b</font>d', 'd', 'b'],
  ['<span style="color:rgb(250, 255, 255)">b</span>d', 'd', 'b'],
  ['<span style="color:transparent">b</span>d', 'd', 'b'],
  ['<table bgcolor=black><tr><td><font color=white>seen</font><font color="#000">b</font></table>', 'seen', 'b'],
  ['<body bgcolor=red text="#ff0000">b<font color=white>seen</font>', 'seen', 'b'],
  [
    '<td style="background:#000 url(x.png)"><font color=white>seen</font><font color=black>seen too</font>',
    'seenseen too',
    '',
  ],
  ['<td background=x.png><font color=white>seen</font>', 'seen', ''],
  ['<div style="background:#333;color:#fff">seen<div style="background:white">b</div></div>', 'seen', 'b'],
  ['<font color=white><a href=x>seen</a></font>', 'seen', ''],
  ['<style>.x{display:none} .y, p.z {color:#fff}</style><p class="a x">b<p class=y>c<p class=z>d<p>e', 'e', 'b\nc\nd'],
  ['<style>#q{font-size:0}</style><p id=q>b<p>e', 'e', 'b'],
  ['<style>@media print{.x{display:none}} .x{color:red}</style><p class=x>seen', 'seen', ''],
  ['<style>.x{display:none}</style><p class=x style="display:block">seen', 'seen', ''],
  ['<style>.a .x{display:none}</style><p class=x>seen', 'seen', ''],
  ['<p style="display:none">b<p>seen', 'seen', 'b'],
  ['<table><tr><td style="display:none">b<td>seen</table>seen', 'seen\nseen', 'b'],
  ['<div style="display:none"><p>b</div>seen', 'seen', 'b'],
  ['<b><i style="color:white">b</b>seen</i>', 'seen', 'b'],
  ['a<!-- b -->c<!-->d<!--x--!>e', 'acde', ''],
  ['<svg><text>no</text></svg>seen', 'seen', ''],
  ['<svg>seen', 'seen', ''],
  ['<bdo dir=rtl>arg</bdo>aiv', 'graaiv', ''],
  ['<span style="direction:rtl;unicode-bidi:bidi-override">knab</span>', 'bank', ''],
] as const) {
  test(`${html} shows “${shown.replace(/\n/g, '|')}”`, () => {
    const read = readHtml(html)
    assert.deepEqual([read.text, read.hidden], [shown, hidden])
  })
}

for (const [html, words] of [
  ['V<!-- x -->ia<!-- -->gra', ['Viagra']],
  ['V<xyz>iagra', ['Viagra']],
  ['V<font size=0 style="font-size:0">qq</font>iagra', ['Viagra']],
  ['<b>V</b>iagra', []],
  ['Via<!-- --> gra', []],
  ['No<!-- -->.7', []],
] as const) {
  test(`${html} has ${words.length} words with something unseen in them`, () => {
    const { splitWords, splitSamples } = readHtml(html).facts
    assert.deepEqual([splitWords, splitSamples], [words.length, words])
  })
}

test('forms, pictures, scripts and where a page goes are told', () => {
  const { facts, links } = readHtml(
    [
      '<meta http-equiv="Refresh" content="0; URL=http://go.test/x"><base href="http://base.test/">',
      '<form action="http://steal.test/"><input name=a><input type=password><input type=hidden><input type=submit></form>',
      '<a href="http://shop.test/\nx"><img src="http://cdn.test/a.png" alt="Big &amp; cheap"></a><img src=cid:1 alt=Logo>',
      '<img src="//count.test/p" width=1 height="1"><p onclick="go()">x<script>no()</script><a href="javascript:go()">y</a>',
    ].join(''),
  )
  assert.deepEqual(facts.forms, [{ action: 'http://steal.test/', fields: 2, password: true }])
  assert.deepEqual(facts.images, { remote: 2, inline: 1, tiny: 1, linked: 1 })
  assert.deepEqual(facts.imageSources, ['http://cdn.test/a.png', '//count.test/p'])
  assert.equal(facts.imageText, 'Big & cheap\nLogo')
  assert.deepEqual([facts.scripts, facts.refresh, facts.base], [3, 'http://go.test/x', 'http://base.test/'])
  assert.equal(links[0]?.href, 'http://shop.test/x')
})

test('what hides most is named first, and how much is counted', () => {
  const { facts } = readHtml('seen<p style="display:none">123</p><font color=white>1234567</font>')
  assert.deepEqual([facts.shownChars, facts.hiddenChars, facts.hiddenBy], [4, 10, ['colour', 'display']])
})

for (const [what, html] of [
  ['nested styles', '<div style="color:#fff;font-size:1em">a'.repeat(25_000)],
  ['cells', '<td>'.repeat(250_000)],
  ['closing tags', `${'<div>'.repeat(100_000)}${'</p>'.repeat(125_000)}`],
  ['style sheets', '<style>.a{color:red}</style>'.repeat(35_000)],
  ['braces of style', `<style>${'@media{'.repeat(140_000)}`],
  ['comments of style', `<style>${'/*'.repeat(500_000)}`],
  ['classes', `<style>.a{color:red}</style>${`<p class="${'a '.repeat(100)}">`.repeat(4500)}`],
  ['words split', 'a<!---->'.repeat(125_000)],
  ['open pictures', '<svg>'.repeat(200_000)],
  ['turned text', `<bdo dir=rtl>${'ab'.repeat(500_000)}`],
  ['dashes in a comment', `<!--${'-'.repeat(1_000_000)}`],
] as const) {
  test(`endless ${what} cost no more than their length`, () => {
    const ms = cpuMs(() => void readHtml(html))
    assert.ok(ms < 2500, `${ms} ms`)
  })
}

test('no HTML makes the reader throw, and no letter is both seen and hidden', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '<p style="display:none">',
      '</p>',
      '<td>',
      '<table>',
      '</table>',
      '<font color=white>',
      '<style>',
      '.a{',
      '}',
      '<!--',
      '-->',
      '"',
    ),
    fc.constantFrom('<b>', '</b>', '<div class=a>', '</style>', '<span style="font-size:0', ';', '>', '</div>', 'x'),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(piece), pieces => {
      const { text, hidden } = readHtml(pieces.join(''))
      const xs = (of: string) => of.split('x').length - 1
      assert.ok(xs(text) + xs(hidden) <= xs(pieces.join('')))
    }),
  )
})
