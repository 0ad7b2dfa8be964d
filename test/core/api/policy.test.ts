/** What follows from a broken rule and from what cannot be known: the same for all policies. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Breach,
  findingsOf,
  type Judgement,
  MailError,
  type NotKnown,
  objectionTo,
  sparing,
  tellUnknown,
  troubleOf,
  within,
} from '../../../core/api/index.js'
import { rememberingLog } from '../../../core/testing/index.js'

const breach = (answer: Breach['answer'], rule = answer): Breach => ({
  kind: 'breach',
  answer,
  points: 2.5,
  text: `broken ${rule}`,
  detail: '7.25',
  because: { rule, evidence: `seen ${rule}`, exception: 'write it down' },
})
const unknown: NotKnown = { kind: 'unknown', rule: 'some-rule', why: 'ETIMEOUT' }
const NEVER = new AbortController().signal

for (const [name, judgement, whenUnknown, status] of [
  ['nothing', [], 'defer', undefined],
  ['a breach that counts as points', [breach('score')], 'defer', undefined],
  ['a breach to put off', [breach('defer')], 'pass', '450 4.7.25'],
  ['a breach to refuse', [breach('reject')], 'pass', '550 5.7.25'],
  ['a breach to refuse behind one to put off', [breach('defer'), breach('reject')], 'pass', '550 5.7.25'],
  ['something unknown', [unknown], 'pass', undefined],
  ['something unknown that shall wait', [unknown], 'defer', '450 4.4.3'],
  ['something unknown beside a breach', [unknown, breach('reject')], 'defer', '550 5.7.25'],
] as const satisfies readonly (readonly [string, Judgement, 'pass' | 'defer', string | undefined])[]) {
  test(`${name}, with when_unknown: ${whenUnknown}, is answered with ${status ?? 'nothing'}`, () => {
    const said = objectionTo(judgement, { answer: whenUnknown, text: 'later', detail: '4.3' })
    assert.equal(said && `${said.code} ${said.status}`, status)
  })
}

test('an objection names rule, evidence and exception', () => {
  const answer = objectionTo([breach('reject')], { answer: 'pass', text: '', detail: '4.3' })
  assert.deepEqual(answer?.because, { rule: 'reject', evidence: 'seen reject', exception: 'write it down' })
  const later = objectionTo([unknown], { answer: 'defer', text: 'later', detail: '4.3' })
  assert.match(later?.because?.evidence ?? '', /ETIMEOUT/)
})

test('only breaches that count as points are findings', () => {
  assert.deepEqual(findingsOf([breach('reject'), breach('score'), unknown]), [
    { name: 'score', points: 2.5, says: 'seen score' },
  ])
})

test('what is not known is logged with its reason', () => {
  const log = rememberingLog()
  tellUnknown(log, [breach('reject'), unknown])
  assert.deepEqual(log.lines, [
    { level: 'info', facts: { rule: 'some-rule', why: 'ETIMEOUT' }, sentence: 'policy could not know' },
  ])
})

test('work that never ends is left at its deadline, and at the end of the session', async () => {
  const endless = () => new Promise<never>(() => undefined)
  await assert.rejects(within(1, NEVER, endless), /no answer within 1 ms/)
  const session = new AbortController()
  const left = within(60_000, session.signal, endless)
  session.abort()
  await assert.rejects(left, /session ended/)
  await assert.rejects(within(60_000, session.signal, endless), /session ended/)
})

test('work in time is its own result, and its signal is silent', async () => {
  assert.equal(await within(60_000, NEVER, async signal => signal.aborted), false)
  await assert.rejects(
    within(60_000, NEVER, () => Promise.reject(new Error('a bug'))),
    /a bug/,
  )
})

test('trouble is told in words, a bug is thrown on', () => {
  assert.equal(troubleOf(new MailError('dns-unavailable', 'A x.example: SERVFAIL')), 'A x.example: SERVFAIL')
  assert.throws(() => troubleOf(new TypeError('x is undefined')), TypeError)
})

test('spared local parts are known in any case', () => {
  const spares = sparing(['postmaster'])
  assert.equal(spares({ local: 'PostMaster', domain: '' }), true)
  assert.equal(spares({ local: 'alice', domain: 'example.test' }), false)
})
