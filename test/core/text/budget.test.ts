/** Budgets: what is granted when, for how long one waits, and that no history gets more than the limit out of any window. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type BudgetTerms, spendFrom } from '../../../core/text/index.js'

const MINUTE = 60_000
const NOW = Date.UTC(2026, 10, 21)

/** One spender: keeps what it is given to keep. */
class Purse {
  kept: string | undefined
  constructor(readonly terms: BudgetTerms) {}
  spend(amount: number, now: number) {
    const spending = spendFrom(this.kept, amount, this.terms, now)
    if (spending.keep !== undefined) this.kept = spending.keep.value
    return { granted: spending.granted, used: spending.used, waitMs: spending.waitMs }
  }
}

const STORIES: readonly {
  readonly says: string
  readonly limit: number
  readonly steps: readonly (readonly [at: number, amount: number, granted: boolean, used: number, waitMs: number])[]
}[] = [
  {
    says: 'what fits is granted',
    limit: 3,
    steps: [
      [0, 1, true, 1, 0],
      [10, 2, true, 3, 0],
    ],
  },
  {
    says: 'what does not fit takes nothing and waits until enough has left the window',
    limit: 3,
    steps: [
      [0, 2, true, 2, 0],
      [100, 1, true, 3, 0],
      [200, 1, false, 3, MINUTE - 200],
      [300, 3, false, 3, MINUTE - 200],
    ],
  },
  {
    says: 'what was spent a whole window ago counts no more, and a moment earlier it does',
    limit: 1,
    steps: [
      [0, 1, true, 1, 0],
      [MINUTE - 1, 1, false, 1, 1],
      [MINUTE, 1, true, 1, 0],
    ],
  },
  {
    says: 'asking for 0 takes nothing',
    limit: 3,
    steps: [
      [0, 2, true, 2, 0],
      [1, 0, true, 2, 0],
      [2, 0, true, 2, 0],
    ],
  },
  { says: 'more than the limit is never granted', limit: 3, steps: [[0, 4, false, 0, Number.POSITIVE_INFINITY]] },
  {
    says: 'a limit of 0 grants nothing',
    limit: 0,
    steps: [
      [0, 1, false, 0, Number.POSITIVE_INFINITY],
      [0, 0, true, 0, 0],
    ],
  },
  {
    says: 'what is given back can be spent again, the last first, and never makes a credit',
    limit: 3,
    steps: [
      [0, 1, true, 1, 0],
      [100, 2, true, 3, 0],
      [150, -2, true, 1, 0],
      [MINUTE, -5, true, 0, 0],
      [MINUTE, 4, false, 0, Number.POSITIVE_INFINITY],
    ],
  },
  {
    says: 'a worker whose clock reading is a little older does not lose its spending',
    limit: 2,
    steps: [
      [10, 1, true, 1, 0],
      [9, 1, true, 2, 0],
      [9, 1, false, 2, MINUTE + 1],
      [MINUTE + 9, 2, false, 2, 1],
      [MINUTE + 10, 2, true, 2, 0],
    ],
  },
  {
    says: 'a clock set back by more than a window locks nobody out',
    limit: 1,
    steps: [
      [3 * MINUTE, 1, true, 1, 0],
      [0, 1, true, 1, 0],
    ],
  },
  {
    says: 'a clock set back by less than a window makes one wait two windows at most',
    limit: 1,
    steps: [
      [MINUTE - 1, 1, true, 1, 0],
      [0, 1, false, 1, 2 * MINUTE - 1],
      [2 * MINUTE - 1, 1, true, 1, 0],
    ],
  },
]

for (const { says, limit, steps } of STORIES) {
  test(says, () => {
    const purse = new Purse({ limit, windowMs: MINUTE })
    for (const [at, amount, granted, used, waitMs] of steps)
      assert.deepEqual(purse.spend(amount, NOW + at), { granted, used, waitMs }, `${amount} at ${at}`)
  })
}

for (const kept of ['', 'nonsense', '1 2 3 x', '5 -1', '-5 1', 'Infinity 1', `${NOW} Infinity`, ' ']) {
  test(`${JSON.stringify(kept)} as what was kept counts as nothing`, () => {
    assert.equal(spendFrom(kept, 1, { limit: 1, windowMs: MINUTE }, NOW).granted, true)
  })
}

test('an amount that is no number is a bug and said so', () => {
  for (const amount of [Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => spendFrom(undefined, amount, { limit: 1, windowMs: MINUTE }, NOW), RangeError)
})

test('what is kept stays short however often is spent, and is kept until it counts no more', () => {
  const terms = { limit: 1e9, windowMs: MINUTE }
  let kept: string | undefined
  for (let at = 0; at < 10 * MINUTE; at += 50) {
    const { keep } = spendFrom(kept, 1, terms, NOW + at)
    kept = keep!.value
    assert.ok(kept.length <= 220, kept)
    assert.ok(keep!.expires >= NOW + at + MINUTE && keep!.expires <= NOW + at + MINUTE * 1.25)
  }
})

const history = fc.array(fc.record({ pause: fc.nat(700), amount: fc.integer({ min: 1, max: 6 }) }), {
  minLength: 1,
  maxLength: 120,
})
const terms = fc.record({ limit: fc.integer({ min: 1, max: 20 }), windowMs: fc.integer({ min: 1, max: 3000 }) })

test('no window of any history holds more than the limit', () => {
  fc.assert(
    fc.property(terms, history, (terms, steps) => {
      const purse = new Purse(terms)
      const spent: { at: number; amount: number }[] = []
      let now = NOW
      for (const { pause, amount } of steps) {
        now += pause
        if (purse.spend(amount, now).granted) spent.push({ at: now, amount })
        const inWindow = spent.filter(one => one.at > now - terms.windowMs).reduce((sum, one) => sum + one.amount, 0)
        assert.ok(inWindow <= terms.limit, `${inWindow} of ${terms.limit}`)
      }
    }),
  )
})

test('after the wait as much is granted, and a millisecond before it is not', () => {
  fc.assert(
    fc.property(terms, history, (terms, steps) => {
      const purse = new Purse(terms)
      let now = NOW
      for (const { pause, amount } of steps) {
        now += pause
        const { granted, waitMs } = purse.spend(amount, now)
        if (granted || waitMs === Number.POSITIVE_INFINITY) continue
        assert.equal(spendFrom(purse.kept, amount, terms, now + waitMs).granted, true)
        assert.equal(spendFrom(purse.kept, amount, terms, now + waitMs - 1).granted, false)
      }
    }),
  )
})

test('nobody waits longer than a window, and a sixteenth longer than an exact log would have it', () => {
  fc.assert(
    fc.property(terms, history, ({ limit, windowMs }, steps) => {
      const purse = new Purse({ limit, windowMs })
      const spent: { at: number; amount: number }[] = []
      let now = NOW
      for (const { pause, amount } of steps) {
        now += pause
        const { granted, waitMs } = purse.spend(amount, now)
        if (granted) spent.push({ at: now, amount })
        else if (amount <= limit) {
          assert.ok(waitMs <= windowMs)
          const later = now + waitMs - Math.ceil(windowMs / 16) - 1
          const counting = spent.filter(one => one.at > later - windowMs).reduce((sum, one) => sum + one.amount, 0)
          assert.ok(later < now || counting + amount > limit)
        }
      }
    }),
  )
})
