/** What the trail keeps of how a message came: bounded, and still adding up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Decided, trailDecided, trailFindings, type Verdict } from '../../../core/api/index.js'
import { arrivalFacts, arrivalKeys } from '../../../core/pipeline/arrival.js'
import { aMessage, anEnvelope, aSession } from '../../harness/session.js'

function judged(verdict: Verdict, results: readonly Decided[] = [], header: Record<string, string> = {}) {
  const lines = Object.entries(header).map(([name, value]) => `${name}: ${value}\n`)
  const message = aMessage(`${lines.join('')}\nbody\n`)
  const received = { session: aSession(), envelope: anEnvelope(), routed: [], message, body: null!, received: 0 }
  return { received, verdict, results }
}

function recipient(local: string) {
  return { address: { local, domain: 'example.test' }, dsn: { notify: [] } } as const
}

test('of very many findings those of most weight are kept, and all together still make the sum', () => {
  const findings = Array.from({ length: 300 }, (_, n) => ({ name: `f${n}`, points: (n % 7) - 3.01, says: 'x' }))
  const sum = findings.reduce((all, { points }) => all + Math.round(points * 100), 0) / 100
  const kept = trailFindings({ facts: arrivalFacts(judged({ findings, sum })) })
  assert.equal(kept.length, 100)
  assert.equal(kept.reduce((all, { points }) => all + Math.round(points * 100), 0) / 100, sum)
  assert.match(kept.at(-1)!.says, /^201 more findings/)
})

test('what one finding says and has seen is cut', () => {
  const finding = { name: 'f', points: 1, says: 'x'.repeat(1000), evidence: Array<string>(10).fill('y'.repeat(300)) }
  const [kept] = trailFindings({ facts: arrivalFacts(judged({ findings: [finding], sum: 1 })) })
  assert.deepEqual([kept!.says.length, kept!.evidence!.length, kept!.evidence![0]!.length], [300, 3, 120])
})

test('recipients that were decided alike stand together, and the first hundred by name', () => {
  const many = Array.from({ length: 250 }, (_, n) => ({ recipient: recipient(`u${n}`), kind: 'accepted' }) as const)
  const ruling = { action: 'junk', thresholds: { junk: 5 }, whose: { junk: 'general' } } as const
  const results = [...many, { recipient: recipient('z'), kind: 'quarantined', rulings: [ruling] } as const]
  const decided = trailDecided({ facts: arrivalFacts(judged({ findings: [], sum: 0 }, results)) })
  assert.deepEqual(
    decided.map(({ to, more, kind }) => [to.length, more, kind]),
    [
      [100, 150, 'accepted'],
      [1, undefined, 'quarantined'],
    ],
  )
  assert.deepEqual(decided[1]!.rulings, [ruling])
})

test('a record is found by the envelope, by who is in From, and by what an alias stands for', () => {
  const header = { 'Message-ID': '<one@example.net>', From: '"Al" <Al@lists.example>' }
  const { received } = judged({ findings: [], sum: 0 }, [], header)
  const sender = { local: 'Bounce', domain: 'example.net' }
  const routed = [{ recipient: recipient('info'), claims: [] }]
  const row = { to: { local: 'ann', domain: 'example.test' }, original: routed[0]!.recipient.address }
  const keys = arrivalKeys({ ...received, envelope: anEnvelope({ sender }), routed }, [row as never])
  assert.deepEqual(keys, {
    messageId: '<one@example.net>',
    senders: ['Bounce@example.net', 'Al@lists.example'],
    recipients: ['info@example.test', 'ann@example.test'],
    clients: [received.session.remote.address],
  })
})

test('a From field made to take long does not', () => {
  const started = process.cpuUsage().user
  for (const evil of ['a'.repeat(60_000), '@'.repeat(60_000), 'a@'.repeat(30_000), `${'a@b'.repeat(20_000)} x`])
    arrivalKeys(judged({ findings: [], sum: 0 }, [], { From: evil }).received, [])
  assert.ok(process.cpuUsage().user - started < 1_000_000)
})

test('facts of other versions are read as far as they go', () => {
  const old = { findings: '[{"name":"a","points":1,"says":"x"},5,{"name":"b"}]', decided: '{"no":"list"}' }
  assert.deepEqual(trailFindings({ facts: old }), [{ name: 'a', points: 1, says: 'x' }])
  assert.deepEqual(trailDecided({ facts: old }), [])
  const single = { decided: '[{"to":"a@b.example","kind":"accepted"}]' }
  assert.deepEqual(trailDecided({ facts: single }), [{ to: ['a@b.example'], kind: 'accepted' }])
  for (const broken of ['', '[', 'null', '[null]']) assert.deepEqual(trailFindings({ facts: { findings: broken } }), [])
})
