/** The plugin as a whole: names, links, own domains and elsewhere-addresses of mails, what they weigh, and what is left alone. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AuthFacts, Finding, MailAuth, Session } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, rememberingLog } from '../../../core/testing/index.js'
import { authFacts, plugin } from './world.js'

interface Wish {
  readonly sender?: string | null
  readonly auth?: AuthFacts
  readonly config?: object
  readonly session?: Partial<Session>
  readonly to?: string
}

const mailAuth = (facts: AuthFacts): MailAuth => ({ found: async () => facts })

async function asked(
  mail: string,
  { sender = 'x@odd.example', auth, config = {}, session = {}, to = 'alice' }: Wish = {},
) {
  const services = auth === undefined ? {} : { 'mail-auth': mailAuth(auth) }
  const { hooks, call, contribution } = await plugin(config, { services })
  const [local = '', domain = ''] = sender?.split('@') ?? []
  const all = {
    session: aSession(session),
    envelope: anEnvelope({ sender: sender === null ? null : { local, domain } }),
    message: aMessage(mail),
    verdict: { findings: [], sum: 0 },
    recipient: { address: { local: to, domain: 'posthouse.test' }, dsn: { notify: [] } },
  }
  return {
    findings: ([(await hooks.score!(all, call)) ?? []].flat() as Finding[]).map(one => ({ ...one })),
    answer: await hooks.message!(all, call),
    facts: await contribution.services!['look-alikes']!.found(all, call),
  }
}

const html = (body: string, header = 'From: Tom <tom@odd.example>') =>
  `${header}\nContent-Type: text/html; charset=utf-8\n\n<html><body>${body}</body></html>\n`

describe('a mail deceives', () => {
  for (const [what, mail, names, says] of [
    [
      'by a domain of the same look',
      'From: PayPal <service@paypaI.com>\n\nx',
      ['name-claims-brand', 'sender-looks-like'],
      /PayPal/,
    ],
    [
      'in Reply-To',
      'From: a@odd.example\nReply-To: info@rnicrosoft.com\n\nx',
      ['sender-looks-like', 'reply-elsewhere'],
      /Reply-To deceives: rnicrosoft\.com/,
    ],
    [
      'by a name that is an address',
      'From: "service@paypal.com" <x73@odd.example>\n\nx',
      ['name-claims-brand'],
      /claims to be PayPal/,
    ],
    [
      'by an address of anybody else',
      'From: "tom@far.example" <x73@odd.example>\n\nx',
      ['name-holds-address'],
      /holds an address at far\.example/,
    ],
    [
      'by a name of ours',
      'From: "posthouse.test help desk" <x73@odd.example>\n\nx',
      ['name-holds-address'],
      /names posthouse\.test, the mail is of odd\.example/,
    ],
    ['by a brand', 'From: "Banco  BRADESCO" <x73@odd.example>\n\nx', ['name-claims-brand'], /claims to be Bradesco/],
    [
      'by a brand in other letters',
      'From: =?utf-8?B?0KBheVBhbCBTdXBwb3J0?= <x73@odd.example>\n\nx',
      ['name-claims-brand'],
      /looks like PayPal in other letters/,
    ],
    [
      'by a brand that wants something',
      'From: Netflix <x73@odd.example>\nSubject: Account suspended\n\nx',
      ['name-claims-brand', 'brand-with-lure'],
      /lures: account/,
    ],
    [
      'by our director',
      'From: "Director, Maria (CEO)" <ceo@odd.example>\n\nx',
      ['name-claims-person'],
      /is that of Maria Director, who does not write from there, the mail is of odd\.example/,
    ],
    [
      'by our director in other letters',
      'From: "Mаria DIrector" <ceo@odd.example>\n\nx',
      ['name-claims-person'],
      /Maria Director/,
    ],
    [
      'by a name that turns round',
      'From: "Tom\u202emot" <tom@odd.example>\n\nx',
      ['name-odd-characters'],
      /turns the direction/,
    ],
    [
      'by invisible characters in a name',
      'From: "Pr\u200bime Shop" <x@odd.example>\n\nx',
      ['name-odd-characters'],
      /invisible characters within its words/,
    ],
    [
      'by two alphabets in a name',
      'From: "Аmаrа Shop" <x@odd.example>\n\nx',
      ['name-mixed-scripts'],
      /letters from two alphabets: Аmаrа/,
    ],
    [
      'by a link that shows another',
      html('<a href="http://evil.example/x">https://www.bank.example.com/login</a>'),
      ['link-shows-other'],
      /shows example\.com and leads to evil\.example/,
    ],
    [
      'by a link that shows another within other words',
      html('<a href="http://evil.example/x">Log in at https://www.bank.example.com/login now</a>'),
      ['link-shows-other'],
      /shows example\.com and leads to evil\.example/,
    ],
    [
      'by a link with a user name',
      html('<a href="http://www.bank.example@198.51.100.7/">bank</a>'),
      ['link-to-number', 'link-hides-name'],
      /bare address: 198\.51\.100\.7/,
    ],
    ['by a number', 'From: a@odd.example\n\nGo to http://3325256711/ now', ['link-to-number'], /198\.51\.100\.7/],
    [
      'by a link to what looks like us',
      html('<a href="https://login.p0sthouse.test/">log in</a>'),
      ['link-looks-like'],
      /the digit 0 stands for o/,
    ],
    [
      'by a link with a brand',
      html('<a href="https://paypal.com.login.evil.example/">log in</a>'),
      ['link-holds-brand'],
      /begins like paypal\.com and belongs to evil\.example/,
    ],
    [
      'by dots that are none',
      html('<a href="http://bank\uff0eexample\u3002org/">x</a>'),
      ['link-odd-characters'],
      /dots of another script/,
    ],
    ['by a direction', html('<a href="http://example.org\u202e/">x</a>'), [], undefined],
    [
      'by a file',
      'From: a@odd.example\nContent-Type: application/octet-stream; name="x"\nContent-Disposition: attachment; filename*=utf-8\'\'invoice%E2%80%AEfdp.exe\n\nx',
      ['file-odd-characters'],
      /another ending/,
    ],
    ['by answers elsewhere', 'From: a@one.example\nReply-To: b@two.example\n\nx', ['reply-elsewhere'], /two\.example/],
  ] as const) {
    test(what, async () => {
      const { findings } = await asked(mail, { sender: null })
      assert.deepEqual(
        findings.map(({ name }) => name),
        names,
        JSON.stringify(findings),
      )
      if (says !== undefined) assert.match(findings.map(one => one.says).join('; '), says)
    })
  }
})

describe('nothing is said of', () => {
  for (const [what, mail] of [
    [
      'a bank’s own mail',
      html('<a href="https://www.paypal.com/signin">paypal.com</a>', 'From: "PayPal" <service@mail.paypal.com>'),
    ],
    ['a name that only begins so', 'From: "Amazonas Reisen" <info@reisen.example>\n\nx'],
    ['a name that is the address', 'From: "tom@mail.company.example" <tom@company.example>\n\nx'],
    ['our director at home', 'From: "Maria Director" <maria.director@gmail.com>\n\nx'],
    [
      'a list that writes for a brand',
      'From: "PayPal via List" <list@odd.example>\nReply-To: x@paypal.com\nList-Id: <l.odd.example>\n\nx',
    ],
    [
      'a newsletter that counts clicks',
      html('<a href="https://click.mailer.example/x">https://shop.example/</a>', 'From: Shop <news@shop.example>'),
    ],
    [
      'clicks counted by who sends it',
      html(
        '<a href="https://click.mailer.example/x">https://other.example.org/</a>',
        'From: Shop <news@shop.example>\nList-Unsubscribe: <https://mailer.example/u>',
      ),
    ],
    [
      'a gateway in front of links',
      html('<a href="https://eur01.safelinks.protection.outlook.com/?url=x">https://shop.example/</a>'),
    ],
    ['a file name as text', html('<a href="https://shop.example/x">README.md</a>')],
    ['numbers in a house', 'From: a@odd.example\n\nhttp://192.168.1.7/ and http://127.0.0.1/'],
    ['numbers that are quoted', 'From: a@odd.example\nIn-Reply-To: <1@x.example>\n\n> http://198.51.100.7/'],
    ['names in other scripts', 'From: =?utf-8?B?0JjQstCw0L0=?= <ivan@company.example>\n\nhttps://пример.рф/'],
    ['brands left out by the admin', 'From: Adobe <x@odd.example>\n\nx'],
    ['no sender at all', 'Subject: x\n\nx'],
  ] as const) {
    test(what, async () => assert.deepEqual((await asked(mail, { sender: null })).findings, []))
  }

  for (const [who, session] of [
    ['who has logged in', { account: { id: '1', login: 'alice', addresses: [] } }],
    ['trusted networks', { trusted: true }],
    ['LMTP', { protocol: 'lmtp' }],
  ] as const)
    test(who, async () => {
      const { findings, facts, answer } = await asked('From: x@paypaI.com\n\nx', {
        session,
        config: { enforce: 'reject' },
      })
      assert.deepEqual([findings, facts, answer], [[], undefined, undefined])
    })
})

describe('nothing is said of those whom others pretend to be', () => {
  for (const from of [
    'PayPal <service@paypal.de>',
    '"Amazon.de" <order-update@amazon.de>',
    '"LinkedIn" <messages-noreply@linkedin.com>',
    '"Facebook" <notification@facebookmail.com>',
    '"Tom (Google Docs)" <comments-noreply@docs.google.com>',
    '"Apple Support" <no_reply@email.apple.com>',
    '"Microsoft 365 Message center" <o365mc@microsoft.com>',
    '"Company via DocuSign" <dse@eumail.docusign.net>',
    '"DHL Paket" <noreply@dhl.de>',
    '"Instagram" <security@mail.instagram.com>',
    '"WhatsApp" <noreply@support.whatsapp.com>',
    '"Crédit Agricole" <info@credit-agricole.fr>',
  ])
    test(from, async () => {
      const links = '<a href="https://www.facebook.com/shop">f</a> <a href="https://instagram.com/shop">Instagram</a>'
      assert.deepEqual((await asked(html(links, `From: ${from}`), { sender: null })).findings, [])
    })
})

describe('weights', () => {
  test('the same claim in name, From and links counts one and a half times', async () => {
    const mail = html(
      '<a href="https://paypal-a.example/">1</a> <a href="https://paypal-b.example/">2</a>',
      'From: PayPal <x@paypal-c.example>',
    )
    const { findings } = await asked(mail, { sender: null })
    assert.deepEqual(
      findings.map(({ name, points }) => [name, points]),
      [
        ['name-claims-brand', 3.5],
        ['sender-holds-brand', 1],
      ],
    )
  })

  test('none alone reaches the Junk line, and 0 leaves one out', async () => {
    const { findings } = await asked('From: PayPal <x@odd.example>\n\nx', {
      config: { points: { name_claims_brand: 0 } },
      sender: null,
    })
    assert.deepEqual(findings, [])
  })

  test('the facts tell all of it, for others', async () => {
    const { facts } = await asked(html('<a href="https://paypal-a.example/">1</a>', 'From: PayPal <x@paypaI.com>'))
    assert.deepEqual(
      facts?.tricks.map(({ place, trick, like }) => `${place} ${trick} ${like}`),
      ['from looks-like paypal.com', 'name claims-brand PayPal', 'link holds-brand paypal'],
    )
  })
})

describe('bounces that go elsewhere', () => {
  const mail = 'From: Tom <tom@one.example>\n\nx'
  for (const [what, wish, hits] of [
    ['are told when nobody vouches', { sender: 'tom@two.example' }, true],
    [
      'are nothing when the author’s domain vouches',
      { sender: 'tom@two.example', auth: authFacts({ vouching: ['one.example'] }) },
      false,
    ],
    ['are nothing of SRS', { sender: 'SRS0=abcd=xy=one.example=tom@two.example' }, false],
    ['are nothing of VERP', { sender: 'news+bob=posthouse.test@two.example' }, false],
    ['are nothing of the null sender', { sender: null }, false],
  ] as const)
    test(what, async () => {
      const { findings } = await asked(mail, wish)
      assert.equal(
        findings.some(({ name }) => name === 'bounces-elsewhere'),
        hits,
      )
    })
})

describe('a domain of ours from outside', () => {
  const mail = 'From: Alice <alice@posthouse.test>\n\nx'
  const unsure = { dmarc: { result: 'temperror', domain: 'posthouse.test', disposition: 'none', why: '' } } as const
  const failed = { dmarc: { result: 'fail', domain: 'posthouse.test', disposition: 'reject', why: '' } } as const
  const signed = (selector: string) => ({
    ...{ result: 'temperror', domain: 'posthouse.test', algorithm: 'rsa-sha256', tag: 'x', why: '', selector },
  })
  const spf = (domain: string) => ({ mailFrom: { result: 'temperror', domain, why: '' } as const })
  for (const [what, wish, kind, names] of [
    [
      'is not known when our own SPF cannot be asked for',
      { auth: authFacts(spf('posthouse.test')) },
      'unknown',
      ['own-domain-unproven'],
    ],
    [
      'is forged though the zone of a stranger is broken',
      { auth: authFacts(spf('evil.test')) },
      'forged',
      ['own-domain-forged'],
    ],
    [
      'is not known when our key cannot be asked for',
      { auth: authFacts({ dkim: [signed('s1')] } as never) },
      'unknown',
      ['own-domain-unproven'],
    ],
    [
      'is forged with a key nobody can ask for',
      { auth: authFacts({ dkim: [signed('a b%')] } as never) },
      'forged',
      ['own-domain-forged'],
    ],
    ['is forged when nothing proves it', { auth: authFacts() }, 'forged', ['own-domain-forged']],
    ['is proven by what vouches for it', { auth: authFacts({ vouching: ['mail.posthouse.test'] }) }, 'proven', []],
    ['may be carried by a known forwarder', { auth: authFacts({ vouching: ['mx.lists.example'] }) }, 'proven', []],
    ['is not known when the name service has trouble', { auth: authFacts(unsure) }, 'unknown', ['own-domain-unproven']],
    ['is not known when nothing is checked', {}, 'unknown', ['own-domain-unproven']],
    ['counts once when its policy has failed', { auth: authFacts(failed) }, 'forged', []],
  ] as const)
    test(what, async () => {
      const { findings, facts } = await asked(mail, { ...wish, sender: 'alice@posthouse.test' })
      assert.deepEqual([facts?.ownDomain.kind, findings.map(({ name }) => name)], [kind, names])
    })

  test('counts in the envelope too', async () => {
    const { facts } = await asked('From: x@odd.example\n\nx', { sender: 'alice@Posthouse.test', auth: authFacts() })
    assert.match(
      facts?.ownDomain.kind === 'forged' ? facts.ownDomain.says : '',
      /in the envelope is of posthouse\.test/,
    )
  })

  for (const [what, wish, answer] of [
    ['is refused where the admin says so', { auth: authFacts(), config: { enforce: 'reject' } }, 'reject'],
    ['or put into Junk', { auth: authFacts(), config: { enforce: 'quarantine' } }, 'quarantine'],
    ['but not as shipped', { auth: authFacts() }, undefined],
    ['nor to postmaster', { auth: authFacts(), config: { enforce: 'reject' }, to: 'postmaster' }, undefined],
    ['nor when it is not known', { auth: authFacts(unsure), config: { enforce: 'reject' } }, undefined],
    [
      'nor when it is proven',
      { auth: authFacts({ vouching: ['posthouse.test'] }), config: { enforce: 'reject' } },
      undefined,
    ],
  ] as const)
    test(what, async () => {
      const given = (await asked(mail, { ...wish, sender: 'alice@posthouse.test' })).answer
      assert.equal(given?.kind, answer)
      if (given?.kind === 'reject') assert.deepEqual([given.code, given.status], [550, '5.7.26'])
    })
})

test('who enforces without mail-auth is told that nothing comes of it', async () => {
  const warned = async (config: object, services: object) => {
    const log = rememberingLog()
    const { contribution } = await plugin(config, { services, log })
    contribution.started?.()
    return log.lines.length
  }
  assert.equal(await warned({ enforce: 'reject' }, {}), 1)
  assert.equal(await warned({ enforce: 'reject' }, { 'mail-auth': mailAuth(authFacts()) }), 0)
  assert.equal(await warned({}, {}), 0)
})

test('a mail of nothing but odd links is looked at in bounds', async () => {
  const links = Array.from(
    { length: 3000 },
    (_, i) => `<a href="http://paypal-${i}.example/">https://other${i}.example/</a>`,
  )
  const { facts } = await asked(html(links.join('')))
  assert.ok(facts!.tricks.length <= 12)
})
