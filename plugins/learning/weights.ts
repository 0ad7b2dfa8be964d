/**
 * What a mail is worth by weights of tokens. Taught weights are whole numbers, so that taking away what was added leaves exactly what was there
 * before, in any order.
 */
import { KINDS, SPACE, tokenValue } from './tokens/kinds.js'
import type { Tokens } from './tokens/sink.js'

/** One, in whole numbers. */
const UNIT = 65_536

/** What each kind's tokens count in this mail, in the order of `KINDS`. */
export function valuesOf(tokens: Tokens): readonly number[] {
  return KINDS.map((kind, at) => tokenValue(kind, tokens[at]!.length))
}

/** The square of the mail's length: at most 1. How much teaching a mail moves its own verdict. */
export function lengthOf(tokens: Tokens): number {
  return valuesOf(tokens).reduce((sum, value, at) => sum + value ** 2 * tokens[at]!.length, 0)
}

export class TaughtWeights {
  readonly #weights: Int32Array
  readonly #mask: number
  #used = false

  /** `size` is a power of two; a smaller one folds tokens onto each other. */
  constructor(size = SPACE) {
    this.#weights = new Int32Array(size)
    this.#mask = size - 1
  }

  /** Adds a mail as often as `amount` says; the same with minus takes it away. */
  add(tokens: Tokens, amount: number): void {
    const sign = Math.sign(amount)
    this.#used = true
    for (const [at, value] of valuesOf(tokens).entries()) {
      // Rounded without its sign: what is added and what is taken away are the same.
      const step = sign * Math.round(Math.abs(amount) * value * UNIT)
      for (const token of tokens[at]!) this.#weights[token & this.#mask]! += step
    }
  }

  /** It was taught something, be it taken back since. */
  get isUsed(): boolean {
    return this.#used
  }

  sum(tokens: Tokens): number {
    // Most sites have taught nothing yet.
    if (!this.#used) return 0
    const [weights, mask, values] = [this.#weights, this.#mask, valuesOf(tokens)]
    let sum = 0
    for (let kind = 0; kind < values.length; kind++) {
      const list = tokens[kind]!
      let part = 0
      for (let at = 0; at < list.length; at++) part += weights[list[at]! & mask]!
      sum += part * values[kind]!
    }
    return sum / UNIT
  }

  of(token: number): number {
    return this.#weights[token & this.#mask]! / UNIT
  }

  isEmpty(): boolean {
    return this.#weights.every(weight => weight === 0)
  }
}
