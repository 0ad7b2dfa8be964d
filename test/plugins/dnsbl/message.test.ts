/** What lists say of a message: which of them hears of what, what their answers weigh together, and what others learn of it. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { AuthFacts, Envelope, Finding, ListFacts, MailAuth, Session } from '../../../core/api/index.js'
import { rememberingLog, setUp } from '../../../core/testing/index.js'
import { hashed } from '../../../plugins/dnsbl/hash.js'
import plugin from '../../../plugins/dnsbl/index.js'
import { type FakeZone, fakeDns } from '../../harness/fake-dns.js'
import { aMessage, anEnvelope, aSession } from '../../harness/session.js'

const sha1 = (text: string) => hashed(text, { hash: 'sha1', encoding: 'hex' })
const listed = (code: string, txt?: string) => ({ a: [code], ...(txt === undefined ? {} : { txt: [txt] }) })

/** SPF, DKIM and DMARC of a mail as they may come out. */
function vouched(more: Partial<AuthFacts> = {}): AuthFacts {
  const dmarc = { result: 'none', domain: 'from.test', disposition: 'none', why: '' } as const
  return { dkim: [], dmarc, vouching: [], questions: 0, ...more }
}
const signed = (domain: string, result: 'pass' | 'fail' = 'pass') => ({
  ...{ result, domain, selector: 's', algorithm: 'rsa-sha256', tag: 'x', why: '' },
})

interface Given {
  readonly lists: readonly object[]
  readonly zone?: FakeZone
  readonly config?: object
  readonly auth?: AuthFacts | MailAuth
  readonly session?: Partial<Session>
  readonly envelope?: Partial<Envelope>
  readonly mail?: string
}

const MAIL =
  'From: Me <me@from.test>\nReply-To: box@reply.test\n\nSee https://www.shop.test/x or write to drop+1@free.test.\n'

async function rig(t: TestContext, given: Given) {
  const log = rememberingLog()
  const dns = fakeDns(given.zone ?? {})
  const { auth } = given
  const mailAuth = auth === undefined || 'found' in auth ? auth : { found: async () => auth }
  const { hooks, call, contribution, end } = await setUp(plugin, {
    config: { within: '50ms', lists: given.lists.map(list => ({ check: false, ...list })), ...given.config },
    services: mailAuth === undefined ? {} : { 'mail-auth': mailAuth },
    log,
    dns,
  })
  t.after(end)
  const session = aSession({
    helo: 'mx.helo.test',
    reverse: async () => ({ kind: 'confirmed', name: 'host.reverse.test' }),
    ...given.session,
  })
  const envelope = anEnvelope({ sender: { local: 'me', domain: 'bounce.sender.test' }, ...given.envelope })
  const asked = { session, envelope, message: aMessage(given.mail ?? MAIL) }
  // Loading what reads a message takes longer than the budgets here.
  await asked.message.text()
  const score = async () => (await hooks.score!(asked, call)) as readonly Finding[]
  const facts = () => contribution.services!['list-hits']!.found(asked, call) as Promise<ListFacts>
  return { score, facts, dns, log, call }
}

const DOMAINS = { zone: 'd.test', holds: 'domains' }
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
    mail: '\nhttps://bit.ly/aB?x=1 https://shop.test/long/way\n',
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

test('a list weighs once for a message, says what it weighs for, with meaning and reason, and how much more it has', async t => {
  const codes = { '127.0.1.2': { weight: 1, means: 'spam' }, '127.0.1.4': { weight: 2.5, means: 'phishing' } }
  const { score, facts } = await rig(t, {
    lists: [{ ...DOMAINS, codes }],
    zone: {
      'from.test.d.test': listed('127.0.1.2'),
      'shop.test.d.test': listed('127.0.1.4', 'seen\r\ntoday'),
      'reply.test.d.test': listed('127.0.1.9'),
    },
  })
  assert.deepEqual(await score(), [
    {
      name: 'dnsbl-d-test',
      points: 2.5,
      says: 'd.test lists shop.test (a link) and 2 more of this mail: 127.0.1.4, phishing: seen??today',
    },
  ])
  const { hits, questions, unknown, leftOut } = await facts()
  assert.deepEqual(
    hits.map(({ of, topics, points, means }) => [of, topics, points, means]),
    [
      ['from.test', ['from'], 1, 'spam'],
      ['reply.test', ['reply-to'], 0, undefined],
      ['shop.test', ['links'], 2.5, 'phishing'],
    ],
  )
  assert.deepEqual([questions, unknown, leftOut], [9, [], 0])
})

test('bits of one answer each have a meaning; the greatest weight counts', async t => {
  const codes = {
    '127.0.0.&8': { weight: 3, means: 'phishing' },
    '127.0.0.&64': { weight: 2, means: 'abuse' },
    '127.0.0.&128': { weight: 1, means: 'cracked' },
  }
  const { score } = await rig(t, {
    lists: [{ ...DOMAINS, codes, about: ['from'] }],
    zone: { 'from.test.d.test': listed('127.0.0.72') },
  })
  assert.deepEqual(
    (await score()).map(({ points, says }) => [points, says]),
    [[3, 'd.test lists from.test (From): 127.0.0.72, phishing, abuse']],
  )
})

