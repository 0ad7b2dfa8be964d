/** How many deliveries at once a destination gets, as it answers or does not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Flow, type FlowTerms, flowAfter, freshFlow, type Heard } from '../../../../core/queue/traffic/flow.js'

const MINUTE = 60_000
const TERMS: FlowTerms = { most: 20, least: 1, pausesMs: [5 * MINUTE, 10 * MINUTE, 30 * MINUTE] }

/** What each attempt comes to, begun after the one before had ended. */
function course(heard: readonly Heard[], terms = TERMS, from: Flow = freshFlow(terms)) {
  let flow = from
  const pauses: number[] = []
  heard.forEach((one, i) => {
    const after = flowAfter(flow, one, flow.round, `m${i}`, terms)
    flow = after.flow
    if (after.pauseMs !== undefined) pauses.push(after.pauseMs / MINUTE)
  })
  return { flow, pauses, window: flow.window }
}

const many = (heard: Heard, count: number): readonly Heard[] => Array.from({ length: count }, () => heard)

test('it begins with five, or with the limit where that is less', () => {
  assert.equal(freshFlow(TERMS).window, 5)
  assert.equal(freshFlow({ most: 2 }).window, 2)
})

test('one more after as many successes as there are at once, up to the limit', () => {
  assert.equal(course(many('good', 4)).window, 5)
  assert.equal(course(many('good', 5)).window, 6)
  assert.equal(course(many('good', 5 + 6)).window, 7)
  assert.equal(course(many('good', 1000)).window, 20)
})

test('half after trouble, but never less than the floor', () => {
  const { flow } = course(many('good', 1000))
  assert.equal(course(['bad'], TERMS, flow).window, 10)
  assert.equal(course(['bad', 'bad'], TERMS, flow).window, 5)
  assert.equal(course(many('bad', 20), TERMS, flow).window, 1)
  assert.equal(course(many('bad', 20), { ...TERMS, least: 3 }, flow).window, 3)
})

test('a whole round of trouble counts once', () => {
  let flow = course(many('good', 1000)).flow
  const began = flow.round
  for (let i = 0; i < 20; i += 1) flow = flowAfter(flow, 'bad', began, `m${i}`, TERMS).flow
  assert.equal(flow.window, 10)
})

test('after trouble growth takes twice as many successes', () => {
  const { flow } = course(['bad'], TERMS, course(many('good', 1000)).flow)
  assert.equal(flow.window, 10)
  assert.equal(course(many('good', 19), TERMS, flow).window, 10)
  assert.equal(course(many('good', 20), TERMS, flow).window, 11)
})

test('five messages that find nobody make it dead, with pauses that grow while probes fail', () => {
  assert.deepEqual(course(many('nobody', 4)).pauses, [])
  assert.deepEqual(course(many('nobody', 5)).pauses, [5])
  assert.deepEqual(course(many('nobody', 9)).pauses, [5, 10, 30, 30, 30])
  assert.equal(course(many('nobody', 9)).window, 1)
})

test('one answer between makes it alive', () => {
  assert.deepEqual(course([...many('nobody', 4), 'good', ...many('nobody', 4)]).pauses, [])
  assert.deepEqual(course([...many('nobody', 6), 'good', ...many('nobody', 5)]).pauses, [5, 10, 5])
})

test('one message alone, tried over and over, makes nothing dead', () => {
  let flow = freshFlow(TERMS)
  for (let i = 0; i < 50; i += 1) {
    const after = flowAfter(flow, 'nobody', flow.round, 'same', TERMS)
    assert.equal(after.pauseMs, undefined)
    flow = after.flow
  }
})

test('attempts that were under way when it was found dead make no second pause', () => {
  const { flow } = course(many('nobody', 5))
  const late = flowAfter(flow, 'nobody', flow.round - 1, 'late', TERMS)
  assert.equal(late.pauseMs, undefined)
  assert.equal(late.flow.pauses, 1)
})
