/** Which lists hear of what in a message. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashed } from '../../../plugins/dnsbl/hash.js'
import { DOMAINS, listed, rig, sha1, signed, vouched } from './message-rig.js'

for (const [says, list, wanted] of [
  ['domains, all that is usual', DOMAINS, ['helo', 'sender', 'from', 'reply', 'shop', 'reverse', 'signer']],
  ['links alone', { ...DOMAINS, about: ['links'] }, ['shop']],
  ['the text', { ...DOMAINS, about: ['body'] }, ['free']],
  ['domains for a mail, only what is signed', { ...DOMAINS, kind: 'allow' }, ['signer']],
] as const) {
  test(`a list of ${says}, is asked about ${wanted.join(', ')}`, async t => {
    const { score, dns } = await rig(t, {
      lists: [list],
      auth: vouched({ dkim: [signed('mail.signer.test'), signed('forged.test', 'fail'), signed('mail.signer.test')] }),
    })
    await score()
    assert.deepEqual([...dns.asked].sort(), wanted.map(name => `a ${name}.test.d.test`).sort())
  })
}

for (const [names, wanted] of [
  ['organisation', ['shop.test']],
  ['host', ['www.shop.test']],
  ['both', ['shop.test', 'www.shop.test']],
] as const) {
  test(`names: ${names} asks about ${wanted.join(' and ')}`, async t => {
    const { score, dns } = await rig(t, { lists: [{ ...DOMAINS, names, about: ['links'] }] })
    await score()
    assert.deepEqual(
      dns.asked,
      wanted.map(name => `a ${name}.d.test`),
    )
  })
}

test('a list for a mail hears of names only when they are proven', async t => {
  const list = { ...DOMAINS, kind: 'allow', about: ['sender', 'from', 'helo', 'reverse'] }
  const session = { reverse: async () => ({ kind: 'unconfirmed', names: ['claimed.reverse.test'] }) as const }
  const claimed = await rig(t, { lists: [list], auth: vouched(), session })
  await claimed.score()
  assert.deepEqual(claimed.dns.asked, [])
  const spf = (domain: string) => ({ result: 'pass', domain, why: '' }) as const
  const auth = vouched({
    helo: spf('mx.helo.test'),
    mailFrom: spf('bounce.sender.test'),
    dmarc: { result: 'pass', domain: 'from.test', disposition: 'none', why: '' },
  })
  const shown = await rig(t, { lists: [list], auth })
  await shown.score()
  assert.deepEqual([...shown.dns.asked].sort(), [
    'a from.test.d.test',
    'a helo.test.d.test',
    'a reverse.test.d.test',
    'a sender.test.d.test',
  ])
})

test('links by number are asked for reversed, and only of lists that have them', async t => {
  const lists = [
    { ...DOMAINS, about: ['links'], ip_links: true },
    { zone: 'names.test', holds: 'domains', about: ['links'] },
    { zone: 'a.test', about: ['links'] },
  ]
  const { score, dns } = await rig(t, {
    lists,
    mail: '\nhttp://192.0.2.9/ and http://10.0.0.1/ and http://[2001:db8::1]/\n',
  })
  await score()
  assert.deepEqual(dns.asked, ['a 9.2.0.192.d.test', 'a 9.2.0.192.a.test'])
})

test('our own domains and those to skip are not asked about, nor anything below them', async t => {
  const mail =
    'From: a@news.example.test\n\nhttps://mail.example.test/ https://relayed.test/ https://x.w3.org/ https://a.skip.test/ b@example.test\n'
  const lists = [DOMAINS, { zone: 'e.test', holds: 'emails' }]
  const { score, dns } = await rig(t, {
    ...{ lists, mail, envelope: { sender: null }, config: { skip: ['w3.org', 'skip.test'] } },
    session: { helo: '[192.0.2.1]', reverse: async () => ({ kind: 'none' }) },
  })
  await score()
  assert.deepEqual(dns.asked, [])
})

test('mail addresses are asked for hashed, in the form of the list, each once', async t => {
  const { score, dns } = await rig(t, {
    lists: [
      { zone: 'e.test', holds: 'emails' },
      { zone: 'f.test', holds: 'emails', hash: 'md5', cut_tags: false, about: ['body'] },
    ],
    mail: 'From: Box+9@gmail.com\nReply-To: b.ox@googlemail.com\n\ndrop+1@free.test drop@free.test\n',
    envelope: { sender: { local: 'box', domain: 'gmail.com' } },
  })
  await score()
  const md5 = (text: string) => hashed(text, { hash: 'md5', encoding: 'hex' })
  assert.deepEqual(
    [...dns.asked].sort(),
    [
      ...[sha1('box@gmail.com'), sha1('drop@free.test')].map(label => `a ${label}.e.test`),
      ...[md5('drop+1@free.test'), md5('drop@free.test')].map(label => `a ${label}.f.test`),
    ].sort(),
  )
})

test('short links are asked for by host and path, and told to others; nothing is visited', async t => {
  const { score, facts, dns } = await rig(t, {
    lists: [{ zone: 'u.test', holds: 'urls', hash: 'md5' }],
    mail: '\nhttps://bit.ly./aB?x=1 https://shop.test/long/way\n',
    zone: { [`${hashed('bit.ly/aB', { hash: 'md5', encoding: 'hex' })}.u.test`]: listed('127.0.0.8') },
  })
  const [finding] = await score()
  assert.match(finding!.says, /^u\.test lists bit\.ly\/aB \(a short link\): 127\.0\.0\.8$/)
  assert.deepEqual((await facts()).shorteners, ['bit.ly'])
  assert.equal(dns.asked.length, 2, 'the entry and its reason')
})

const RECEIVED = ['11.0.0.1', '11.0.0.2', '10.0.0.9', '11.0.0.1', '192.0.2.1', '11.0.0.3', '11.0.0.4']
  .map(address => `Received: from x (x [${address}]) by y; today\n`)
  .join('')

test('hosts on the way are asked about on request, the newest first, each once, and the client not again', async t => {
  const { score, dns } = await rig(t, {
    lists: [{ zone: 'r.test', about: ['received'] }],
    config: { most_hops: 3 },
    mail: `${RECEIVED}\n`,
  })
  await score()
  assert.deepEqual(dns.asked, ['a 1.0.0.11.r.test', 'a 2.0.0.11.r.test', 'a 3.0.0.11.r.test'])
})

test('who gave a mail to a relay of ours is its client, and the relay is nobody', async t => {
  const { score, dns } = await rig(t, {
    lists: [{ zone: 'c.test' }, { ...DOMAINS, about: ['helo', 'reverse'] }],
    config: { relays: ['192.0.2.0/24', '11.0.0.1'], exempt: ['192.0.2.1'] },
    session: { trusted: true },
    zone: { '2.0.0.11.c.test': listed('127.0.0.2') },
    mail: `${RECEIVED}\n`,
  })
  const findings = await score()
  assert.deepEqual(dns.asked, ['a 2.0.0.11.c.test', 'txt 2.0.0.11.c.test'])
  assert.deepEqual(
    findings.map(({ says }) => says),
    ['c.test lists 11.0.0.2 (the client): 127.0.0.2'],
  )
})

for (const [says, session] of [
  ['of people who logged in', { account: { id: 'a', login: 'alice' } as never }],
  ['of trusted networks', { trusted: true }],
  ['of exempt networks', { remote: { address: '10.0.0.1', port: 1 } }],
  ['by LMTP', { protocol: 'lmtp' as const }],
  ['of our own', { protocol: 'internal' as const }],
] as const) {
  test(`mail ${says} is not judged`, async t => {
    const { score, facts, dns } = await rig(t, { lists: [DOMAINS], session })
    assert.equal(await score(), undefined)
    assert.equal(await facts(), undefined)
    assert.deepEqual(dns.asked, [])
  })
}
