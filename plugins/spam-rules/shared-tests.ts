/**
 * Conditions that several rules share: each is asked once about a message, and the answer is kept for the others. What is read as the same condition is one
 * object (`Reading.once`), so that it is known by what it is.
 */
import type { Condition, Kind, Outcome, Test } from './conditions/kind.js'
import type { Facts } from './facts.js'

/** By the place of a condition; nothing: not asked yet, `null`: it does not hold. */
type Kept = (NonNullable<Outcome> | null)[]

export class SharedTests {
  readonly #uses = new Map<Condition, number>()
  readonly #tests = new Map<Condition, Test>()
  /** One for each condition that several ask. */
  #places = 0

  /** The conditions of all rules. */
  constructor(conditions: readonly Condition[]) {
    for (const one of conditions.flatMap(withInner)) this.#uses.set(one, (this.#uses.get(one) ?? 0) + 1)
  }

  of(condition: Condition, bind: (condition: Condition) => Test): Test {
    const there = this.#tests.get(condition)
    if (there !== undefined) return there
    const test = bind(condition)
    const made = this.#isShared(condition) ? this.#keeping(test) : test
    this.#tests.set(condition, made)
    return made
  }

  /** What has been found changes between two moments, so who looks at it is asked again. */
  #isShared(condition: Condition): boolean {
    return (this.#uses.get(condition) ?? 0) > 1 && !looksAtFindings(condition)
  }

  #keeping(test: Test): Test {
    const place = this.#places++
    return facts => {
      const kept = facts.once(this.#kept)
      const there = kept[place]
      if (there !== undefined) return there ?? undefined
      const outcome = test(facts)
      kept[place] = outcome ?? null
      return outcome
    }
  }

  readonly #kept = (_: Facts): Kept => []
}

/** A condition and all that stand in it. */
export function withInner(condition: Condition): readonly Condition[] {
  const { kind, own } = condition
  return [condition, ...(kind.inner?.(own) ?? []).flatMap(withInner)]
}

export function looksAtFindings(condition: Condition): boolean {
  return withInner(condition).some(({ kind }: { readonly kind: Kind }) => kind.late === true)
}
