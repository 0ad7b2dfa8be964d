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

const fillers = (count: number, hrefOf: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => ({ href: hrefOf(i), text: '' }))
const hostsOf = (links: readonly { readonly href: string; readonly text: string }[], body = '') =>
  webLinks({ body, links }).map(({ host }) => host)
const EVIL = { href: 'http://evil.example/', text: '' }

test('of very many links some hundreds are looked at, in their order', () => {
  for (const hrefOf of [
    (i: number) => `http://h${i}.example/`,
    (i: number) => `http://one.example/${i}`,
    (i: number) => `http://h${i % 50}.example/${i}`,
  ]) {
    const links = fillers(5000, hrefOf)
    const found = webLinks({ body: '', links })
    assert.equal(found.length, 300)
    const order = new Map(links.map(({ href }, i) => [href, i]))
    const places = found.map(({ href }) => order.get(href)!)
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    )
  }
})

for (const [what, before, after] of [
  ['in front of it', 1900, 0],
  ['behind it', 0, 1900],
  ['around it', 900, 900],
] as const)
  test(`harmless links ${what} hide no link`, () => {
    for (const hrefOf of [(i: number) => `http://one.example/${i}`, (i: number) => `http://h${i % 40}.example/${i}`]) {
      const links = fillers(before + after, hrefOf)
      assert.ok(hostsOf([...links.slice(0, before), EVIL, ...links.slice(before)]).includes('evil.example'))
    }
  })

for (const [what, before, after] of [
  ['in front of it', 30_000, 0],
  ['behind it', 0, 30_000],
] as const)
  test(`harmless links ${what} hide no link, however many and of however many hosts they are`, () => {
    const links = fillers(before + after, i => `http://h${i}.example/`)
    assert.ok(hostsOf([...links.slice(0, before), EVIL, ...links.slice(before)]).includes('evil.example'))
  })

test('of a long text both ends are read', () => {
  const body = `http://first.example/ ${' '.repeat(300_000)} http://far.example/`
  assert.deepEqual(hostsOf([], body), ['first.example', 'far.example'])
  assert.deepEqual(hostsOf([], `${' '.repeat(300_000)}http://middle.example/${' '.repeat(300_000)}`), [])
})

test('one text is read once', () => {
  const text = { body: 'http://a.example/', links: [] }
  assert.equal(webLinks(text), webLinks(text))
})
