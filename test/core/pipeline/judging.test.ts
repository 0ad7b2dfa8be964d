/** Evidence and its sum: what hooks say, whatever they say, adds up; `weigh` sees what `score` has found; rulings reach those who tell of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Finding, type Hooks, quarantine, type Ruling, ruled, type Verdict } from '../../../core/api/index.js'
import { askOpinions, findVerdict } from '../../../core/pipeline/judging.js'
import { Pipeline, type PipelineEntry } from '../../../core/pipeline/pipeline.js'
import { aMessage, anEnvelope, aSession } from '../../../core/testing/index.js'
import { quietLog } from '../../harness/log.js'

const scope = { signal: new AbortController().signal, log: quietLog }
const heard = { session: aSession(), envelope: anEnvelope(), message: aMessage('Subject: hello\n\nbody') }

function pipelineOf(...entries: readonly (Partial<PipelineEntry> & { readonly hooks: Hooks })[]): Pipeline {
  const whole = { plugin: 'tried', unless: [], on: [], timeoutMs: 100, onError: 'defer' } as const
  return new Pipeline(
    entries.map(one => ({ ...whole, ...one })),
    { count: () => undefined, observe: () => undefined },
  )
}

function found(name: string, points: number, more: Partial<Finding> = {}): Finding {
  return { name, points, says: 'It was found.', ...more }
}

test('a message that nobody speaks of has no findings and the sum 0', async () => {
  assert.deepEqual(await findVerdict(pipelineOf({ hooks: {} }), heard, scope), { findings: [], sum: 0 })
})

test('weigh sees every finding of score with its sum, and adds its own', async () => {
  const seen: Verdict[] = []
  const verdict = await findVerdict(
    pipelineOf(
      { plugin: 'early', hooks: { weigh: ({ verdict: so }) => void seen.push(so) } },
      { plugin: 'one', hooks: { score: async () => [found('a', 3), found('b', 2)] } },
      { plugin: 'two', hooks: { score: () => found('c', 1), weigh: async () => found('cap', -2.3) } },
    ),
    heard,
    scope,
  )
  assert.deepEqual(
    seen.map(({ findings, sum }) => [findings.map(({ name }) => name), sum]),
    [[['a', 'b', 'c'], 6]],
  )
  assert.deepEqual(
    verdict.findings.map(({ name, plugin, points }) => [name, plugin, points]),
    [
      ['a', 'one', 3],
      ['b', 'one', 2],
      ['c', 'two', 1],
      ['cap', 'two', -2.3],
    ],
  )
  assert.equal(verdict.sum, 3.7)
})

test('a weigh hook that fails is a finding of no points, as one of score is', async () => {
  const fails = () => {
    throw new Error('bug')
  }
  const verdict = await findVerdict(pipelineOf({ hooks: { score: () => found('a', 1), weigh: fails } }), heard, scope)
  assert.deepEqual(
    verdict.findings.map(({ name, points }) => [name, points]),
    [
      ['a', 1],
      ['tried-failed', 0],
    ],
  )
})

test('a shadow counts for nothing and says what it would be, also of an entry that only watches', async () => {
  const hooks = { score: () => [found('new', 4, { shadow: 2.5 }), found('old', 1)] }
  const enforced = await findVerdict(pipelineOf({ hooks }), heard, scope)
  assert.deepEqual(
    enforced.findings.map(({ points, shadow }) => [points, shadow]),
    [
      [0, 2.5],
      [1, undefined],
    ],
  )
  const observed = await findVerdict(pipelineOf({ hooks, mode: 'observe' }), heard, scope)
  assert.deepEqual(
    observed.findings.map(({ points, shadow }) => [points, shadow]),
    [
      [0, 2.5],
      [0, 1],
    ],
  )
  assert.equal(observed.sum, 0)
})

test('evidence is bounded and fit to be shown, and nobody speaks in the name of another plugin', async () => {
  const evidence = [...Array.from({ length: 12 }, () => 'x'.repeat(1000)), 3, null] as string[]
  const hooks = {
    score: () => [found('a', 1, { evidence, plugin: 'another' }), found('b', 1, { evidence: ['red\u202e\n'] })],
  }
  const { findings } = await findVerdict(pipelineOf({ hooks }), heard, scope)
  assert.equal(findings[0]?.plugin, 'tried')
  assert.deepEqual([findings[0]?.evidence?.length, findings[0]?.evidence?.[0]?.length], [10, 300])
  assert.deepEqual(findings[1]?.evidence, ['red??'])
})

/** Numbers that have broken sums before, and things that are no numbers. */
const ODD: readonly unknown[] = [
  0.1,
  0.2,
  0.7,
  1.005,
  -0.001,
  -0,
  1e308,
  -1e308,
  5e-324,
  1 / 3,
  2.675,
  99.995,
  NaN,
  Infinity,
  '3',
  null,
  undefined,
  {},
]

/** The same numbers at every run (Lehmer's generator). */
function sequence(seed: number): (below: number) => number {
  let at = seed
  return below => {
    at = (at * 48_271) % 2_147_483_647
    return at % below
  }
}

test('the sum always is the sum of the points of the findings, to the hundredth, whatever the hooks say', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const below = sequence(seed)
    const some = () =>
      Array.from({ length: below(40) }, (_, i) => ({
        name: `rule-${i}`,
        says: 'It was found.',
        points: below(3) === 0 ? ODD[below(ODD.length)] : (below(4_000) - 2_000) / 300,
        ...(below(5) === 0 && { shadow: ODD[below(ODD.length)] }),
      })) as unknown as Finding[]
    const verdict = await findVerdict(
      pipelineOf(
        { hooks: { score: some, weigh: some } },
        { hooks: { score: async () => some() }, ...(below(2) === 0 && { mode: 'observe' }) },
      ),
      heard,
      scope,
    )
    let hundredths = 0n
    for (const { points, shadow } of verdict.findings) {
      assert.match(points.toFixed(4), /00$/)
      assert.ok(shadow === undefined || points === 0)
      hundredths += BigInt(Math.round(points * 100))
    }
    assert.equal(BigInt(Math.round(verdict.sum * 100)), hundredths, `seed ${seed}`)
    assert.equal(JSON.parse(JSON.stringify(verdict)).sum, verdict.sum)
  }
})

test('rulings are told with whoever made them, of answers and of none, and end no asking', async () => {
  const lines = { thresholds: { junk: 5, reject: 15 }, whose: { junk: 'general', reject: 'general' } }
  const mild: Ruling = { action: 'none', ...lines }
  const strict: Ruling = { action: 'junk', ...lines }
  const [opinion] = await askOpinions(
    {
      pipeline: pipelineOf(
        { plugin: 'mild', hooks: { message: async () => ruled(mild) } },
        { plugin: 'watching', mode: 'observe', hooks: { message: () => quarantine('looks like spam', strict) } },
        { plugin: 'strict', hooks: { message: () => quarantine('spam', strict) } },
        { plugin: 'never-asked', hooks: { message: () => ruled(mild) } },
      ),
      clock: { now: () => 0 },
    },
    { ...heard, routed: [{ recipient: heard.envelope.recipients[0]! }] },
    { findings: [], sum: 0 },
    scope,
  )
  assert.equal(opinion?.wish?.kind, 'quarantine')
  assert.deepEqual(opinion?.rulings, [
    { ...mild, plugin: 'mild' },
    { ...strict, plugin: 'watching', observed: true },
    { ...strict, plugin: 'strict' },
  ])
})
