/** What weak signs come to together: over the Junk line only where several kinds of evidence agree, and never far over it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Finding } from 'posthouse/api'
import type { Judgement } from '../../../plugins/learning/judge.js'
import { togetherOf } from '../../../plugins/learning/together.js'

function learned(sum: number): Judgement {
  return { sum, full: sum, fair: 1, trust: 0, insisted: 0, model: 1 }
}

function finding(group: string, points: number, name = `${group}-${points}`): Finding {
  return { name, points, says: '', group }
}

function sumWith(findings: readonly Finding[], sum: number): number {
  const all = [...findings, finding('learning', sum > 0 ? 1.5 : -0.5, 'learned')]
  const more = togetherOf(all, learned(sum))
  return [...all, ...(more === undefined ? [] : [more])].reduce((total, { points }) => total + points, 0)
}

const WEAK = [finding('words', 1.5), finding('links', 0.7), finding('structure', 0.5)]

test('weak signs of three kinds and words of spam are Junk, though their points are not', () => {
  assert.ok(WEAK.reduce((sum, { points }) => sum + points, 1.5) < 5)
  assert.ok(sumWith(WEAK, 2) >= 5)
})

test('the same signs are not when the words are those of ham', () => assert.ok(sumWith(WEAK, -1) < 5))

test('the caution of a judgement that is trusted is not held against signs that agree with it', () => {
  const [cautious, plain] = [{ ...learned(0.5), trust: 1 }, learned(1)]
  assert.equal(togetherOf(WEAK, cautious)?.points, togetherOf(WEAK, plain)?.points)
  assert.ok(togetherOf(WEAK, cautious)!.points > togetherOf(WEAK, learned(0.5))!.points)
})

test('one sign alone is what its rule says, however strong', () => {
  assert.equal(togetherOf([finding('words', 4.9)], learned(0)), undefined)
})

test('a strong sign alone is no Junk because odds are a hair above even', () => {
  const of = (sum: number) => togetherOf([finding('words', 4.5)], learned(sum))?.points ?? 0
  assert.equal(of(0.01), 0)
  assert.ok(of(0.5) > 0)
})

test('words alone are what was learned', () => {
  assert.equal(togetherOf([finding('learning', 4, 'learned')], learned(5)), undefined)
})

test('what is learned and said by itself is no sign of its own', () => {
  const own = [finding('learning', 4, 'learned'), finding('learning', 2, 'together')]
  assert.equal(togetherOf(own, learned(5)), undefined)
})

test('it files in Junk and has nothing refused', () => {
  for (let points = 1; points < 12; points += 0.5) {
    const others = [finding('words', points), finding('links', points)]
    const before = 2 * points + 1.5
    assert.ok(sumWith(others, 5) <= Math.max(7, before), `${points}`)
  }
})

test('more evidence never counts for less', () => {
  for (let points = 0.5; points < 4; points += 0.25) {
    const of = (more: number, sum: number) => sumWith([finding('words', points), finding('links', more)], sum)
    assert.ok(of(1, 2) <= of(1.25, 2) + 1e-9, `${points}: points`)
    assert.ok(of(1, 1.5) <= of(1, 2) + 1e-9, `${points}: odds`)
  }
})
