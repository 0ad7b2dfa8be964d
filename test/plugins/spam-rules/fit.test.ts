/** How points are fitted: towards evidence, within bounds, and honestly tried on what was not seen. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Case, type Column, fitPoints, sumOf, TERMS } from '../../../plugins/spam-rules/fit.js'
import { checkFit } from '../../../plugins/spam-rules/fit-check.js'

const NONE = new Map()

function column(name: string, points: number, more: Partial<Column> = {}): Column {
  return { name, points, least: 0, most: 4, ...more }
}

function cases(count: number, spam: boolean, columns: readonly number[], more: Partial<Case> = {}): readonly Case[] {
  const hits = columns.map(one => ({ column: one, times: 1 }))
  return Array.from({ length: count }, (_, at) => ({ spam, source: 'a', at, fixed: 0, hits, ...more }))
}

test('a rule without evidence keeps its points', () => {
  const columns = [column('often', 2), column('never', 1.5)]
  assert.equal(fitPoints(columns, cases(50, true, [0]), NONE)[1], 1.5)
})

test('a rule that only spam has grows, but not beyond its bound', () => {
  const [points] = fitPoints([column('spammy', 1, { most: 3 })], cases(100, true, [0]), NONE)
  assert.equal(points, 3)
})

test('a rule that honest mail near the line has shrinks, but keeps its sign', () => {
  const columns = [column('both', 3), column('honest', 3)]
  const mail = [...cases(40, false, [0, 1]), ...cases(20, true, [0], { fixed: 4 })]
  const points = fitPoints(columns, mail, NONE)
  assert.ok(points[1]! < 2 && points[1]! >= 0, `${points}`)
  assert.ok(mail.filter(({ spam }) => !spam).every(one => sumOf(one, columns, points, NONE) < 5))
})

test('two that stand together are raised until spam is over the line, and no further than it pays', () => {
  const columns = [column('one', 2), column('two', 2)]
  const points = fitPoints(columns, cases(200, true, [0, 1]), NONE, { ...TERMS, pull: 2 })
  assert.ok(points[0]! + points[1]! > 5)
  assert.ok(Math.abs(points[0]! - points[1]!) < 0.1, `${points}`)
})

test('beyond the cap of its group a rule gains nothing', () => {
  const columns = [column('one', 3, { group: 'g' }), column('two', 3, { group: 'g' })]
  const groups = new Map([['g', { cap: 4 }]])
  assert.deepEqual(fitPoints(columns, cases(100, true, [0, 1]), groups), [3, 3])
  assert.equal(sumOf(cases(1, true, [0, 1])[0]!, columns, [3, 3], groups), 4)
})

test('the same mail gives the same points', () => {
  const columns = [column('one', 1), column('two', 2), column('three', 1)]
  const mail = [...cases(30, true, [0, 1]), ...cases(9, false, [1, 2]), ...cases(12, true, [2], { fixed: 2 })]
  assert.deepEqual(fitPoints(columns, mail, NONE), fitPoints(columns, mail, NONE))
})

test('by source, each source is told by the others', () => {
  const columns = [column('only-in-a', 1), column('everywhere', 1)]
  const mail = [
    ...cases(60, true, [0], { source: 'a', fixed: 3 }),
    ...cases(60, true, [1], { source: 'b', fixed: 3 }),
    ...cases(60, true, [1], { source: 'c', fixed: 3 }),
  ]
  const parts = checkFit('source', { columns, cases: mail, groups: NONE, terms: TERMS })
  const misses = parts.map(({ name, before, after }) => [name, before.falseNegatives, after.falseNegatives])
  // Nothing but a itself tells that the first rule is worth more.
  assert.deepEqual(misses, [
    ['without a', 60, 60],
    ['without b', 60, 0],
    ['without c', 60, 0],
  ])
})

test('by time, only later mail is told', () => {
  const mail = cases(50, true, [0], { fixed: 3 })
  const parts = checkFit('time', { columns: [column('one', 1)], cases: mail, groups: NONE, terms: TERMS })
  assert.deepEqual(
    parts.map(({ before }) => before.spam),
    [10, 10, 10, 10],
  )
})

test('what has one source cannot be parted by source', () => {
  const wish = { columns: [column('one', 1)], cases: cases(5, true, [0]), groups: NONE, terms: TERMS }
  assert.deepEqual(checkFit('source', wish), [])
})
