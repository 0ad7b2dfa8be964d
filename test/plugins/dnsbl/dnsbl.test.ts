/** dnsbl: codes, weights, what follows from a sum, and what is never a listing. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Address, Answered, Finding, Session } from '../../../core/api/index.js'
import { rememberingLog, setUp } from '../../../core/testing/index.js'
import { fits, isNoListing, parseCode } from '../../../plugins/dnsbl/codes.js'
import plugin from '../../../plugins/dnsbl/index.js'
import { runCommand } from '../../harness/context.js'
import { type FakeZone, fakeDns } from '../../harness/fake-dns.js'
import { ALICE, aMessage, anEnvelope, aSession } from '../../harness/session.js'

for (const [pattern, code, wanted] of [
  ['127.0.0.2', '127.0.0.2', true],
  ['127.0.0.2', '127.0.0.20', false],
  ['127.0.0.10-11', '127.0.0.11', true],
  ['127.0.0.10-11', '127.0.0.12', false],
  ['127.0.*.3', '127.0.77.3', true],
  ['127.0.*.3', '127.1.77.3', false],
  ['127.0.0.&8', '127.0.0.72', true],
  ['127.0.0.&8', '127.0.0.64', false],
  ['127.*.*.&12', '127.0.9.4', true],
] as const) {
  test(`the code ${code} ${wanted ? 'fits' : 'does not fit'} ${pattern}`, () => {
    assert.equal(fits(code, parseCode(pattern)!), wanted)
  })
}

for (const text of [
  '',
  '127.0.0',
  '127.0.0.256',
  '127.0.0.11-10',
  '128.0.0.2',
  '*.0.0.2',
  '127.0.0.2/32',
  '127.0.0.a',
  '127.0.0.&0',
  '127.0.0.&2-4',
  '&127.0.0.2',
]) {
  test(`${text || 'nothing'} is no pattern of codes`, () => assert.equal(parseCode(text), undefined))
}

for (const [code, wanted] of [
  ['127.0.0.2', false],
  ['127.255.254.1', false],
  ['127.255.255.254', true],
  ['127.255.255.1', true],
  ['192.0.2.1', true],
  ['128.0.0.2', true],
  ['0.0.0.0', true],
  ['1270.0.0.2', true],
] as const) {
  test(`${code} ${wanted ? 'is never' : 'can be'} a listing`, () => assert.equal(isNoListing(code), wanted))
}

const BAD = '2.2.0.192'
const SIX = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2'
const listed = (...codes: string[]) => ({ a: codes, txt: ['Spam\r\nseen \u202e, see https://bad.test/'] })
const ZONE: FakeZone = {
  'evil.test.rhs.test': { a: ['127.0.1.2'] },
  [`${BAD}.bad.test`]: listed('127.0.0.2'),
  [`${BAD}.codes.test`]: listed('127.0.0.11', '127.0.0.4'),
  [`${BAD}.good.test`]: { a: ['127.0.5.3'] },
  [`${BAD}.refusing.test`]: listed('127.255.255.254'),
  [`${BAD}.mixed.test`]: listed('127.0.0.2', '127.255.255.254'),
  [`${BAD}.parked.test`]: listed('192.0.2.80'),
  [`${BAD}.broken.test`]: 'trouble',
  [`${BAD}.silent.test`]: 'silence',
  [`${SIX}.six.test`]: listed('127.0.0.2'),
  '3.2.0.192.bad.test': { a: ['127.0.0.2'] },
}

function list(zone: string, more: object = {}) {
  return { zone, check: false, ...more }
}

async function rig(t: TestContext, config: object) {
  const log = rememberingLog()
  const dns = fakeDns(ZONE)
  const { hooks, call, contribution, end } = await setUp(plugin, { config: { within: '20ms', ...config }, log, dns })
  t.after(end)
  const rcpt = (session: Session, address: Address = ALICE) =>
    hooks.rcpt!({ session, envelope: anEnvelope(), recipient: { address, dsn: { notify: [] } } }, call)
  const score = async (session: Session) =>
    (await hooks.score!({ session, envelope: anEnvelope(), message: aMessage('\n') }, call)) as readonly Finding[]
  return { hooks, call, commands: contribution.commands!, started: contribution.started!, log, dns, rcpt, score }
}

function client(address = '192.0.2.2'): Session {
  return aSession({ remote: { address, port: 1 } })
}

function shown(answer: Answered['rcpt']): string | undefined {
  if (!answer) return undefined
  return answer.kind === 'label' ? answer.names.join() : `${answer.code} ${answer.status} ${answer.because?.rule}`
}

const REJECTED = '550 5.7.1 dnsbl-bad-test'
for (const [says, config, wanted] of [
  ['one list at the threshold', { lists: [list('bad.test')], reject_at: 1 }, REJECTED],
  ['a weight below the threshold', { lists: [list('bad.test', { weight: 2 })], reject_at: 3, label_at: 3 }, undefined],
  ['a weight above label_at', { lists: [list('bad.test', { weight: 2 })], reject_at: 3, label_at: 2 }, 'dnsbl-listed'],
  ['no threshold at all', { lists: [list('bad.test', { weight: 9 })] }, 'dnsbl-listed'],
  ['a sum of two lists', { lists: [list('bad.test', { weight: 2 }), list('codes.test')], reject_at: 3 }, REJECTED],
  ['a sum to put off', { lists: [list('bad.test')], defer_at: 1, reject_at: 2 }, '450 4.7.1 dnsbl-bad-test'],
  ['a list for it', { lists: [list('bad.test'), list('good.test', { kind: 'allow' })], reject_at: 1 }, undefined],
  ['only a list for it', { lists: [list('good.test', { kind: 'allow' })], reject_at: 1 }, 'dnswl-listed'],
  [
    'the greatest code',
    { lists: [list('codes.test', { codes: { '127.0.0.4': 1, '127.0.0.10-11': 3 } })], reject_at: 3 },
    '550 5.7.1 dnsbl-codes-test',
  ],
  [
    'codes that mean nothing',
    { lists: [list('codes.test', { codes: { '127.0.0.2': 9 } })], reject_at: 0.1 },
    undefined,
  ],
  [
    'a code like 127.0.*.3',
    { lists: [list('good.test', { codes: { '127.0.*.3': 5 } })], reject_at: 5 },
    '550 5.7.1 dnsbl-good-test',
  ],
  ['a refused query', { lists: [list('refusing.test')], reject_at: 1 }, undefined],
  ['a refused query among listings', { lists: [list('mixed.test')], reject_at: 1 }, undefined],
  ['a parked domain', { lists: [list('parked.test')], reject_at: 1 }, undefined],
  [
    'a code the admin knows as refused',
    { lists: [list('bad.test', { refused: ['127.0.0.2'] })], reject_at: 1 },
    undefined,
  ],
  ['trouble', { lists: [list('broken.test')], reject_at: 1 }, undefined],
  ['silence', { lists: [list('silent.test')], reject_at: 1 }, undefined],
  ['silence of another list', { lists: [list('silent.test'), list('bad.test')], reject_at: 1 }, REJECTED],
  [
    'silence of a list that might speak for it',
    { lists: [list('silent.test', { kind: 'allow' }), list('bad.test')], reject_at: 1 },
    'dnsbl-listed',
  ],
  ['a list of IPv6 only', { lists: [list('bad.test', { ipv4: false, ipv6: true })], reject_at: 1 }, undefined],
] as const) {
  test(`${says} is answered with ${wanted ?? 'nothing'}`, async t => {
    const { rcpt } = await rig(t, config)
    assert.equal(shown(await rcpt(client())), wanted)
  })
}

for (const zone of ['broken.test', 'silent.test', 'refusing.test', 'parked.test', 'mixed.test']) {
  test(`with when_unknown: defer, ${zone} means later, and the log says why`, async t => {
    const { rcpt, log } = await rig(t, { lists: [list(zone)], reject_at: 1, when_unknown: 'defer' })
    assert.match(shown(await rcpt(client())) ?? '', /^450 4\.7\.1 dnsbl-/)
    const [line] = log.lines.filter(one => one.sentence === 'policy could not know')
    assert.match(String(line?.facts.why), /SERVFAIL|no answer within|query refused/)
  })
}

test('an IPv6 address is asked for nibble by nibble, and only of lists that have them', async t => {
  const { rcpt, dns } = await rig(t, { lists: [list('six.test', { ipv6: true }), list('bad.test')], reject_at: 1 })
  assert.equal(shown(await rcpt(client('2001:db8::1'))), '550 5.7.1 dnsbl-six-test')
  assert.deepEqual(dns.asked, [`a ${SIX}.six.test`, `txt ${SIX}.six.test`])
})

test('an IPv4 address mapped into IPv6 is asked for as what it is', async t => {
  const { rcpt } = await rig(t, { lists: [list('bad.test')], reject_at: 1 })
  assert.equal(shown(await rcpt(client('::ffff:192.0.2.2'))), REJECTED)
})

test('lists are asked at connect, once for all recipients, and connect does not wait', async t => {
  const { hooks, call, dns, rcpt, score } = await rig(t, { lists: [list('silent.test')] })
  const session = client()
  assert.equal(hooks.connect!({ session }, call), undefined)
  assert.deepEqual(dns.asked, [`a ${BAD}.silent.test`])
  await rcpt(session)
  await rcpt(session)
  await score(session)
  assert.equal(dns.asked.length, 1)
})

test('another client of the same session (XCLIENT) is asked for anew', async t => {
  const { rcpt } = await rig(t, { lists: [list('bad.test')], reject_at: 1 })
  const session = { ...client() }
  assert.equal(shown(await rcpt(session)), REJECTED)
  Object.assign(session, { remote: { address: '192.0.2.77', port: 1 } })
  assert.equal(shown(await rcpt(session)), undefined)
})

for (const address of ['127.0.0.1', '10.0.0.1', '192.168.1.1', '::1', 'fe80::1', '', '/run/lmtp.sock']) {
  test(`nobody is asked about ${address || 'a socket without address'}`, async t => {
    const { rcpt, dns } = await rig(t, { lists: [list('bad.test', { ipv6: true })], reject_at: 1 })
    assert.equal(await rcpt(client(address)), undefined)
    assert.deepEqual(dns.asked, [])
  })
}

test('answer_at: connect answers then; score answers never', async t => {
  const early = await rig(t, { lists: [list('bad.test')], reject_at: 1, answer_at: 'connect' })
  assert.equal(shown(await early.hooks.connect!({ session: client() }, early.call)), REJECTED)
  assert.equal(await early.rcpt(client()), undefined)
  const late = await rig(t, { lists: [list('bad.test')], reject_at: 1, answer_at: 'score' })
  const session = client()
  assert.equal(await late.hooks.connect!({ session }, late.call), undefined)
  assert.equal(await late.rcpt(session), undefined)
  assert.equal((await late.score(session)).length, 1)
})

test('every list is a finding of its own, for or against; score: false gives none', async t => {
  const lists = [
    list('bad.test', { weight: 2.5 }),
    list('good.test', { kind: 'allow', weight: 1 }),
    list('broken.test'),
  ]
  const { score } = await rig(t, { lists })
  const findings = await score(client())
  assert.deepEqual(
    findings.map(({ name, points }) => [name, points]),
    [
      ['dnsbl-bad-test', 2.5],
      ['dnswl-good-test', -1],
    ],
  )
  const silent = await rig(t, { lists, score: false })
  assert.equal(await silent.score(client()), undefined)
})

test('the evidence names codes, reasons and weights in one harmless line; the peer hears only the list', async t => {
  const { rcpt } = await rig(t, { lists: [list('bad.test', { weight: 2 }), list('codes.test')], reject_at: 3 })
  const answer = await rcpt(client())
  assert.ok(answer?.kind === 'reject')
  assert.equal(answer.text, 'Your address 192.0.2.2 is listed by bad.test, codes.test')
  const reason = 'Spam??seen ?, see https://bad.test/'
  assert.equal(
    answer.because?.evidence,
    `bad.test (127.0.0.2: ${reason}) 2; codes.test (127.0.0.11, 127.0.0.4: ${reason}) 1; together 3`,
  )
  assert.equal(answer.because?.exception, 'add 192.0.2.2 to exempt of dnsbl in plugins.yaml')
})

test('a list without a reason is a listing all the same', async t => {
  const { rcpt } = await rig(t, { lists: [list('bad.test')], reject_at: 1 })
  assert.equal(shown(await rcpt(client('192.0.2.3'))), REJECTED)
})

test('a zone with a key in its name is never shown', async t => {
  const lists = [list('broken.test', { name: 'secret list' }), list('bad.test', { name: 'other list' })]
  const { rcpt, log, commands } = await rig(t, { lists, reject_at: 1 })
  const answer = await rcpt(client())
  const { out } = await runCommand(commands, 'dnsbl check', ['192.0.2.2'])
  const all = JSON.stringify([answer, log.lines, out])
  assert.match(all, /secret list/)
  assert.doesNotMatch(all, /broken\.test|[^/]bad\.test/)
})

test('postmaster can always be written to', async t => {
  const { rcpt } = await rig(t, { lists: [list('bad.test')], reject_at: 1 })
  assert.equal(await rcpt(client(), { local: 'postmaster', domain: '' }), undefined)
})

for (const [says, config, fault] of [
  [
    'a code that is none',
    { lists: [list('bad.test', { codes: { '127.0.0': 1 } })] },
    /"127\.0\.0": expected a return code/,
  ],
  [
    'a refused code that is none',
    { lists: [list('bad.test', { refused: ['10.0.0.1'] })] },
    /"10\.0\.0\.1": expected a return code/,
  ],
  ['two lists of one name', { lists: [list('bad.test'), list('bad.test')] }, /already; give one of them a name/],
  ['a zone that is none', { lists: [list('bad test')] }, /where it stands in the name service/],
] as const) {
  test(`${says} is a fault of the configuration`, async t => {
    await assert.rejects(rig(t, config), fault)
  })
}

for (const [says, more, fault] of [
  [
    'domains asked about the client',
    { holds: 'domains', about: ['client'] },
    /cannot be asked about client; expected one of helo/,
  ],
  [
    'links that speak for a mail',
    { holds: 'domains', kind: 'allow', about: ['links'] },
    /links proves nothing for a mail/,
  ],
  ['mail addresses that speak for a mail', { holds: 'emails', kind: 'allow' }, /cannot speak for a mail/],
  ['a bit that is none', { codes: { '127.0.0.&0': 1 } }, /expected a return code/],
  [
    'a test entry of another kind',
    { holds: 'emails', test: { listed: 'evil.test' } },
    /"evil\.test" is nothing that a list of emails/,
  ],
  ['a topic that is none', { about: ['subject'] }, /expected one of client, received/],
] as const) {
  test(`a list with ${says} is a fault of the configuration`, async t => {
    await assert.rejects(rig(t, { lists: [list('d.test', more)] }), fault)
  })
}

for (const [holds, lines] of [
  ['domains', 1],
  ['addresses', 0],
] as const) {
  test(`without mail-auth a list of ${holds} that speaks for mail is ${lines ? '' : 'not '}warned of`, async t => {
    const { started, log } = await rig(t, { lists: [list('bad.test'), list('good.test', { kind: 'allow', holds })] })
    started()
    const warned = log.lines.filter(({ sentence }) => sentence.startsWith('nothing proves names'))
    assert.deepEqual(
      warned.map(({ facts }) => facts.lists),
      lines ? [['good.test']] : [],
    )
  })
}

test('dnsbl check asks all lists and says what would follow', async t => {
  const lists = [list('bad.test', { weight: 2 }), list('good.test', { kind: 'allow' }), list('parked.test')]
  const { commands } = await rig(t, { lists, reject_at: 1 })
  const { out } = await runCommand(commands, 'dnsbl check', ['192.0.2.2'])
  assert.deepEqual(out, [
    'bad.test  listed (127.0.0.2: Spam??seen ?, see https://bad.test/)  2',
    'good.test  listed (127.0.5.3)  -1',
    'parked.test  not known: query refused (192.0.2.80)  0',
    'together 1: reject',
  ])
  const { out: json } = await runCommand(commands, 'dnsbl check', ['192.0.2.2'], { json: true })
  assert.equal((JSON.parse(json.join('\n')) as { sum: number }).sum, 1)
  await assert.rejects(runCommand(commands, 'dnsbl check', ['nobody']), /expected an address/)
})

for (const [about, wanted] of [
  ['www.evil.test', ['rhs.test  evil.test  listed (127.0.1.2, spam)  2', 'together 2: pass']],
  [
    'Me+x@evil.test',
    ['rhs.test  evil.test  listed (127.0.1.2, spam)  2', 'hash.test  me@evil.test  not listed  0', 'together 2: pass'],
  ],
  ['https://evil.test/x', ['rhs.test  evil.test  listed (127.0.1.2, spam)  2', 'together 2: pass']],
  ['192.0.2.2', ['bad.test  listed (127.0.0.2: Spam??seen ?, see https://bad.test/)  1', 'together 1: reject']],
] as const) {
  test(`dnsbl check ${about} asks the lists that may have it`, async t => {
    const lists = [
      list('bad.test'),
      list('rhs.test', { holds: 'domains', codes: { '127.0.1.2': { weight: 2, means: 'spam' } } }),
      list('hash.test', { holds: 'emails' }),
    ]
    const { commands } = await rig(t, { lists, reject_at: 1 })
    assert.deepEqual((await runCommand(commands, 'dnsbl check', [about])).out, wanted)
  })
}

test('mail of our own is never asked about, whatever is exempt', async t => {
  const { rcpt, dns } = await rig(t, { lists: [list('bad.test')], reject_at: 1, exempt: [] })
  assert.equal(await rcpt({ ...client(), protocol: 'internal' }), undefined)
  assert.deepEqual(dns.asked, [])
})
