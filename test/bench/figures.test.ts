/** Percentiles, sums over rounds, ratios. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { figuresOf, latencyOf, median, percentile, type Round, ratioOf, spreadOf } from '../../bench/lib/figures.js'
import { judge } from '../../bench/lib/flush.js'
import { tooShort } from '../../bench/lib/runner.js'
import { readStat, usageBetween } from '../../bench/lib/usage.js'

const HUNDRED = Float64Array.from({ length: 100 }, (_, i) => i + 1)

for (const [share, value] of [
  [0, 1],
  [0.5, 50],
  [0.95, 95],
  [0.99, 99],
  [0.991, 100],
  [1, 100],
] as const) {
  test(`the ${share} percentile of 1 to 100 is ${value}`, () => assert.equal(percentile(HUNDRED, share), value))
}

test('one sample is every percentile', () => {
  assert.deepEqual(latencyOf(Float64Array.of(7)), { p50: 7, p95: 7, p99: 7, max: 7 })
})

for (const [values, middle] of [
  [[9, 1, 2], 2],
  [[4, 1, 3, 100], 3.5],
  [[7], 7],
] as const) {
  test(`the median of ${values.join(', ')} is ${middle}`, () => assert.equal(median(values), middle))
}

test('no sample is no latency', () => assert.equal(latencyOf(new Float64Array(0)), undefined))

test('samples are sorted as numbers and left as they were', () => {
  const samples = Float64Array.of(100, 9, 20)
  assert.equal(latencyOf(samples)!.p50, 20)
  assert.deepEqual([...samples], [100, 9, 20])
})

function round(messages: number, latencies: readonly number[], usage: Round['usage'] = {}): Round {
  return {
    load: { messages, bytes: messages * 1000, elapsedMs: 500, latencies: Float64Array.from(latencies), errors: [] },
    usage,
  }
}

test('rounds are added up, and percentiles are over all samples', () => {
  const figures = figuresOf([
    round(100, [1, 2], { cpuMs: 10, fileBytes: 4000, peakBytes: 5, flushes: 10, flushMs: 20 }),
    round(300, [3, 4], { cpuMs: 30, fileBytes: 4000, peakBytes: 7, flushes: 30, flushMs: 20 }),
  ])
  assert.equal(figures.messages, 400)
  assert.equal(figures.messagesPerSecond, 400)
  assert.equal(figures.cpuMsPerMessage, 0.1)
  assert.equal(figures.writtenBytesPerMessage, 20)
  assert.equal(figures.peakBytes, 7)
  assert.equal(figures.messagesPerFlush, 10)
  assert.equal(figures.flushMs, 1)
  assert.deepEqual(figures.latencyMs, { p50: 2, p95: 4, p99: 4, max: 4 })
})

test('what one round does not know is not made up from the others', () => {
  const figures = figuresOf([round(100, [1], { cpuMs: 10 }), round(100, [1], {})])
  assert.equal('cpuMsPerMessage' in figures, false)
})

test('a round without a message divides by nothing', () => {
  const figures = figuresOf([round(0, [], { cpuMs: 10, flushes: 0 })])
  assert.equal(figures.messagesPerSecond, 0)
  assert.equal(figures.cpuMsPerMessage, undefined)
  assert.equal(ratioOf(figures, figures), undefined)
})

test('a ratio is ours by the reference', () => {
  const ours = figuresOf([round(100, [4], { cpuMs: 40 })])
  const reference = figuresOf([round(200, [2], { cpuMs: 20 })])
  assert.deepEqual(ratioOf(ours, reference), { rate: 0.5, p50: 2, p99: 2, cpu: 4 })
})

test('the spread of a ratio is over the turns, and a turn without messages has none', () => {
  assert.deepEqual(spreadOf([round(100, [1]), round(400, [1])], [round(200, [1]), round(200, [1])]), [0.5, 2])
  assert.deepEqual(spreadOf([round(100, [1]), round(300, [1])], [round(200, [1]), round(0, [])]), [0.5, 0.5])
  assert.equal(spreadOf([], []), undefined)
})

test('a process name with brackets and spaces does not shift the fields of its stat', () => {
  const text = '17 (node) worker 1) S 1 42 42 0 -1 4194560 1 0 0 0 50 25 0 0 20 0 11 0 100 0 0'
  assert.equal(readStat(text).group, 42)
  assert.ok(readStat(text).cpuMs > 0)
})

test('usage is unknown when a process came or went meanwhile', () => {
  const reading = { pids: [1, 2], cpuMs: 5, peakBytes: 1, anonymousBytes: 1, dirtiedBytes: 1 }
  assert.deepEqual(usageBetween(reading, { ...reading, cpuMs: 9, pids: [0, 1, 3] }), { cpuMs: 4 })
  assert.deepEqual(usageBetween(reading, { ...reading, pids: [3] }), {})
  assert.equal(usageBetween(reading, { ...reading, cpuMs: 9 }).cpuMs, 4)
})

test('a 250 that waits for held flushes is durable, one that does not is not', () => {
  assert.equal(judge([251, 260], 2, 250, 4).kind, 'durable')
  assert.equal(judge([251, 3], 2, 250, 4).kind, 'not durable')
  assert.equal(judge([600], 2, 250, 0).kind, 'not durable')
  assert.equal(judge([], 2, 250, 4).kind, 'not checked')
})

test('a run that was asked to be short says that it means little, and one of the usual length does not', () => {
  const ours = (elapsedMs: number) => ({ ours: { ...figuresOf([]), elapsedMs } })
  assert.match(tooShort(ours(300), { seconds: 0.3 })!, /measured for 0\.30 s, too short/)
  assert.match(tooShort(ours(500), { seconds: 300, messages: 50 })!, /too short/)
  assert.equal(tooShort(ours(500), { seconds: 1.8 }), undefined)
  assert.equal(tooShort(ours(1800), { seconds: 1.8, messages: 2000 }), undefined)
})
