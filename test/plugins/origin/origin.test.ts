/** The plugin as a whole: what is odd about a mail from elsewhere, what is not, and the facts that others get. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { CommandRun, Finding } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/origin/index.js'
import { asked, DYNAMIC, FROM, hop, mail, NOW, type Wish } from './origin-world.js'

test('an honest mail has facts and nothing odd', async () => {
  const { names, facts } = await asked({
    text: mail(`${FROM}\nReply-To: c@first.org`, 'see https://www.first.org/ and http://other.net/x'),
  })
  assert.deepEqual(names, [])
  assert.deepEqual(
    [facts?.from?.organisation, facts?.sender?.name, facts?.replyTo?.name, facts?.links.map(link => link.organisation)],
    ['first.org', 'first.org', 'first.org', ['first.org', 'other.net']],
  )
  assert.deepEqual([facts?.client?.look, facts?.client?.direct, facts?.hops], ['server', true, []])
})

describe('odd is', () => {
  const cases: readonly [what: string, wish: Wish, names: readonly string[]][] = [
    ['an ending that there is not', { text: mail('From: a@shop.nowhere') }, ['from-unlisted-ending']],
    ['a cheap ending', { text: mail('From: a@offers.click') }, ['from-cheap-ending']],
    ['an address in place of a domain', { text: mail('From: a@[203.0.113.9]') }, ['from-address']],
    ['a domain of digits', { text: mail('From: a@4711.com') }, ['from-digits']],
    ['a domain that a machine drew', { text: mail('From: a@d5pvjttquw.com') }, ['from-generated']],
    ['a local part that a machine drew', { text: mail('From: qwzxkjvbnt@first.org') }, ['from-generated-local']],
    ['letters beyond ASCII', { text: mail('From: a@xn--bcher-kva.de') }, ['from-international']],
    ['a disposable address for answers', { text: mail(`${FROM}\nReply-To: a@yopmail.com`) }, ['disposable']],
    ['a disposable sender', { sender: 'x.mailinator.com' }, ['disposable']],
    ['a link to a cheap ending', { text: mail(FROM, 'http://offers.click/') }, ['link-cheap-ending']],
    ['a link to what a machine drew', { text: mail(FROM, 'http://d5pvjttquw.com/') }, ['link-generated']],
    ['a bare address as greeting', { helo: '198.51.100.7' }, ['helo-bare-address']],
    ['a greeting that is no name', { helo: 'WIN-7QK2' }, ['helo-no-name']],
    ['the name of a provider, by somebody else', { helo: 'mx.google.com' }, ['helo-forged']],
    ['a line of a customer, straight', { reverse: DYNAMIC, helo: DYNAMIC }, ['direct-dynamic']],
    [
      'a numbered host, straight',
      { reverse: 'h-198-51-100-7.isp.org', helo: 'h-198-51-100-7.isp.org' },
      ['direct-numbered'],
    ],
    [
      'a line of a customer, with a server before it',
      { reverse: DYNAMIC, helo: DYNAMIC, text: mail(`${hop('from a.org (a.org [203.0.113.5])', 'b.org')}\n${FROM}`) },
      ['relayed-dynamic'],
    ],
    ['a date to come', { text: `${FROM}\nDate: Fri, 22 May 2026 15:00:00 +0000\n\nx\n` }, ['date-future']],
    ['a time zone that is nowhere', { text: `${FROM}\nDate: Wed, 20 May 2026 00:00:00 -1700\n\nx\n` }, ['date-zone']],
    [
      'a hop to come',
      { text: mail(`${hop('', 'a.org', 'Fri, 22 May 2026 15:00:00 +0000')}\n${FROM}`) },
      ['received-future'],
    ],
    [
      'a hop in no time zone',
      { text: mail(`${hop('', 'a.org', 'Wed, 20 May 2026 11:00:00 +0199')}\n${FROM}`) },
      ['received-zone'],
    ],
    [
      'a hop that had it before the one below',
      {
        text: mail(
          `${hop('from b.org', 'a.org', 'Mon, 18 May 2026 11:00:00 +0000')}\n${hop('', 'b.org', 'Wed, 20 May 2026 11:00:00 +0000')}\n${FROM}`,
        ),
      },
      ['received-backwards'],
    ],
    ['a way of very many hops', { text: mail(`${`${hop('', 'a.org')}\n`.repeat(26)}${FROM}`) }, ['received-many']],
  ]
  for (const [what, wish, names] of cases) test(what, async () => assert.deepEqual((await asked(wish)).names, names))
})

describe('not odd is', () => {
  const cases: readonly [what: string, wish: Wish][] = [
    [
      'a link to a cheap ending in an answer',
      { text: mail(`${FROM}\nIn-Reply-To: <1@a.org>`, 'http://offers.click/') },
    ],
    ['what people write to a list', { text: mail('From: a@offers.click\nList-Id: <l.org>', 'http://offers.click/') }],
    ['a reserved ending', { text: mail('From: a@printer.local') }],
    ['an address literal as greeting', { helo: '[198.51.100.7]' }],
    [
      'a greeting that the plugin helo has judged',
      { helo: 'localhost', session: { labels: new Set(['greeting-judged']) } },
    ],
    ['a free provider under the name of its owner', { helo: 'mail.btinternet.com', reverse: 'mail.bt.com' }],
    ['a greeting by another name of the house', { helo: 'mx.elsewhere.org' }],
    ['a provider by another of its names', { helo: 'mail-x.google.com', reverse: 'mail-x.googlemail.com' }],
    [
      'the name of a provider where the true one is not known',
      { helo: 'mx.google.com', reverse: { kind: 'unknown', why: 'x' } },
    ],
    ['the name of a provider without reverse names', { helo: 'n21.grp.yahoo.com', reverse: { kind: 'none' } }],
    ['a static line', { reverse: 'static-198-51-100-7.isp.org' }],
    ['a date with the time zone of Nepal', { text: `${FROM}\nDate: Wed, 20 May 2026 12:00:00 +0545\n\nx\n` }],
    ['a year after a dash', { text: `${FROM}\nDate: Wed, 20-May-2026 12:00:00 +0000\n\nx\n` }],
    ['no date, or one that cannot be read', { text: `${FROM}\nDate: tomorrow\n\nx\n` }],
    [
      'a message without From, and with very odd fields',
      { text: 'From: \nReceived: ((((\nReceived: from\nDate:\n\nx\n', sender: null },
    ],
  ]
  for (const [what, wish] of cases) test(what, async () => assert.deepEqual((await asked(wish)).names, []))
})

describe('who says that we or a large provider had it', () => {
  const way = (...hops: readonly string[]) => mail([...hops, FROM].join('\n'))
  const cases: readonly [what: string, hops: readonly string[], names: readonly string[]][] = [
    [
      'a stranger that writes our name',
      [hop('from a.org ([203.0.113.5])', 'mail.example.test')],
      ['received-own-forged'],
    ],
    [
      'a stranger that writes a host of ours',
      [hop('from a.org ([203.0.113.5])', 'mx2.example.test')],
      ['received-own-forged'],
    ],
    [
      'a list that had it from us',
      [
        hop('from mail.example.test (mail.example.test [203.0.113.5])', 'list.org'),
        hop('from [10.0.0.5]', 'mail.example.test'),
      ],
      [],
    ],
    [
      'a list that did not have it from us',
      [hop('from bot.org (bot.org [203.0.113.66])', 'list.org'), hop('from [10.0.0.5]', 'mail.example.test')],
      ['received-own-forged'],
    ],
    [
      'a program that does not say where from',
      [
        'Received: by list.org (Postfix, from userid 33); Wed, 20 May 2026 11:59:00 +0000',
        hop('from [10.0.0.5]', 'mail.example.test'),
      ],
      [],
    ],
    [
      'a stranger that writes Google',
      [hop('from a.org ([203.0.113.5])', 'mx.google.com')],
      ['received-provider-forged'],
    ],
    [
      'a forwarder that had it from Google',
      [hop('from mail-x.google.com (mail-x.google.com [203.0.113.5])', 'mail.first.org'), hop('', '2002:a05:6214::1')],
      [],
    ],
    [
      'a gateway that passed it on within the house',
      [hop('from gateway ([10.1.1.1])', 'mail.first.org'), hop('from a.org ([203.0.113.5])', 'mx.google.com')],
      [],
    ],
    [
      'a mailbox that was fetched',
      [hop('from fetcher', 'mail.first.org'), hop('from a.org ([203.0.113.5])', 'mx.google.com')],
      [],
    ],
  ]
  for (const [what, hops, names] of cases)
    test(what, async () => assert.deepEqual((await asked({ text: way(...hops) })).names, names))

  test('Google itself, by its true name', async () => {
    const text = way(hop('', 'mail-x.google.com'))
    assert.deepEqual((await asked({ text, helo: 'mail-x.google.com', reverse: 'mail-x.google.com' })).names, [])
  })
})

test('behind relays of our own the client is who gave it to them', async () => {
  const text = mail(
    `${hop('from x (backup.example.net [203.0.113.1])', 'mail.example.net')}\n${hop('from localhost ([127.0.0.1])', 'backup.example.net')}\n${hop('from bad (dyn-192-0-2-9.isp.org [192.0.2.9])', 'backup.example.net')}\n${FROM}`,
  )
  const relays = { relays: ['203.0.113.0/24'] }
  const { names, facts } = await asked({ ip: '203.0.113.2', config: relays, text })
  assert.deepEqual(names, ['helo-no-name', 'direct-dynamic'])
  assert.deepEqual([facts?.client?.address, facts?.hops.length], ['192.0.2.9', 0])
  const silent = await asked({ ip: '203.0.113.2', config: relays })
  assert.deepEqual([silent.names, silent.facts?.client], [[], undefined])
})

for (const [what, session] of [
  ['who has logged in', { account: { login: 'alice', addresses: [] } as never }],
  ['trusted networks', { trusted: true }],
  ['LMTP', { protocol: 'lmtp' }],
] as const)
  test(`mail of ${what} is not looked at`, async () => {
    const { names, facts } = await asked({ session, helo: 'localhost' })
    assert.deepEqual([names, facts], [[], undefined])
  })

test('a name service that never answers costs the wait and nothing more', async () => {
  const session = { reverse: () => new Promise<never>(() => undefined) }
  const { names, facts } = await asked({ session, config: { within: '20ms' } })
  assert.deepEqual([names, facts?.client?.reverse.kind], [[], 'unknown'])
})

test('points are of the admin, and 0 leaves a finding out', async () => {
  const text = mail('From: a@offers.click', 'http://offers.click/')
  const { findings } = await asked({ text, config: { points: { from_cheap_ending: 0, link_cheap_ending: 3 } } })
  assert.deepEqual(
    findings.map(({ name, points }) => [name, points]),
    [['link-cheap-ending', 3]],
  )
})

test('origin check says in sentences what it finds, and gives data', async () => {
  const file = join(tmpdir(), `posthouse-test-${process.pid}.eml`)
  writeFileSync(
    file,
    mail(`${hop('from a.org ([203.0.113.5])', 'mx.google.com')}\nFrom: a@offers.click`, 'http://first.org/'),
  )
  const { contribution } = await setUp(plugin, { now: () => NOW })
  const run = async (json: boolean) => {
    const lines: string[] = []
    const options = { ip: '198.51.100.7', helo: 'localhost', reverse: DYNAMIC, from: 'x@first.org' }
    await contribution.commands![0]!.run({
      args: [file],
      options,
      json,
      print: (line: string) => lines.push(line),
    } as unknown as CommandRun)
    return lines.join('\n')
  }
  const text = await run(false)
  await assert.rejects(
    async () => contribution.commands![0]!.run({ args: [file], options: { helo: 'a.org' } } as unknown as CommandRun),
    /say its address with --ip/,
  )
  for (const wanted of [
    'From: offers.click (cheap-ending).',
    'MAIL FROM: first.org.',
    'A link leads to first.org.',
    `The client 198.51.100.7 is ${DYNAMIC} (dynamic).`,
    '  from a.org (203.0.113.5) by mx.google.com with ESMTP, Wed, 20 May 2026 11:59:00 +0000',
    '  1  from-cheap-ending: The sender is at a cheap top-level domain: offers.click.',
    `  1  received-provider-forged: Received says that mx.google.com of Google had it, but it came on from ${DYNAMIC}.`,
  ])
    assert.ok(text.includes(wanted), `${wanted} in\n${text}`)
  const data = JSON.parse(await run(true)) as { from: object; findings: readonly Finding[] }
  assert.deepEqual(data.from, { name: 'offers.click', organisation: 'offers.click', traits: ['cheap-ending'] })
  assert.ok(data.findings.some(({ name }) => name === 'helo-no-name'))
})
