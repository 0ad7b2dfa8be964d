/** What becomes of one judgement: lessons count for less where the starting model would not say so, and are heard all the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { judge, pointsOf, type Sources } from '../../../plugins/learning/judge.js'
import { NO_MODEL, StartingModel } from '../../../plugins/learning/model.js'
import { KINDS, SPACE, tokenValue } from '../../../plugins/learning/tokens/kinds.js'
import type { Tokens } from '../../../plugins/learning/tokens/sink.js'
import { lengthOf, TaughtWeights } from '../../../plugins/learning/weights.js'

const WORDS = 40
/** Of words alone, none of which is in another mail. */
function mail(first: number): Tokens {
  return KINDS.map((_, kind) =>
    kind === 0 ? Uint32Array.from({ length: WORDS }, (_, n) => first + n) : new Uint32Array(),
  )
}

const MAIL = mail(1000)
const BOUNDS = { untaught: { spam: 4, ham: -1.5 }, taught: { spam: 8, ham: -5 } }
const MUCH = { spam: 100_000, ham: 100_000 }
const EVEN = 1e-9

/** A model with such odds for `MAIL`. */
function modelOf(odds: number): StartingModel {
  const weights = new Int8Array(SPACE)
  for (const token of MAIL[0]!) weights[token] = odds === 0 ? 0 : Math.sign(odds) * 100
  const scale = Math.abs(odds) / (100 * WORDS * tokenValue('word', WORDS)) || EVEN
  return new StartingModel({ ...NO_MODEL.header, tokens: WORDS, scale }, weights)
}

/** With lessons that say this of `MAIL`, beside what is left of the model. */
function sourcesOf(model: StartingModel, taught: number): Sources {
  const site = new TaughtWeights()
  site.add(MAIL, taught / lengthOf(MAIL))
  return { model, site, siteTaught: MUCH }
}

const sumOf = (model: StartingModel, taught: number) => judge(MAIL, sourcesOf(model, taught)).sum

test('what was taught is judged milder the less the starting model agrees', () => {
  const sums = [3, 0.5, -0.2].map(odds => sumOf(modelOf(odds), 4))
  assert.ok(sums[0]! > sums[1]! + 0.3, `${sums}`)
  assert.ok(sums[1]! > sums[2]! + 0.2, `${sums}`)
  assert.ok(Math.abs(sums[0]! - 3.5) < 0.1, `${sums}`)
})

test('without a starting model there is nobody to doubt', () => {
  assert.ok(Math.abs(sumOf(NO_MODEL, 4) - 3.5) < 0.1)
})

test('what lessons insist on passes the Junk line alone, however sure the model is of ham', () => {
  for (const odds of [0, -2, -6]) {
    const judged = judge(MAIL, sourcesOf(modelOf(odds), 4.05))
    assert.ok(pointsOf(judged, BOUNDS) >= 5, `${odds}: ${judged.sum}`)
  }
})

/** Much experience, and still much of the model. */
const SOME = { spam: 500, ham: 500 }
const judgedBy = (odds: number, taught: number) =>
  judge(MAIL, { ...sourcesOf(modelOf(odds), taught), siteTaught: SOME })

test('experience raises what mail may get for spam where lessons insist on it, and not where they only lean that way', () => {
  const [leaning, insisting] = [judgedBy(8.8, 1), judgedBy(1, 4)]
  assert.ok(leaning.sum > insisting.sum, `${leaning.sum} ${insisting.sum}`)
  assert.ok(pointsOf(leaning, BOUNDS) < BOUNDS.untaught.spam)
  assert.ok(pointsOf(insisting, BOUNDS) > 5)
})

test('what model and lessons say beyond doubt is heard, though lessons alone would not insist', () => {
  assert.ok(pointsOf(judgedBy(14, 0.5), BOUNDS) > 5)
})

test('what speaks for ham is raised by experience alone', () => {
  const judged = judgedBy(-6, -1)
  assert.equal(judged.insisted, 0)
  assert.equal(pointsOf(judged, BOUNDS), pointsOf({ ...judged, insisted: 1 }, BOUNDS))
})

test('lessons that say more never make fewer points', () => {
  const odds = fc.double({ min: -10, max: 15, noNaN: true })
  const taught = fc.double({ min: -6, max: 8, noNaN: true })
  const more = fc.double({ min: 0.01, max: 2, noNaN: true })
  fc.assert(
    fc.property(odds, taught, more, (of, said, further) => {
      assert.ok(pointsOf(judgedBy(of, said + further), BOUNDS) >= pointsOf(judgedBy(of, said), BOUNDS))
    }),
    { numRuns: 100 },
  )
})

test('untaught there is no doubt to add: the model is asked alone', () => {
  const { sum } = judge(MAIL, { model: modelOf(-2), site: new TaughtWeights(), siteTaught: { spam: 0, ham: 0 } })
  assert.ok(Math.abs(sum + 2) < 0.05, `${sum}`)
})

test('lessons that are taken back, in whatever order, leave the judgement of those that stay, to the last bit', () => {
  const amount = fc.double({ min: -24, max: 24, noNaN: true })
  const lesson = fc.record({ first: fc.nat(SPACE - WORDS - 1), amount, goes: fc.boolean(), turn: fc.nat() })
  fc.assert(
    fc.property(fc.array(lesson, { maxLength: 20 }), fc.double({ min: -6, max: 6, noNaN: true }), (lessons, odds) => {
      const [taught, never] = [new TaughtWeights(), new TaughtWeights()]
      for (const { first, amount } of lessons) taught.add(mail(first), amount)
      for (const { first, amount } of lessons.filter(({ goes }) => goes).toSorted((a, b) => a.turn - b.turn))
        taught.add(mail(first), -amount)
      for (const { first, amount, goes } of lessons) if (!goes) never.add(mail(first), amount)
      const model = modelOf(odds)
      for (const first of [1000, ...lessons.map(({ first }) => first)]) {
        const judged = (site: TaughtWeights) => judge(mail(first), { model, site, siteTaught: MUCH }, [MAIL])
        assert.deepEqual(judged(taught), judged(never))
      }
    }),
    { numRuns: 20 },
  )
})
