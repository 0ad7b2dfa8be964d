import assert from 'node:assert/strict'
import { test } from 'node:test'
import { webLinks } from '../../../core/text/index.js'

for (const [href, host] of [
  ['http://Shop.Example.COM/x', 'shop.example.com'],
  [' HTTPS://example.com./x', 'example.com'],
  ['https://bücher.de', 'xn--bcher-kva.de'],
  ['http://127.1/', '127.0.0.1'],
  ['http://3325256711/', '198.51.100.7'],
  ['http://[2001:db8::1]:80/', '2001:db8::1'],
  ['https://user:secret@example.com:8443/', 'example.com'],
  ['mailto:a@example.com', undefined],
  ['javascript:alert(1)', undefined],
  ['http://', undefined],
  ['/relative', undefined],
] as const) {
  test(`${href} leads to ${host ?? 'no host of the web'}`, () => {
    const [link] = webLinks({ body: '', links: [{ href, text: 'here' }] })
    assert.deepEqual(link && [link.host, link.text, link.href], host && [host, 'here', href])
  })
}

test('links of plain text are found without what stands around them', () => {
  const body = 'See <http://one.example/a>, (https://two.example) or "HTTP://THREE.example/x?y=z".'
  assert.deepEqual(
    webLinks({ body, links: [] }).map(({ host, text }) => [host, text]),
    [
      ['one.example', ''],
      ['two.example', ''],
      ['three.example', ''],
    ],
  )
})

test('the same link many times does not hide the one behind', () => {
  const links = Array.from({ length: 1000 }, () => ({ href: 'http://a.example/', text: 'a' }))
  assert.deepEqual(
    webLinks({ body: 'http://b.example/', links }).map(({ host }) => host),
    ['a.example', 'b.example'],
  )
})

test('of very many links some hundreds are looked at, and of a long text its beginning', () => {
  const links = Array.from({ length: 5000 }, (_, i) => ({ href: `http://h${i}.example/`, text: '' }))
  assert.equal(webLinks({ body: '', links }).length, 300)
  assert.equal(webLinks({ body: `${' '.repeat(300_000)}http://far.example/`, links: [] }).length, 0)
})

test('one text is read once', () => {
  const text = { body: 'http://a.example/', links: [] }
  assert.equal(webLinks(text), webLinks(text))
})
