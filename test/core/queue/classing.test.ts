/** What a rule about replies makes of an outcome: its class, and whether and when it is tried again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClassedReply, Outcome, QueueRow, ReplyFacts } from '../../../core/api/index.js'
import { classed } from '../../../core/queue/classing.js'
import { judge } from '../../../core/queue/judgement.js'

const QUIET = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined }
const LOG = { ...QUIET, child: () => LOG } as never
const HOUR = 3_600_000

function answering(found: Partial<ClassedReply>, asked: ReplyFacts[] = []) {
  return {
    classify: async (facts: ReplyFacts): Promise<ClassedReply> => {
      asked.push(facts)
      return { class: 'policy', rule: 'a-rule', general: false, ...found }
    },
  }
}

const FAILED = {
  kind: 'failed',
  row: 0,
  status: '5.7.1',
  text: 'mx refused: 550 no',
  reply: '550 no',
  stage: 'rcpt',
} as const
const DEFERRED = { kind: 'deferred', row: 0, status: '4.7.1', text: 'mx refused: 450 no', reply: '450 no' } as const

test('the words of the peer are classed, with the stage they were said at', async () => {
  const asked: ReplyFacts[] = []
  const { outcomes } = await classed(answering({}, asked), [FAILED], 0, LOG)
  assert.deepEqual(asked, [{ text: '550 no', status: '5.7.1', stage: 'rcpt' }])
  assert.deepEqual(outcomes, [{ ...FAILED, class: 'policy', rule: 'a-rule' }])
})

test('our own words are classed as such, and stay final', async () => {
  const asked: ReplyFacts[] = []
  const own = { kind: 'failed', row: 0, status: '5.1.2', text: 'no such domain' } as const
  const { outcomes } = await classed(answering({ action: { treatAs: 'temporary' } }, asked), [own], 0, LOG)
  assert.equal(asked[0]!.stage, 'none')
  assert.equal(outcomes[0]!.kind, 'failed')
})

for (const [treatAs, before, kind, status] of [
  ['temporary', FAILED, 'deferred', '4.7.1'],
  ['permanent', DEFERRED, 'failed', '5.7.1'],
  ['temporary', DEFERRED, 'deferred', '4.7.1'],
] as const) {
  test(`${before.kind} ${before.status} treated as ${treatAs} is ${kind} ${status}`, async () => {
    const { outcomes } = await classed(answering({ action: { treatAs } }), [before], 0, LOG)
    const [after] = outcomes as readonly Extract<Outcome, { kind: 'failed' }>[]
    assert.deepEqual([after!.kind, after!.status], [kind, status])
  })
}

test('what was delivered is not classed, nor what its target holds', async () => {
  const asked: ReplyFacts[] = []
  const outcomes = [
    { kind: 'delivered', row: 0, remote: 'r', reply: '250 ok' },
    { ...DEFERRED, row: 1, hold: 'wait' },
  ] as const
  const found = await classed(answering({}, asked), outcomes, 0, LOG)
  assert.deepEqual(asked, [])
  assert.deepEqual(found.outcomes, outcomes)
})

test('rules that cannot be read change nothing', async () => {
  const broken = { classify: () => Promise.reject(new Error('no')) }
  const { outcomes } = await classed(broken, [FAILED], 0, LOG)
  assert.deepEqual(outcomes, [FAILED])
})

const ROW = { row: 0, tries: 0, expires: 10 * HOUR, due: 0 } as unknown as QueueRow

for (const [retryAfterMs, due] of [
  [2 * HOUR, 2 * HOUR],
  [60_000, 300_000],
  [24 * HOUR, 10 * HOUR],
] as const) {
  test(`retry after ${retryAfterMs / 60_000} minutes: tried again after ${due / 60_000}`, async () => {
    const { outcomes } = await classed(answering({ action: { retryAfterMs } }), [DEFERRED], 0, LOG)
    const [fate] = judge([ROW], outcomes, () => ({
      now: 0,
      received: 0,
      timing: { retryMs: [300_000], warnAfterMs: [], jitter: 0 },
      random: () => 0.5,
    }))
    assert.equal(fate?.kind === 'again' ? fate.due : undefined, due)
  })
}
