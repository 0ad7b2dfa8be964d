/** helo: which greetings break which rule, what follows, and what is spared. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answered, ConfigError, label, type ReverseName, type Session } from '../../../core/api/index.js'
import { rememberingLog, setUp } from '../../../core/testing/index.js'
import { readGreeting } from '../../../plugins/helo/greeting.js'
import plugin from '../../../plugins/helo/index.js'
import { type FakeZone, fakeDns } from '../../harness/fake-dns.js'
import { ALICE, aMessage, anEnvelope, aSession } from '../../harness/session.js'

const ZONE: FakeZone = {
  'mail.good.test': { a: ['192.0.2.1'] },
  'six.good.test': { aaaa: ['2001:db8::1'] },
  'mail-only.test': { mx: [[10, 'mail.good.test']] },
  'elsewhere.test': { a: ['192.0.2.99'] },
  'broken.test': 'trouble',
  'silent.test': 'silence',
}
const ALL_ON = {
  syntax: 'reject',
  bare_name: 'reject',
  other_address: 'reject',
  own_name: 'reject',
  unknown_name: 'reject',
  mismatch: 'score',
}

async function rig(config: object = {}, zone: FakeZone = ZONE) {
  const log = rememberingLog()
  const dns = fakeDns(zone)
  const { hooks, call } = await setUp(plugin, { config, log, dns })
  const rcpt = (session: Session, address = ALICE) =>
    hooks.rcpt!({ session, envelope: anEnvelope(), recipient: { address, dsn: { notify: [] } } }, call)
  const score = async (session: Session) =>
    (await hooks.score!({ session, envelope: anEnvelope(), message: aMessage('\n') }, call)) as readonly {
      name: string
      points: number
      says: string
    }[]
  return { hooks, call, log, dns, rcpt, score }
}

function shown(answer: Answered['rcpt']): string | undefined {
  return answer && answer.kind !== 'label' ? `${answer.code} ${answer.status} ${answer.because?.rule}` : undefined
}

for (const [text, kind] of [
  ['mail.example.org', 'name'],
  ['mail.example.org.', 'name'],
  ['localhost', 'name'],
  ['3com.example', 'name'],
  ['bücher.example', 'name'],
  ['[192.0.2.1]', 'literal'],
  ['[IPv6:2001:db8::1]', 'literal'],
  ['[ipv6:::1]', 'literal'],
  ['192.0.2.1', 'malformed'],
  ['2001:db8::1', 'malformed'],
  ['[2001:db8::1]', 'malformed'],
  ['[192.0.2.1', 'malformed'],
  ['[]', 'malformed'],
  ['[192.0.2.256]', 'malformed'],
  ['[IPv6:fe80::1%eth0]', 'malformed'],
  ['MY_PC', 'malformed'],
  ['a..b', 'malformed'],
  ['-a.example', 'malformed'],
  ['(none)', 'malformed'],
  [`${'a'.repeat(64)}.example`, 'malformed'],
  ['.', 'malformed'],
] as const) {
  test(`the greeting ${text.slice(0, 30)} is ${kind === 'malformed' ? 'malformed' : `a ${kind}`}`, () => {
    assert.equal(readGreeting(text).kind, kind)
  })
}

for (const [helo, rule] of [
  ['mail.good.test', undefined],
  ['MAIL.Good.Test.', undefined],
  ['mail-only.test', undefined],
  ['[192.0.2.1]', undefined],
  ['MY_PC', 'helo-syntax'],
  ['192.0.2.1', 'helo-syntax'],
  ['localhost', 'helo-bare-name'],
  ['[192.0.2.77]', 'helo-other-address'],
  ['[IPv6:2001:db8::77]', 'helo-other-address'],
  ['mail.example.test', 'helo-own-name'],
  ['Example.Test', 'helo-own-name'],
  ['[203.0.113.25]', 'helo-own-name'],
  ['[198.51.100.5]', 'helo-own-name'],
  ['second.example.net', 'helo-own-name'],
  ['www.example.test', 'helo-unknown-name'],
  ['nowhere.test', 'helo-unknown-name'],
  ['broken.test', undefined],
  ['silent.test', undefined],
] as const) {
  test(`${helo} from 192.0.2.1 breaks ${rule ?? 'no rule'}`, async () => {
    const own = ['198.51.100.5', 'second.example.net']
    const { rcpt } = await rig({ rules: ALL_ON, own, within: '20ms' })
    const session = aSession({ helo, local: { address: '203.0.113.25', port: 25 } })
    assert.equal(shown(await rcpt(session)), rule && `550 5.7.1 ${rule}`)
  })
}

test('as shipped only our own name is refused, everything else gives points', async () => {
  const { rcpt, score } = await rig()
  assert.equal(shown(await rcpt(aSession({ helo: 'mail.example.test' }))), '550 5.7.1 helo-own-name')
  for (const [helo, name, points] of [
    ['MY_PC', 'helo-syntax', 1],
    ['localhost', 'helo-bare-name', 1],
    ['[192.0.2.77]', 'helo-other-address', 1.5],
    ['nowhere.test', 'helo-unknown-name', 1],
  ] as const) {
    const session = aSession({ helo })
    assert.equal(await rcpt(session), undefined)
    assert.deepEqual(
      (await score(session)).map(one => [one.name, one.points]),
      [[name, points]],
    )
  }
})

for (const [helo, reverse, finding] of [
  ['mail.good.test', { kind: 'none' }, undefined],
  ['elsewhere.test', { kind: 'confirmed', name: 'elsewhere.test' }, undefined],
  ['elsewhere.test', { kind: 'confirmed', name: 'other.test' }, 'helo-mismatch'],
  ['elsewhere.test', { kind: 'none' }, 'helo-mismatch'],
  ['elsewhere.test', { kind: 'unknown', why: 'SERVFAIL' }, undefined],
] as const satisfies readonly (readonly [string, ReverseName, string | undefined])[]) {
  test(`with mismatch: score, ${helo} whose reverse name is ${reverse.kind} gives ${finding ?? 'nothing'}`, async () => {
    const { rcpt, score } = await rig({ rules: { mismatch: 'score' } })
    const session = aSession({ helo, reverse: async () => reverse })
    assert.equal(await rcpt(session), undefined)
    assert.deepEqual(
      (await score(session)).map(one => one.name),
      finding === undefined ? [] : [finding],
    )
  })
}

test('a mismatch cannot be made a refusal', async () => {
  await assert.rejects(rig({ rules: { mismatch: 'reject' } }), ConfigError)
})

test('rules that are off say nothing and ask nothing', async () => {
  const off = { syntax: 'off', bare_name: 'off', other_address: 'off', own_name: 'off', unknown_name: 'off' }
  const { rcpt, score, dns } = await rig({ rules: off })
  for (const helo of ['MY_PC', 'localhost', '[192.0.2.77]', 'mail.example.test', 'nowhere.test']) {
    const session = aSession({ helo })
    assert.equal(await rcpt(session), undefined)
    assert.deepEqual(await score(session), [])
  }
  assert.deepEqual(dns.asked, [])
})

for (const [helo, why] of [
  ['broken.test', 'A broken.test: SERVFAIL'],
  ['silent.test', 'no answer within 20 ms'],
] as const) {
  test(`${helo}, of which nothing can be known, is put off only when asked for, and the log says why`, async () => {
    const rules = { unknown_name: 'reject' }
    const lenient = await rig({ rules, within: '20ms' })
    assert.equal(await lenient.rcpt(aSession({ helo })), undefined)
    assert.deepEqual(
      lenient.log.lines.map(line => [line.sentence, line.facts.why]),
      [['policy could not know', why]],
    )
    const strict = await rig({ rules, within: '20ms', when_unknown: 'defer' })
    assert.equal(shown(await strict.rcpt(aSession({ helo }))), '450 4.7.1 helo-unknown-name')
  })
}

test('look-ups begin at HELO, once for each greeting, and HELO does not wait', async () => {
  const { hooks, call, dns, rcpt } = await rig({ within: '20ms' })
  const session = aSession({ helo: 'silent.test' })
  // A label, so that nobody else judges the same greeting.
  assert.deepEqual(hooks.helo!({ session, name: 'silent.test' }, call), label('greeting-judged'))
  await rcpt(session)
  await rcpt(session)
  assert.deepEqual(dns.asked, ['a silent.test', 'aaaa silent.test'])
})

for (const moment of ['helo', 'mail', 'rcpt'] as const) {
  test(`answer_at: ${moment} refuses at that moment and at no other`, async () => {
    const { hooks, call, rcpt } = await rig({ answer_at: moment })
    const session = aSession({ helo: 'mail.example.test' })
    const answers = {
      helo: await hooks.helo!({ session, name: 'mail.example.test' }, call),
      mail: await hooks.mail!({ session, envelope: anEnvelope() }, call),
      rcpt: await rcpt(session),
    }
    assert.deepEqual(
      Object.entries(answers).flatMap(([at, answer]) => (answer && answer.kind !== 'label' ? [at] : [])),
      [moment],
    )
  })
}

test('postmaster can always be written to, and this machine may greet as it likes', async () => {
  const { rcpt } = await rig({ rules: ALL_ON })
  const session = aSession({ helo: 'mail.example.test' })
  assert.equal(await rcpt(session, { local: 'POSTMASTER', domain: 'example.test' }), undefined)
  for (const address of ['127.0.0.1', '::1', '', '/run/lmtp.sock']) {
    assert.equal(await rcpt(aSession({ helo: 'MY_PC', remote: { address, port: 1 } })), undefined)
  }
})

test('a greeting that was refused does not count against the one before it', async () => {
  const { hooks, call, rcpt } = await rig()
  const session = aSession({ helo: 'mail.good.test' })
  await hooks.helo!({ session, name: 'mail.example.test' }, call)
  assert.equal(await rcpt(session), undefined)
})

test('what is neither a name nor an address cannot be ours', async () => {
  await assert.rejects(rig({ own: ['mail.example.net', '192.0.2.0/24'] }), /neither a name nor an address/)
})

test('mail of our own is never looked at, whatever is exempt', async () => {
  const { rcpt } = await rig({ exempt: [] })
  const own = { helo: 'mail.example.test', remote: { address: '127.0.0.1', port: 0 } }
  assert.equal(await rcpt(aSession({ ...own, protocol: 'internal' })), undefined)
  assert.equal(shown(await rcpt(aSession(own))), '550 5.7.1 helo-own-name')
})