test('what one thing is in two places is asked once and said of both', async t => {
  const { score, dns } = await rig(t, {
    lists: [{ ...DOMAINS, about: ['from', 'sender'] }],
    envelope: { sender: { local: 'x', domain: 'a.from.test' } },
    zone: { 'from.test.d.test': listed('127.0.0.2') },
  })
  assert.match((await score())[0]!.says, /lists from\.test \(the envelope sender, From\)/)
  assert.equal(dns.asked.length, 2)
})

const HEAVY: Given = {
  lists: [
    { zone: 'c.test', weight: 3 },
    { ...DOMAINS, weight: 3, about: ['from'] },
    { zone: 'e.test', holds: 'emails', weight: 1, about: ['from'] },
    { zone: 'good.test', kind: 'allow', weight: 6 },
  ],
  zone: {
    '1.2.0.192.c.test': listed('127.0.0.2'),
    'from.test.d.test': listed('127.0.0.2'),
    [`${sha1('me@from.test')}.e.test`]: listed('127.0.0.2'),
    '1.2.0.192.good.test': listed('127.0.0.2'),
  },
}

for (const [cap, wanted] of [
  [undefined, [-4.5, 3, 1.5, 0]],
  [3.2, [-3.2, 3, 0.2, 0]],
  [0, [-6, 3, 3, 1]],
] as const) {
  test(`with cap ${cap ?? 'as shipped'} lists together count ${wanted.join(', ')}`, async t => {
    const { score } = await rig(t, { ...HEAVY, config: cap === undefined ? {} : { cap } })
    const findings = await score()
    assert.deepEqual(
      findings.map(({ points }) => points),
      wanted,
    )
    const beyond = findings.filter(({ says }) => /all lists together give/.test(says)).length
    assert.equal(beyond, cap === 0 ? 0 : 3)
  })
}

for (const [says, entry, why] of [
  ['trouble', 'trouble', /ESERVFAIL/],
  ['silence', 'silence', /no answer within 50 ms/],
  ['a refusal', listed('127.255.255.254'), /query refused/],
  ['a refusal of its own', listed('127.0.0.1'), /query refused/],
] as const) {
  test(`${says} is no listing, is said once, and the other lists count all the same`, async t => {
    const { score, facts, log } = await rig(t, {
      lists: [
        { ...DOMAINS, refused: ['127.0.0.1'] },
        { zone: 'e.test', holds: 'emails' },
      ],
      zone: {
        'from.test.d.test': entry,
        'shop.test.d.test': entry,
        [`${sha1('me@from.test')}.e.test`]: listed('127.0.0.2'),
      },
    })
    assert.deepEqual(
      (await score()).map(({ name }) => name),
      ['dnsbl-e-test'],
    )
    assert.deepEqual((await facts()).unknown, ['d.test'])
    const lines = log.lines.filter(({ sentence }) => sentence === 'policy could not know')
    assert.equal(lines.length, 1)
    assert.match(String(lines[0]!.facts.why), why)
  })
}

test('questions are bounded, what is left out is told, and what a mail claims to be is always asked', async t => {
  const links = Array.from({ length: 60 }, (_, i) => `https://shop${i}.test/`).join(' ')
  const given = { lists: [DOMAINS, { ...DOMAINS, zone: 'f.test' }], mail: `From: me@from.test\n\n${links}\n` }
  const few = await rig(t, { ...given, config: { most_questions: 10 } })
  await few.score()
  assert.equal(few.dns.asked.filter(name => name.includes('shop')).length, 10)
  assert.ok(few.dns.asked.includes('a from.test.f.test'))
  assert.deepEqual([(await few.facts()).leftOut, (await few.facts()).questions], [55, 18])
  const many = await rig(t, given)
  await many.score()
  assert.deepEqual([(await many.facts()).leftOut, (await many.facts()).questions], [40, 48])
})

test('signatures that are checked for too long hold up nothing else', async t => {
  const { score } = await rig(t, {
    lists: [DOMAINS],
    auth: { found: () => new Promise(() => undefined) },
    zone: { 'from.test.d.test': listed('127.0.0.2') },
  })
  assert.equal((await score()).length, 1)
})

test('a message is asked about once, whoever wants to know, and the log does not tell what stood in it', async t => {
  const { score, facts, dns, log } = await rig(t, {
    lists: [DOMAINS],
    zone: { 'shop.test.d.test': listed('127.0.0.2', 'bad https://d.test/?shop.test') },
  })
  await Promise.all([score(), facts()])
  const asked = dns.asked.length
  await score()
  assert.equal(dns.asked.length, asked)
  const [line] = log.lines.filter(({ sentence }) => sentence === 'lists were asked about a message')
  assert.deepEqual(line?.facts, { questions: 7, leftOut: 0, sum: 1, lists: ['d.test links (127.0.0.2) 1'] })
})

test('a list that has everything is asked for few reasons', async t => {
  const hosts = Array.from({ length: 10 }, (_, i) => `shop${i}.test`)
  const { score, facts, dns } = await rig(t, {
    lists: [{ ...DOMAINS, about: ['links'] }],
    mail: `\n${hosts.map(host => `https://${host}/`).join(' ')}\n`,
    zone: Object.fromEntries(hosts.map(host => [`${host}.d.test`, listed('127.0.0.2', 'why')])),
  })
  assert.match((await score())[0]!.says, /and 9 more of this mail: 127\.0\.0\.2: why$/)
  assert.equal(dns.asked.filter(name => name.startsWith('txt ')).length, 3)
  assert.equal((await facts()).questions, 13)
})
