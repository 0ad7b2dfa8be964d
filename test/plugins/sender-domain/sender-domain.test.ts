/** sender-domain: which domains could take a bounce, and what follows when they could not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Address, Answered, Envelope } from '../../../core/api/index.js'
import { rememberingLog, setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/sender-domain/index.js'
import { type FakeZone, fakeDns } from '../../harness/fake-dns.js'
import { ALICE, aMessage, anEnvelope, aSession } from '../../harness/session.js'

const hosts = (count: number) => Array.from({ length: count }, (_, i) => [i, `nohost${i}.test`] as const)
const ZONE: FakeZone = {
  'by-mx.test': { mx: [[10, 'mx.by-mx.test']] },
  'mx.by-mx.test': { a: ['44.0.0.1'] },
  'by-a.test': { a: ['44.0.0.2'] },
  'by-aaaa.test': { aaaa: ['2600::1'] },
  'xn--bcher-kva.test': { a: ['44.0.0.3'] },
  'null.test': { mx: [[0, '']] },
  'half-null.test': {
    mx: [
      [0, ''],
      [10, 'mx.by-mx.test'],
    ],
  },
  'second-best.test': {
    mx: [
      [20, 'mx.by-mx.test'],
      [10, 'gone.test'],
    ],
  },
  'gone-mx.test': { mx: [[10, 'gone.test']] },
  'loop.test': { a: ['127.0.0.1'], aaaa: ['::1'] },
  'private.test': { mx: [[10, 'mx.private.test']] },
  'mx.private.test': { a: ['10.1.2.3', '192.168.0.1'], aaaa: ['fe80::1'] },
  'mixed.test': { a: ['10.0.0.1', '44.0.0.4'] },
  'empty.test': { txt: ['nothing else'] },
  'many.test': { mx: hosts(20) },
  'broken.test': 'trouble',
  'silent.test': 'silence',
  'broken-mx.test': { mx: [[10, 'broken.test']] },
  'half-broken.test': {
    mx: [
      [10, 'broken.test'],
      [20, 'mx.by-mx.test'],
    ],
  },
  'private-or-broken.test': {
    mx: [
      [10, 'broken.test'],
      [20, 'mx.private.test'],
    ],
  },
}

async function rig(config: object = {}) {
  const log = rememberingLog()
  const dns = fakeDns(ZONE)
  const { hooks, call } = await setUp(plugin, { config, log, dns })
  const session = aSession()
  const rcpt = (envelope: Envelope, address: Address = ALICE) =>
    hooks.rcpt!({ session, envelope, recipient: { address, dsn: { notify: [] } } }, call)
  const score = (envelope: Envelope) => hooks.score!({ session, envelope, message: aMessage('\n') }, call)
  return { hooks, call, session, log, dns, rcpt, score }
}

function from(domain: string | null): Envelope {
  return anEnvelope({ sender: domain === null ? null : { local: 'someone', domain } })
}

function shown(answer: Answered['rcpt']): string | undefined {
  return answer && answer.kind !== 'label' ? `${answer.code} ${answer.status} ${answer.because?.rule}` : undefined
}

const MISSING = '550 5.1.8 sender-domain-missing'
const UNROUTABLE = '550 5.1.8 sender-domain-unroutable'
for (const [domain, wanted] of [
  [null, undefined],
  ['by-mx.test', undefined],
  ['by-a.test', undefined],
  ['by-aaaa.test', undefined],
  ['bücher.test', undefined],
  ['half-null.test', undefined],
  ['second-best.test', undefined],
  ['mixed.test', undefined],
  ['half-broken.test', undefined],
  ['example.test', undefined],
  ['relayed.test', undefined],
  ['[44.0.0.1]', undefined],
  ['[ipv6:2600::1]', undefined],
  ['nowhere.test', MISSING],
  ['empty.test', MISSING],
  ['null.test', '550 5.7.27 sender-domain-null-mx'],
  ['gone-mx.test', UNROUTABLE],
  ['loop.test', UNROUTABLE],
  ['private.test', UNROUTABLE],
  ['[10.0.0.1]', UNROUTABLE],
  ['[ipv6:::1]', UNROUTABLE],
  ['[ipv6:::ffff:10.0.0.1]', UNROUTABLE],
  ['many.test', undefined],
  ['broken.test', undefined],
  ['broken-mx.test', undefined],
  ['private-or-broken.test', undefined],
  ['silent.test', undefined],
] as const) {
  test(`a sender of ${domain ?? 'nobody'} is answered with ${wanted ?? 'nothing'}`, async () => {
    const { rcpt } = await rig({ within: '20ms' })
    assert.equal(shown(await rcpt(from(domain))), wanted)
  })
}

for (const [domain, why] of [
  ['broken.test', 'MX broken.test: SERVFAIL'],
  ['broken-mx.test', 'A broken.test: SERVFAIL'],
  ['private-or-broken.test', 'A broken.test: SERVFAIL'],
  ['silent.test', 'no answer within 20 ms'],
  ['many.test', 'many.test has 20 mail hosts'],
] as const) {
  test(`with when_unknown: defer, ${domain} is put off, and the log says why once`, async () => {
    const { rcpt, log } = await rig({ within: '20ms', when_unknown: 'defer' })
    const envelope = from(domain)
    assert.match(shown(await rcpt(envelope)) ?? '', /^450 4\.1\.8 sender-domain-/)
    await rcpt(envelope)
    assert.deepEqual(
      log.lines.map(line => [line.sentence, line.facts.why]),
      [['policy could not know', why]],
    )
  })
}

test('the look-up begins at MAIL, and MAIL does not wait', async () => {
  const { hooks, call, session, dns, rcpt } = await rig({ within: '20ms' })
  const envelope = from('silent.test')
  assert.equal(hooks.mail!({ session, envelope }, call), undefined)
  assert.deepEqual(dns.asked, ['mx silent.test'])
  await rcpt(envelope)
  assert.deepEqual(dns.asked, ['mx silent.test'])
})

test('answer_at: mail refuses at MAIL and not again', async () => {
  const { hooks, call, session, rcpt } = await rig({ answer_at: 'mail' })
  const envelope = from('nowhere.test')
  assert.equal(shown(await hooks.mail!({ session, envelope }, call)), MISSING)
  assert.equal(await rcpt(envelope), undefined)
})

test('each rule can be put off, scored or switched off by itself', async () => {
  const { rcpt, score } = await rig({
    rules: { missing: 'defer', null_mx: 'score', unroutable: 'off' },
    points: { null_mx: 2.5 },
  })
  assert.equal(shown(await rcpt(from('nowhere.test'))), '450 4.1.8 sender-domain-missing')
  const envelope = from('null.test')
  assert.equal(await rcpt(envelope), undefined)
  assert.deepEqual(await score(envelope), [
    { name: 'sender-domain-null-mx', points: 2.5, says: 'null.test has a null MX' },
  ])
  for (const domain of ['private.test', 'loop.test', '[10.0.0.1]']) assert.equal(await rcpt(from(domain)), undefined)
})

test('domains in except are not asked for', async () => {
  const { rcpt, dns } = await rig({ except: ['nowhere.test', '.below.test', 'bücher.example'] })
  for (const domain of ['nowhere.test', 'below.test', 'deep.below.test', 'xn--bcher-kva.example']) {
    assert.equal(await rcpt(from(domain)), undefined)
  }
  assert.deepEqual(dns.asked, [])
  assert.equal(shown(await rcpt(from('a.nowhere.test'))), MISSING)
})

test('an exception that is no domain is a fault with its place', async () => {
  await assert.rejects(rig({ except: ['fine.test', 'a b'] }), /with.*"a b": expected example\.org/)
})

test('postmaster can always be written to', async () => {
  const { rcpt } = await rig()
  assert.equal(await rcpt(from('nowhere.test'), { local: 'postmaster', domain: '' }), undefined)
})

test('hostile answers stay within the evidence', async () => {
  const log = rememberingLog()
  const exchange = `${'a.'.repeat(120)}test`
  const dns = fakeDns({ 'long.test': { mx: Array.from({ length: 5 }, () => [1, exchange] as const) } })
  const { hooks, call } = await setUp(plugin, { log, dns })
  const recipient = { address: ALICE, dsn: { notify: [] } }
  const answer = await hooks.rcpt!({ session: aSession(), envelope: from('long.test'), recipient }, call)
  assert.ok(answer?.kind === 'reject')
  assert.ok(answer.because!.evidence.length <= 400)
})
