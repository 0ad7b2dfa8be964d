/**
 * Anchors: mail of known kind that comes with the starting model, and stays known. A site that is taught by people who get no receipts learns what all their ham
 * has and spam has not, and then takes every receipt for spam. So what was taught is corrected by as little as leaves the anchors about where the starting
 * model has put them. The correction is a function of what was taught and nothing else: it is stored nowhere, and goes when a lesson goes. Pure.
 */
import type { Label } from './entry.js'
import type { Tokens } from './tokens/sink.js'
import { lengthOf, TaughtWeights } from './weights.js'

export interface Anchor {
  readonly label: Label
  readonly tokens: Tokens
}

/** An anchor is held where it was, or at odds of e to one, whichever is less … */
const MOST_GOAL = 1
/** … and by so much further while all of the starting model counts: a few lessons of ham are no reason to doubt all spam. It goes with the third power of what is left. */
const FURTHER_AT_FIRST = 2
/** The most that one counts: lessons that insist are heard. */
const MOST_AMOUNT = 20
const ROUNDS = 4
/** Who stands so far on its side at first is not looked at again. */
const FAR = 1
/** Smaller changes move nothing. */
const LEAST_CHANGE = 0.02
const LEAST_LENGTH = 0.05

interface Held {
  readonly tokens: Tokens
  readonly sign: 1 | -1
  /** By the starting model alone. */
  readonly given: number
  readonly length: number
}

export class Anchors {
  readonly #held: readonly Held[]

  constructor(anchors: readonly Anchor[], given: (tokens: Tokens) => number) {
    this.#held = anchors.map(({ label, tokens }) => {
      const sign = label === 'spam' ? 1 : -1
      const sum = given(tokens)
      return { tokens, sign, given: sum, length: lengthOf(tokens) }
    })
  }

  /** `left`: what is left of the starting model; `taught`: what lessons make of a mail. Nothing when all are where they should be. */
  correction(left: number, taught: (tokens: Tokens) => number, size?: number): TaughtWeights | undefined {
    const weights = new TaughtWeights(size)
    const amounts = new Float64Array(this.#held.length)
    const mostGoal = MOST_GOAL + FURTHER_AT_FIRST * left ** 3
    const goals = this.#held.map(({ sign, given }) => Math.min(mostGoal, sign * given))
    const bases = this.#held.map(({ tokens, given }) => left * given + taught(tokens))
    const near = [...this.#held.keys()].filter(at => {
      const { sign } = this.#held[at]!
      return sign * bases[at]! < goals[at]! + FAR
    })
    let moved = false
    for (let round = 0; round < ROUNDS; round++) {
      for (const at of near) {
        const { tokens, sign, length } = this.#held[at]!
        const missing = goals[at]! - sign * (bases[at]! + weights.sum(tokens))
        const next = amounts[at]! + missing / Math.max(LEAST_LENGTH, length)
        const change = Math.min(MOST_AMOUNT, Math.max(0, next)) - amounts[at]!
        if (Math.abs(change) < LEAST_CHANGE) continue
        weights.add(tokens, sign * change)
        amounts[at]! += change
        moved = true
      }
    }
    return moved ? weights : undefined
  }
}
