/** The plugin as a whole: what is odd about a mail from elsewhere, what is not, and the facts that others get. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  type CommandRun,
  type Finding,
  MailError,
  type ReverseName,
  type Session,
  type State,
} from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/origin/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'

const NOW = Date.UTC(2026, 4, 20, 12)
const DAY = 86_400_000
const DATE = 'Date: Wed, 20 May 2026 12:00:00 +0000'
const HONEST = `From: Carol <carol@first.org>\n${DATE}\nSubject: x\n\nhello\n`

interface Wish {
  readonly text?: string
  readonly helo?: string
  readonly ip?: string
  readonly reverse?: ReverseName | string
  readonly sender?: string | null
  readonly config?: object
  readonly session?: Partial<Session>
  readonly state?: State
  readonly now?: number
}

async function asked(wish: Wish = {}) {
  const { text = HONEST, helo = 'mail.first.org', ip = '198.51.100.7', sender = 'first.org', now = NOW } = wish
  const reverse = wish.reverse ?? 'mail.first.org'
  const log = rememberingLog()
  const { hooks, call, contribution } = await setUp(plugin, {
    ...{ config: wish.config ?? {}, now: () => now, log },
    ...(wish.state !== undefined && { state: wish.state }),
  })
  const all = {
    session: aSession({
      ...{ helo, remote: { address: ip, port: 1 } },
      reverse: async () => (typeof reverse === 'string' ? { kind: 'confirmed', name: reverse } : reverse),
      ...wish.session,
    }),
    envelope: anEnvelope({ sender: sender === null ? null : { local: 'carol', domain: sender } }),
    message: aMessage(text),
  }
  const findings = [(await hooks.score!(all, { ...call, log })) ?? []].flat() as Finding[]
  const facts = await contribution.services!.origin!.found(all, call)
  // What was seen is in the state once the process has gone, at the latest.
  await contribution.dispose?.()
  return { findings, names: findings.map(({ name }) => name), facts, log }
}

const mail = (more: string, body = 'hello') => `${DATE}\nSubject: x\n${more}\n\n${body}\n`
const hop = (from: string, by: string, at = 'Wed, 20 May 2026 11:59:00 +0000') =>
  `Received: ${from} by ${by} with ESMTP; ${at}`
const FROM = 'From: Carol <carol@first.org>'
const DYNAMIC = 'dyn-198-51-100-7.isp.org'

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

describe('age', () => {
  const stateOf = (state: State): State => ({ ...state, get: (...get) => state.get(...get) })
  const write = (state: State, now: number, from: string, link = '') =>
    asked({ state, now, text: `From: a@${from}\n\n${link}\n`, sender: from })

  test('who was never seen before is new, but not to a site that is new itself', async () => {
    const state = createMemoryState()
    const first = await write(state, NOW, 'first.org', 'http://first.org/')
    assert.deepEqual([first.names, first.facts?.from?.firstSeen, first.facts?.remembersSince], [[], undefined, NOW])
    await write(state, NOW + 20 * DAY, 'second.org', 'http://second.org/')
    const known = await write(state, NOW + 31 * DAY, 'second.org', 'http://third.org/')
    assert.deepEqual([known.names, known.facts?.from?.firstSeen], [[], NOW + 20 * DAY])
    const fresh = await write(state, NOW + 31 * DAY, 'fourth.org', 'http://fifth.org/')
    assert.deepEqual(fresh.names, ['links-new'])
    assert.match(fresh.findings[0]!.says, /new here, and so is whatever its links lead to: fifth\.org/)
    assert.deepEqual((await write(state, NOW + 31 * DAY, 'sixth.org', 'http://second.org/')).names, [])
  })

  test('a stranger is not held to be one in mail of a list, in an answer, or when links lead to us', async () => {
    const state = createMemoryState()
    await write(state, NOW, 'first.org')
    const now = NOW + 31 * DAY
    const config = { points: { from_new: 0.1 } }
    const namesOf = async (domain: string, field: string, link: string) => {
      const text = `From: a@${domain}\n${field}\n\n${link}\n`
      return (await asked({ state, now, text, sender: domain, config })).names
    }
    assert.deepEqual(await namesOf('a.org', 'Subject: x', 'http://new-a.org/'), ['from-new', 'links-new'])
    assert.deepEqual(await namesOf('b.org', 'List-Id: <x.b.org>', 'http://new-b.org/'), [])
    assert.deepEqual(await namesOf('b2.org', 'List-Unsubscribe: <http://b2.org/>', 'http://new-b2.org/'), [])
    assert.deepEqual(await namesOf('b3.org', 'Precedence: bulk', 'http://new-b3.org/'), [])
    assert.deepEqual(await namesOf('c.org', 'In-Reply-To: <x@y.org>', 'http://new-c.org/'), ['from-new'])
    assert.deepEqual(await namesOf('d.org', 'Subject: x', 'http://www.example.test/'), ['from-new'])
  })

  test('what was seen in links counts for senders too', async () => {
    const state = createMemoryState()
    await write(state, NOW, 'first.org', 'http://shop.org/')
    assert.equal((await write(state, NOW + DAY, 'shop.org')).facts?.from?.firstSeen, NOW)
  })

  test('who came on one day only is forgotten in ten weeks, who came again stays for long', async () => {
    const state = createMemoryState()
    await write(state, NOW, 'monthly.org')
    assert.equal((await write(state, NOW + 31 * DAY, 'monthly.org')).facts?.from?.firstSeen, NOW)
    await write(state, NOW, 'once.org')
    await write(state, NOW, 'twice.org')
    await write(state, NOW + 2 * DAY, 'twice.org')
    const later = NOW + 300 * DAY
    assert.equal((await write(state, NOW + 71 * DAY, 'once.org')).facts?.from?.firstSeen, undefined)
    assert.equal((await write(state, later, 'twice.org')).facts?.from?.firstSeen, NOW)
  })

  test('mail does not wait until it is written down who was seen, and those seen a moment ago are known', async () => {
    const state = createMemoryState()
    const puts: string[] = []
    const counted = {
      ...stateOf(state),
      put: (...put: Parameters<State['put']>) => {
        puts.push(put[0])
        return state.put(...put)
      },
    }
    let now = NOW
    const { contribution, call } = await setUp(plugin, { config: {}, now: () => now, state: counted })
    const seen = async (from: string) => {
      const message = aMessage(`From: a@${from}\n\nhttp://${from}/ http://link.org/\n`)
      const all = { session: aSession({}), envelope: anEnvelope({ sender: { local: 'a', domain: from } }), message }
      return (await contribution.services!.origin!.found(all, call))?.from?.firstSeen
    }
    const first = []
    for (const from of ['one.org', 'two.org', 'one.org', 'link.org']) {
      first.push(await seen(from))
      now += 10
    }
    assert.deepEqual(first, [undefined, undefined, NOW, NOW])
    assert.deepEqual(puts, ['since/site'])
    await contribution.dispose!()
    const keys = [
      'link/link.org',
      'link/one.org',
      'link/two.org',
      'sender/link.org',
      'sender/one.org',
      'sender/two.org',
    ]
    assert.deepEqual(puts.toSorted(), [...keys, 'since/site'])
    assert.equal(await state.get('sender/two.org', now), `${NOW + 10} ${NOW + 10}`)
    // What others have forgotten meanwhile is looked up again, and not believed for ever.
    await state.remove('sender/one.org')
    await state.remove('link/one.org')
    now += 120_000
    assert.equal(await seen('one.org'), undefined)
  })

  test('a state that refuses what is written later is said in the log', async () => {
    const log = rememberingLog()
    const state = createMemoryState()
    const full = () => Promise.reject(new MailError('store-full', 'the state is full'))
    const broken = { ...stateOf(state), put: (key: string) => (key === 'since/site' ? Promise.resolve() : full()) }
    const { contribution, call } = await setUp(plugin, { config: {}, now: () => NOW, state: broken, log })
    const all = { session: aSession({}), envelope: anEnvelope({}), message: aMessage('From: a@one.org\n\nx\n') }
    await contribution.services!.origin!.found(all, call)
    await contribution.dispose!()
    assert.deepEqual(
      log.lines.filter(({ level }) => level === 'warn').map(({ sentence }) => sentence),
      ['who was seen could not be kept'],
    )
  })

  test('while the state refuses what is written nobody is called new, and again once it does not', async () => {
    const state = createMemoryState()
    let isFull = true
    const full = () => Promise.reject(new MailError('store-full', 'the state is full'))
    const put = (...[key, ...more]: Parameters<State['put']>) =>
      isFull && key !== 'since/site' ? full() : state.put(key, ...more)
    const { contribution, call } = await setUp(plugin, {
      config: {},
      now: () => NOW,
      state: { ...stateOf(state), put },
    })
    const remembersSince = async (from: string) => {
      const all = { session: aSession({}), envelope: anEnvelope({}), message: aMessage(`From: a@${from}\n\nx\n`) }
      return (await contribution.services!.origin!.found(all, call))?.remembersSince
    }
    assert.equal(await remembersSince('one.org'), NOW, 'nothing is known of any trouble yet')
    await contribution.dispose!()
    assert.equal(await remembersSince('two.org'), undefined)
    isFull = false
    await contribution.dispose!()
    assert.equal(await remembersSince('three.org'), NOW)
    await contribution.dispose!()
  })

  test('a state in trouble costs nobody anything', async () => {
    const trouble = () => Promise.reject(new MailError('store-full', 'the state is full'))
    const { names, facts, log } = await asked({ state: { get: trouble, put: trouble } as never })
    assert.deepEqual([names, facts?.from?.firstSeen, facts?.remembersSince], [[], undefined, undefined])
    assert.ok(
      log.lines.some(({ sentence, facts: { rule } }) => sentence === 'policy could not know' && rule === 'first-seen'),
    )
  })

  test('remember: 0s writes nothing down', async () => {
    const state = createMemoryState()
    await asked({ state, config: { remember: '0s' } })
    assert.deepEqual(await state.list('', NOW), [])
  })
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
