/** What of a mail lists are asked about: links, mail addresses, hosts on its way, and which of many. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aText } from '../../../core/testing/index.js'
import { chooseFairly, emailsIn } from '../../../core/text/index.js'
import { domainTest } from '../../../plugins/dnsbl/host.js'
import { hostsToAsk, linksIn, urlsToAsk } from '../../../plugins/dnsbl/links.js'
import { seenIn } from '../../../plugins/dnsbl/question.js'
import { hopsOf } from '../../../plugins/dnsbl/received.js'
import { aMessage } from '../../harness/session.js'

const nobody = () => false

for (const [raw, wanted] of [
  ['from mail.evil.test (mail.evil.test [11.0.0.1]) by mx.test; today', '11.0.0.1'],
  ['from [10.0.0.9] (helo=[12.0.0.1] [11.0.0.1])\r\n by mx.test', '11.0.0.1'],
  ['from x (unknown [IPv6:2a00:1::5]) by mx.test', '2a00:1::5'],
  ['from unknown (HELO x) (11.0.0.2) by mx.test', '11.0.0.2'],
  ['from x (user@11.0.0.3) by mx.test', '11.0.0.3'],
  ['from x ([::ffff:11.0.0.4]) by mx.test', '11.0.0.4'],
  ['from x (x [192.168.1.1]) by mx.test', undefined],
  ['from x (x [11.0.0]) by [12.0.0.1]', undefined],
  ['by mx.test with ESMTP from [11.0.0.5]', undefined],
] as const) {
  test(`Received: ${raw.replace(/\r\n/g, ' ')} came from ${wanted ?? 'nowhere'}`, () => {
    const { header } = aMessage(`Received: ${raw}\n\n`)
    assert.deepEqual(hopsOf(header), wanted === undefined ? [] : [wanted])
  })
}

test('mail addresses are found in text, mailto links and List-Unsubscribe, as often as they appear', async () => {
  const message = aMessage(
    [
      'List-Unsubscribe: <mailto:leave%2bx@list.test?subject=go>',
      'Content-Type: text/html',
      '',
      '<a href="mailto:box%40drop.test?body=a@b.test">write</a> or to (Me.You+1@Free.test), again me.you+1@free.test. not@here, @x, a@',
    ].join('\n'),
  )
  const found = emailsIn(await message.text(), message.header).map(({ local, domain }) => `${local}@${domain}`)
  assert.deepEqual(found, ['box@drop.test', 'leave+x@list.test', 'Me.You+1@free.test', 'me.you+1@free.test'])
})

test('a text of signs alone is soon given up', async () => {
  const text = aText({ body: 'a@b.test '.repeat(5000) })
  assert.equal(emailsIn(text, []).length, 1000)
  const last = emailsIn({ ...text, body: `${text.body} drop@free.test` }, []).at(-1)
  assert.deepEqual(last, { local: 'drop', domain: 'free.test' })
  assert.deepEqual(emailsIn({ ...text, body: '@'.repeat(200_000) }, []), [])
})

test('hosts of links in body and list fields are asked about; those that are left out are not', async () => {
  const message = aMessage(
    [
      'List-Unsubscribe: <https://leave.track.test/u?1>, <mailto:a@b.test>',
      'X-Other: https://unseen.test/',
      'Content-Type: text/html',
      '',
      '<a href="https://WWW.Shop.test./x">a</a> <a href="http://0x0b000001/">b</a> <a href="https://ours.test/">c</a> https://plain.test/y',
    ].join('\n'),
  )
  const links = linksIn(await message.text(), message.header, host => host === 'ours.test')
  const { seen, leftOut } = hostsToAsk(links, 10, 'lot')
  const named = seen.map(one => (one.kind === 'host' ? one.host.name : one.kind === 'address' ? one.address : ''))
  assert.deepEqual([named.sort(), leftOut], [['11.0.0.1', 'leave.track.test', 'plain.test', 'www.shop.test'], 0])
})

test('a host is among domains if it is one of them or below one', () => {
  const short = domainTest(['bit.ly', 'tinyurl.com', 'go.brand.test'])
  for (const host of ['bit.ly', 'www.bit.ly', 'go.brand.test', 'tinyurl.com']) assert.equal(short(host), true, host)
  for (const host of ['notbit.ly', 'ly', 'brand.test', 'bit.ly.test']) assert.equal(short(host), false, host)
})

test('whole links are asked about once, with host and path', async () => {
  const body = 'https://bit.ly/aB?x https://bit.ly/aB https://bit.ly/ https://shop.test/p'
  const links = linksIn(aText({ body }), [], nobody)
  const seen = urlsToAsk(links, 'short-links', 10, 'lot').map(
    one => one.kind === 'url' && [one.topic, one.url.pathname],
  )
  assert.deepEqual(seen, [
    ['short-links', '/p'],
    ['short-links', '/aB'],
  ])
})

function items(...groups: readonly (readonly [group: string, count: number, hosts?: number])[]) {
  return groups.flatMap(([group, count, hosts = 1]) =>
    Array.from({ length: count }, (_, i) => ({ group, host: `${i % hosts}.${group}` })),
  )
}
const choose = (all: ReturnType<typeof items>, most: number, lot = 'lot') =>
  chooseFairly(all, ({ host }) => host, most, lot).map(({ host }) => host)

test('with places for all, the organisation that appears least comes first, and each has one before any has two', () => {
  assert.deepEqual(choose(items(['many', 5, 2], ['one', 1], ['two', 2, 2]), 10), [
    '0.one',
    '0.two',
    '0.many',
    '1.two',
    '1.many',
  ])
  assert.deepEqual(choose(items(['many', 5, 5], ['one', 1]), 3), ['0.one', '0.many', '1.many'])
})

test('whoever fills a mail with other links hides his own neither by rarity nor by number', () => {
  const filler = Array.from({ length: 200 }, (_, i) => [`f${i}`, 2] as const)
  assert.ok(choose(items(...filler, ['rare', 1]), 8).includes('0.rare'))
  assert.ok(choose(items(...filler, ['loud', 9]), 8).includes('0.loud'))
  const seen = new Set(Array.from({ length: 50 }, (_, i) => choose(items(...filler), 8, `id${i}`)).flat())
  assert.ok(seen.size > 50, `${seen.size} different ones in 50 draws`)
  assert.equal(choose(items(...filler), 8).length, 8)
  assert.deepEqual(choose(items(...filler), 0), [])
})

for (const [text, wanted] of [
  ['192.0.2.1', ['address']],
  ['[2001:db8::1]', ['address']],
  ['Evil.test', ['host']],
  ['me@evil.test', ['email']],
  ['https://evil.test/a@b', ['host', 'url']],
  ['bit.ly/abc', ['host', 'url']],
  ['http://192.0.2.1/', ['address', 'url']],
  ['nobody', undefined],
  ['a@b@c', undefined],
  ['http://', undefined],
] as const) {
  test(`${text} is ${wanted?.join(' and ') ?? 'nothing to ask about'}`, () => {
    assert.deepEqual(
      seenIn(text)?.map(({ kind }) => kind),
      wanted,
    )
  })
}

test('nothing is left out when nothing is there', () => {
  assert.deepEqual(hostsToAsk([], 5, ''), { seen: [], leftOut: 0 })
  assert.deepEqual(urlsToAsk([], 'links', 5, ''), [])
})
