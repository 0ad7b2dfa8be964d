/** What lists say of a message weighs together, what is no listing, and what others learn of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DOMAINS, type Given, listed, rig, sha1, vouched } from './message-rig.js'

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
  ['trouble', 'trouble', /SERVFAIL/],
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

test('what the list of this site allows does not count, whatever others say of it', async t => {
  const looked: string[] = []
  const site = {
    changedAt: async () => 0,
    find: async (question: object) => {
      const [kind, ...rest] = Object.values(question) as string[]
      looked.push([kind, ...rest].join(' '))
      return ['shop.test', 'me', 'a/b', '192.0.2.1'].includes(rest[0]!)
        ? ({ kind: 'allow', pattern: '', place: '' } as const)
        : undefined
    },
  }
  const { score, facts } = await rig(t, {
    lists: [DOMAINS, { zone: 'e.test', holds: 'emails' }, { zone: 'c.test' }],
    services: { 'local-list': site },
    zone: {
      '1.2.0.192.c.test': listed('127.0.0.2'),
      'shop.test.d.test': listed('127.0.0.2'),
      'reply.test.d.test': listed('127.0.0.2'),
      [`${sha1('me@from.test')}.e.test`]: listed('127.0.0.2'),
      [`${sha1('a/b@bounce.test')}.e.test`]: listed('127.0.0.2'),
    },
    envelope: { sender: { local: 'a/b', domain: 'bounce.test' } },
  })
  assert.deepEqual(
    (await score()).map(({ says }) => says),
    ['d.test lists reply.test (Reply-To): 127.0.0.2'],
  )
  assert.equal((await facts()).hits.length, 1)
  assert.deepEqual(looked.sort(), [
    'address 192.0.2.1',
    'link shop.test /',
    'mailbox a/b bounce.test',
    'mailbox me from.test',
    'name reply.test',
  ])
})

test('signatures that are checked for too long hold up nothing else', async t => {
  const { score } = await rig(t, {
    lists: [DOMAINS],
    auth: { found: () => new Promise(() => undefined) },
    zone: { 'from.test.d.test': listed('127.0.0.2') },
  })
  assert.equal((await score()).length, 1)
})

test('where no list hears of what is proven, nobody waits for signatures', async t => {
  let asked = 0
  const auth = { found: async () => vouched({ questions: asked++ }) }
  const { score } = await rig(t, { lists: [{ ...DOMAINS, about: ['from', 'sender'] }], auth })
  await score()
  assert.equal(asked, 0)
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
  const lists = ['d.test links (127.0.0.2) 1']
  assert.deepEqual(line?.facts, { id: 'session1', questions: 7, leftOut: 0, sum: 1, lists })
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
