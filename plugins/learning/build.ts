/**
 * Makes the starting model out of mail of known kind: logistic regression on the tokens, trained one mail at a time with AdaGrad. Tokens of few mails
 * or few senders are left out before, and so is all that only one site can know; what remains says nothing of anybody.
 */
import type { Label } from './entry.js'
import type { ModelHeader } from './model.js'
import { inSomeOrder } from './order.js'
import { KINDS, OWN_KINDS, SHAPE, SPACE } from './tokens/kinds.js'
import type { Tokens } from './tokens/sink.js'
import { valuesOf } from './weights.js'

export interface Example {
  readonly source: string
  readonly label: Label
  /** Address of From; of invented mail, which letter it is. */
  readonly sender: string
  /** How often it counts. */
  readonly weight: number
  /** In each dress that it was looked at in. */
  readonly views: readonly Tokens[]
}

export const LEAST_MAILS = 4
export const LEAST_SENDERS = 4
const ROUNDS = 5
const RATE = 0.3
const BIAS_RATE = 0.02
const DECAY = 1e-4
const EASY = 1e-4

/** Without what the shipped model may not know. */
export function sharedTokens(tokens: Tokens): Tokens {
  return tokens.map((list, at) => (OWN_KINDS.has(KINDS[at]!) ? new Uint32Array() : list))
}

export function trainModel(
  examples: readonly Example[],
  made: string,
  terms: ReadonlyMap<string, string>,
): { readonly header: Omit<ModelHeader, 'scale'>; readonly weights: Float32Array } {
  const kept = tokensSeenWidely(examples)
  const { weights, bias } = descend(examples, kept)
  const sources = [...new Set(examples.map(({ source }) => source))].map(name => ({
    name,
    ham: examples.filter(({ source, label }) => source === name && label === 'ham').length,
    spam: examples.filter(({ source, label }) => source === name && label === 'spam').length,
    terms: terms.get(name) ?? 'not stated',
  }))
  const tokens = weights.reduce((sum, weight) => (weight === 0 ? sum : sum + 1), 0)
  const facts = { leastMails: LEAST_MAILS, leastSenders: LEAST_SENDERS, tokens, bias }
  return { header: { shape: SHAPE, made, sources, ...facts }, weights }
}

function tokensSeenWidely(examples: readonly Example[]): Uint8Array {
  const mails = new Uint32Array(SPACE)
  const senders: (Set<string> | undefined)[] = Array.from({ length: SPACE })
  for (const { views, sender } of examples) {
    // Other views have less.
    for (const token of new Set(views.flatMap(view => view.flatMap(list => [...list])))) {
      mails[token]!++
      const known = senders[token] ?? new Set()
      senders[token] = known
      if (known.size < LEAST_SENDERS) known.add(sender)
    }
  }
  return Uint8Array.from(mails, (count, token) =>
    count >= LEAST_MAILS && (senders[token]?.size ?? 0) >= LEAST_SENDERS ? 1 : 0,
  )
}

interface Descent {
  readonly weights: Float32Array
  readonly squares: Float32Array
  readonly kept: Uint8Array
  bias: number
}

function descend(examples: readonly Example[], kept: Uint8Array): { weights: Float32Array; bias: number } {
  const descent: Descent = {
    weights: new Float32Array(SPACE),
    squares: new Float32Array(SPACE).fill(0.01),
    kept,
    bias: 0,
  }
  const total = { spam: 0, ham: 0 }
  for (const { label, weight } of examples) total[label] += weight
  const each = (label: Label) => (total.spam + total.ham) / (2 * total[label])
  const seen = examples.flatMap(({ views, label, weight }) =>
    views.map(view => {
      const tokens = sharedTokens(view)
      return { label, tokens, values: valuesOf(tokens), weight: weight * each(label) }
    }),
  )
  for (let round = 0; round < ROUNDS; round++) {
    for (const example of inSomeOrder(seen, round + 1)) step(descent, example)
  }
  return descent
}

function step(
  descent: Descent,
  { label, tokens, values, weight }: { label: Label; tokens: Tokens; values: readonly number[]; weight: number },
): void {
  const { weights, squares, kept } = descent
  let sum = descent.bias
  for (const [at, value] of values.entries()) {
    let part = 0
    for (const token of tokens[at]!) part += weights[token]!
    sum += part * value
  }
  const error = (1 / (1 + Math.exp(-sum)) - (label === 'spam' ? 1 : 0)) * weight
  if (Math.abs(error) < EASY) return
  descent.bias -= BIAS_RATE * error
  for (const [at, value] of values.entries()) {
    for (const token of tokens[at]!) {
      if (kept[token] === 0) continue
      const gradient = error * value + DECAY * weights[token]!
      squares[token]! += gradient * gradient
      weights[token]! -= (RATE * gradient) / Math.sqrt(squares[token]!)
    }
  }
}
