/** What is done with the figures of a run: compared with another run's, drawn, and held in CI. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compared, tableOfComparison, worst } from '../../bench/lib/comparison.js'
import type { Figures, Round } from '../../bench/lib/figures.js'
import { checked, pointsOf, type Results, type ServerRow, UnreadableResults } from '../../bench/lib/results.js'
import { fateOf, replyOf } from '../../bench/lib/world-fates.js'
import { isWithin, outcomeOf, tableOfOutcomes } from '../../bench/ratios/held.js'
import { HELD, type Held } from '../../bench/ratios/set.js'
import { svgOf } from '../../bench/report/chart.js'
import { chartsOf } from '../../bench/report/charts.js'
import { SCENARIOS } from '../../bench/scenarios/index.js'

const FIGURES: Figures = {
  messages: 100,
  elapsedMs: 1000,
  messagesPerSecond: 100,
  bytesPerSecond: 409_600,
  latencyMs: { p50: 2, p95: 3, p99: 4, max: 5 },
  cpuMsPerMessage: 1,
  errors: [],
}
const ROW: ServerRow = {
  scenario: 'smtp-in',
  variant: 'mailbox',
  sessions: 20,
  size: 4096,
  ours: FIGURES,
  reference: FIGURES,
  ratio: { rate: 1, cpu: 1 },
  durable: { kind: 'durable', why: 'seen' },
}
const MACHINE = { cpu: 'c', cores: 2, memoryBytes: 2 ** 30, system: 's', fileSystem: 'ext4', node: 'v', lmdb: '1' }

function results(rows: readonly ServerRow[], more: Partial<Results> = {}): Results {
  const machine = { ...MACHINE, version: '0', commit: 'abc' }
  return { format: 1, at: '2026-01-02T03:04:05Z', machine, settings: {}, rows, ...more }
}

const faster = (cpu: number, ratio: number): ServerRow => ({
  ...ROW,
  ours: { ...FIGURES, messagesPerSecond: 150, cpuMsPerMessage: cpu },
  ratio: { rate: 1, cpu: ratio },
})

test('a figure of the second run is divided by that of the first', () => {
  const [change] = compared(results([ROW]), results([faster(0.5, 0.6)])).changes
  assert.equal(change!.rate, 1.5)
  assert.equal(change!.cpu, 0.5)
  assert.equal(change!.cpuByReference, 0.6)
  assert.equal(change!.p99, 1)
})

test('what a message costs is judged by the reference of its own run', () => {
  // The machine was slower: a message took twice the time, and so did the reference's.
  const comparison = compared(results([ROW]), results([faster(2, 1.1)]))
  assert.deepEqual(worst(comparison, 1.2), [])
  assert.equal(worst(comparison, 1.05)[0]!.by, 1.1)
})

test('cases of one run only are named, and other servers are compared with themselves', () => {
  const other = { ...ROW, server: 'Postfix' }
  const comparison = compared(results([ROW, other]), results([other, { ...ROW, sessions: 1 }]))
  assert.deepEqual(
    comparison.changes.map(one => one.server),
    ['Postfix'],
  )
  assert.deepEqual(comparison.onlyBefore, ['Posthouse, smtp-in mailbox, 20 sessions, 4 KB'])
  assert.deepEqual(comparison.onlyAfter, ['Posthouse, smtp-in mailbox, 1 session, 4 KB'])
  assert.match(tableOfComparison(comparison), /only in B: Posthouse, smtp-in mailbox, 1 session, 4 KB/)
})

test('figures that stand for themselves are compared by name', () => {
  const run = (value: number) => results([], { measures: [{ name: 'start', value, unit: 'ms' }] })
  const { measures } = compared(run(200), run(100))
  assert.deepEqual(measures, [{ name: 'start', value: 100, unit: 'ms', before: 200, by: 0.5 }])
})

for (const [what, value] of [
  ['another format', { ...results([]), format: 2 }],
  ['no rows', { format: 1, machine: {} }],
  ['no object', null],
] as const) {
  test(`a file with ${what} is refused with its name`, () => {
    assert.throws(
      () => checked(value, 'a.json'),
      new UnreadableResults('a.json: not written by `npm run bench -- … --json FILE` of this version'),
    )
  })
}

test('a row is a point of ours, and one of the reference beside it', () => {
  assert.deepEqual(
    pointsOf(results([ROW])).map(one => one.server),
    ['Posthouse', 'reference'],
  )
})

test('charts have a bar for each server in each case, and none where nothing is known', () => {
  const charts = chartsOf([{ name: 'a', results: results([ROW, { ...ROW, sessions: 1 }]) }])
  assert.deepEqual([...charts.keys()], ['smtp-in-rate', 'smtp-in-cpu', 'smtp-in-p50', 'smtp-in-p99'])
  const { groups } = charts.get('smtp-in-rate')!
  assert.deepEqual(
    groups.map(group => group.name),
    ['mailbox, 20 sessions, 4 KB', 'mailbox, 1 session, 4 KB'],
  )
  assert.deepEqual(
    groups[0]!.bars.map(bar => bar.series),
    ['Posthouse', 'reference'],
  )
})

test('what a file calls its cases cannot leave the text of a chart', () => {
  const svg = svgOf({
    title: '<script>"&',
    subtitle: '',
    groups: [{ name: '</text>', bars: [{ series: '<b>', value: 1, text: '1' }] }],
  })
  assert.doesNotMatch(svg, /<script>|<b>|<\/text><\/text>/)
  assert.match(svg, /&lt;script&gt;&quot;&amp;/)
})

const HELD_CPU: Held = {
  case: { scenario: 'smtp-in', variant: 'mailbox', sessions: 20, size: 4096 },
  what: 'cpu',
  limit: 2,
  messages: 10,
  turns: 3,
}
const round = (cpuMs: number, errors: readonly string[] = []): Round => ({
  load: { messages: 10, bytes: 0, elapsedMs: 1, latencies: new Float64Array(0), errors },
  usage: { cpuMs },
})

test('of each side the turn counts that cost least', () => {
  // The first turn of ours and the last of the reference met a busy neighbour.
  const outcome = outcomeOf(HELD_CPU, [round(90), round(15), round(16)], [round(10), round(11), round(70)])
  assert.equal(outcome.value, 1.5)
  assert.ok(isWithin(outcome))
})

test('a figure beyond its limit, and a turn that failed, are not within', () => {
  assert.ok(!isWithin(outcomeOf(HELD_CPU, [round(21)], [round(10)])))
  const failed = outcomeOf(HELD_CPU, [round(10, ['451 no'])], [round(10)])
  assert.ok(!isWithin(failed))
  assert.match(tableOfOutcomes([failed]), /FAILED: 451 no/)
})

test('what cannot be measured here is said, and holds nobody up', () => {
  const outcome = outcomeOf({ ...HELD_CPU, what: 'flushes' }, [round(10)], [])
  assert.ok(isWithin(outcome))
  assert.match(tableOfOutcomes([outcome]), /not measured/)
})

test('every held case is one that its scenario knows', () => {
  for (const { case: one } of HELD) {
    const scenario = SCENARIOS.find(({ name }) => name === one.scenario)
    assert.ok(scenario?.variants.includes(one.variant), `${one.scenario} ${one.variant}`)
  }
})

test('the world takes most messages at once, and every message has an end', () => {
  const fates = Array.from({ length: 1000 }, (_, number) => fateOf(number))
  const count = (fate: string): number => fates.filter(one => one === fate).length
  assert.deepEqual(['taken', 'greylisted', 'busy', 'cut', 'refused'].map(count), [800, 100, 40, 10, 50])
  for (const fate of new Set(fates)) assert.match(replyOf(fate, 2)!, /^[25]/)
  assert.match(replyOf('greylisted', 1)!, /^451/)
  assert.equal(replyOf('cut', 1), undefined)
})
