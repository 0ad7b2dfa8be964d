/** reverse-dns: what is asked for, when it is answered, and who is spared. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answered, ReverseName, Session } from '../../../core/api/index.js'
import { rememberingLog, setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/reverse-dns/index.js'
import { ALICE, aMessage, anEnvelope, aSession } from '../../harness/session.js'

const FOUND = {
  confirmed: { kind: 'confirmed', name: 'mail.example.org' },
  unconfirmed: { kind: 'unconfirmed', names: ['liar.example.org'] },
  none: { kind: 'none' },
  unknown: { kind: 'unknown', why: 'PTR 192.0.2.1: SERVFAIL' },
} as const satisfies Record<ReverseName['kind'], ReverseName>

function sessionOf(found: ReverseName, more: Partial<Session> = {}): Session {
  return aSession({ reverse: async () => found, ...more })
}

async function rig(config: object = {}) {
  const log = rememberingLog()
  const { hooks, call } = await setUp(plugin, { config, log })
  const rcpt = (session: Session, address = ALICE) =>
    hooks.rcpt!({ session, envelope: anEnvelope(), recipient: { address, dsn: { notify: [] } } }, call)
  const score = (session: Session) => hooks.score!({ session, envelope: anEnvelope(), message: aMessage('\n') }, call)
  return { hooks, call, log, rcpt, score }
}

function shown(answer: Answered['rcpt']): string | undefined {
  if (!answer) return undefined
  return answer.kind === 'label' ? answer.names.join() : `${answer.code} ${answer.status} ${answer.because?.rule}`
}

for (const [require, kind, whenUnknown, wanted] of [
  ['none', 'none', 'defer', undefined],
  ['none', 'unknown', 'defer', undefined],
  ['name', 'none', 'pass', '550 5.7.25 rdns-missing'],
  ['name', 'unconfirmed', 'pass', undefined],
  ['name', 'confirmed', 'pass', undefined],
  ['confirmed', 'none', 'pass', '550 5.7.25 rdns-missing'],
  ['confirmed', 'unconfirmed', 'pass', '550 5.7.25 rdns-unconfirmed'],
  ['confirmed', 'confirmed', 'pass', undefined],
  ['confirmed', 'unknown', 'pass', undefined],
  ['confirmed', 'unknown', 'defer', '450 4.7.25 rdns-unknown'],
] as const) {
  test(`require: ${require}, when_unknown: ${whenUnknown}: a name that is ${kind} is answered with ${wanted ?? 'nothing'}`, async () => {
    const { rcpt } = await rig({ require, when_unknown: whenUnknown })
    assert.equal(shown(await rcpt(sessionOf(FOUND[kind]))), wanted)
  })
}

for (const [kind, wanted] of [
  ['confirmed', 'rdns-confirmed'],
  ['unconfirmed', 'rdns-unconfirmed'],
  ['none', 'rdns-missing'],
  ['unknown', undefined],
] as const) {
  test(`a name that is ${kind} gets the label ${wanted ?? 'of nothing'} at HELO`, async () => {
    const { hooks, call } = await rig()
    assert.equal(shown(await hooks.helo!({ session: sessionOf(FOUND[kind]), name: 'x' }, call)), wanted)
  })
}

for (const moment of ['connect', 'helo', 'mail', 'rcpt'] as const) {
  test(`answer_at: ${moment} refuses at that moment and at no other`, async () => {
    const { hooks, call } = await rig({ require: 'confirmed', answer_at: moment })
    const session = sessionOf(FOUND.none)
    const envelope = anEnvelope()
    const answers = {
      connect: await hooks.connect!({ session }, call),
      helo: await hooks.helo!({ session, name: 'x' }, call),
      mail: await hooks.mail!({ session, envelope }, call),
      rcpt: await hooks.rcpt!({ session, envelope, recipient: { address: ALICE, dsn: { notify: [] } } }, call),
    }
    const refusing = Object.entries(answers).flatMap(([at, answer]) => (answer && answer.kind === 'reject' ? [at] : []))
    assert.deepEqual(refusing, [moment])
  })
}

test('the look-up begins at connect and is made once', async () => {
  const { hooks, call, rcpt, score } = await rig({ require: 'confirmed' })
  let asked = 0
  const session = aSession({
    reverse: async () => {
      asked += 1
      return FOUND.none
    },
  })
  assert.equal(hooks.connect!({ session }, call), undefined)
  assert.equal(asked, 1)
  await rcpt(session)
  await rcpt(session)
  await score(session)
  assert.equal(asked, 1)
})

test('another client of the same session (XCLIENT) is looked up anew', async () => {
  const { rcpt } = await rig({ require: 'confirmed' })
  const session = { ...sessionOf(FOUND.none) }
  assert.equal(shown(await rcpt(session)), '550 5.7.25 rdns-missing')
  Object.assign(session, { remote: { address: '192.0.2.2', port: 1 }, reverse: async () => FOUND.confirmed })
  assert.equal(shown(await rcpt(session)), undefined)
})

test('a look-up without end is left after the time set for it, and the log says so', async () => {
  const { rcpt, log } = await rig({ require: 'confirmed', within: '5ms', when_unknown: 'defer' })
  const session = aSession({ reverse: () => new Promise(() => undefined) })
  assert.equal(shown(await rcpt(session)), '450 4.7.25 rdns-unknown')
  await rcpt(session)
  const lines = log.lines.filter(line => line.sentence === 'policy could not know')
  assert.deepEqual(
    lines.map(line => line.facts),
    [{ rule: 'rdns-unknown', why: 'no answer within 5 ms' }],
  )
})

test('points are given instead of a refusal when the answer is score', async () => {
  const { rcpt, score } = await rig({ require: 'name', answer: 'score', points: 1.5 })
  const session = sessionOf(FOUND.none)
  assert.equal(await rcpt(session), undefined)
  assert.deepEqual(await score(session), [{ name: 'rdns-missing', points: 1.5, says: '192.0.2.1 has no name' }])
  assert.deepEqual(await score(sessionOf(FOUND.unknown)), [])
})

test('postmaster can always be written to', async () => {
  const { rcpt } = await rig({ require: 'confirmed' })
  const session = sessionOf(FOUND.none)
  assert.equal(await rcpt(session, { local: 'Postmaster', domain: 'example.test' }), undefined)
  assert.equal(await rcpt(session, { local: 'postmaster', domain: '' }), undefined)
  assert.notEqual(await rcpt(session), undefined)
})

for (const address of ['127.0.0.1', '10.1.2.3', '::1', 'fe80::1', '/run/lmtp.sock', '']) {
  test(`nothing is asked about ${address || 'a socket without an address'}`, async () => {
    const { rcpt } = await rig({ require: 'confirmed', when_unknown: 'defer' })
    const session = aSession({
      remote: { address, port: 1 },
      reverse: () => Promise.reject(new Error('asked')),
    })
    assert.equal(await rcpt(session), undefined)
  })
}

test('an objection tells rule, evidence and how to make an exception, and nothing of it to the peer but words', async () => {
  const { rcpt } = await rig({ require: 'confirmed' })
  const answer = await rcpt(sessionOf(FOUND.unconfirmed))
  assert.ok(answer?.kind === 'reject')
  assert.equal(answer.because?.evidence, 'liar.example.org: none leads back to 192.0.2.1')
  assert.match(answer.because?.exception ?? '', /exempt of reverse-dns/)
  assert.doesNotMatch(answer.text, /liar/)
})

test('mail of our own is never looked at, whatever is exempt', async () => {
  const { rcpt } = await rig({ require: 'confirmed', when_unknown: 'defer', exempt: [] })
  assert.equal(await rcpt(sessionOf(FOUND.unknown, { protocol: 'internal' })), undefined)
  assert.equal(shown(await rcpt(sessionOf(FOUND.unknown))), '450 4.7.25 rdns-unknown')
})
