/** What the outcomes of an attempt say of the destination. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome, ReplyAction } from '../../../../core/api/index.js'
import { newsOf } from '../../../../core/queue/traffic/heard.js'

const DEFERRED = { kind: 'deferred', status: '4.0.0', text: 'text' } as const
const DELIVERED = { kind: 'delivered', remote: 'r', reply: '250 ok' } as const
type Bare = Outcome extends infer O ? (O extends unknown ? Omit<O, 'row'> : never) : never

for (const [says, outcomes, heard] of [
  ['what is delivered is good', [DELIVERED], 'good'],
  [
    'a refusal of the recipient is good: it has talked to us',
    [{ ...DEFERRED, reply: '450 no', stage: 'rcpt', class: 'mailbox-full' }],
    'good',
  ],
  ['greylisting is good', [{ ...DEFERRED, reply: '450 later', stage: 'rcpt', class: 'greylisted' }], 'good'],
  [
    '"too fast" is bad, whatever else was delivered',
    [DELIVERED, { ...DEFERRED, reply: '450', class: 'rate-limited' }],
    'bad',
  ],
  ['no answer from any host is nobody', [{ ...DEFERRED, status: '4.4.1', class: 'unreachable' }], 'nobody'],
  [
    'a greeting that turns us away is nobody',
    [{ ...DEFERRED, reply: '421 go', stage: 'connect', class: 'system' }],
    'nobody',
  ],
  [
    'greylisting is good in a greeting too',
    [{ ...DEFERRED, reply: '421 later', stage: 'connect', class: 'greylisted' }],
    'good',
  ],
  ['one that broke off is bad', [{ ...DEFERRED, status: '4.4.2', class: 'unreachable' }], 'bad'],
  ['a name service that says nothing says nothing', [{ ...DEFERRED, status: '4.4.3', class: 'dns' }], undefined],
  ['a limit of ours says nothing', [{ ...DEFERRED, status: '4.4.5', class: 'rate-limited' }], undefined],
  ['what nobody was asked for says nothing', [{ ...DEFERRED, status: '4.4.1', untried: true }], undefined],
  ['trouble of our own says nothing', [{ ...DEFERRED, status: '4.3.5', class: 'system' }], undefined],
  ['nothing says nothing', [], undefined],
] as const satisfies readonly (readonly [string, readonly Bare[], string | undefined])[]) {
  test(says, () => {
    const rows = outcomes.map((one, row) => ({ ...one, row })) as readonly Outcome[]
    assert.equal(newsOf(rows, new Map()).heard, heard)
  })
}

test('a limit for one recipient is no trouble of the destination', () => {
  const limited = { ...DEFERRED, row: 0, reply: '450 slow', stage: 'rcpt', class: 'rate-limited' } as const
  const heard = (action: ReplyAction) => newsOf([limited], new Map([[0, action]])).heard
  assert.equal(heard({ retryAfterMs: 1000 }), 'good')
  assert.equal(heard({ retryAfterMs: 1000, slowDown: true }), 'bad')
  assert.equal(heard({ retryAfterMs: 1000, suspendMs: 1000 }), 'bad')
})

test('the longest suspension that a rule asks for counts, with its words', () => {
  const outcomes = [
    { ...DEFERRED, row: 0, text: 'first', reply: '421 a', rule: 'short' },
    { ...DEFERRED, row: 1, text: 'second', reply: '421 b', rule: 'long' },
  ] as const
  const actions = new Map<number, ReplyAction>([
    [0, { suspendMs: 1000 }],
    [1, { suspendMs: 5000, slowDown: true }],
  ])
  assert.deepEqual(newsOf(outcomes, actions), { heard: 'bad', why: 'second', suspendMs: 5000, rule: 'long' })
})
