/**
 * Asks all rules about one message. What kinds of conditions there are, and what they mean, is the matter of conditions/: here they are tests.
 * A finding says which rule, how many points, and why.
 */
import type { Finding } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { Condition, Kind, Outcome, Prepared, Test } from './conditions/kind.js'
import type { Facts } from './facts.js'
import type { Rule } from './rule.js'

const MAX_FOUND = 60

interface Asking {
  readonly rule: Rule
  readonly test: Test
}

export class RuleSet {
  readonly rules: readonly Rule[]
  readonly #asking: readonly Asking[]
  readonly #before: readonly ((facts: Facts) => Promise<void>)[]

  constructor(rules: readonly Rule[]) {
    this.rules = rules
    const prepared = new Map<Kind, Prepared<unknown>>()
    const bind = ({ kind, own }: Condition): Test => prepared.get(kind)!.bind(own)
    for (const [kind, owns] of byKind(rules)) prepared.set(kind, kind.prepare(owns, bind))
    this.#asking = rules.map(rule => ({ rule, test: bind(rule.condition) }))
    this.#before = [...prepared.values()].flatMap(one => (one.before === undefined ? [] : [one.before.bind(one)]))
  }

  async evaluate(facts: Facts): Promise<readonly Finding[]> {
    for (const before of this.#before) await before(facts)
    const findings: Finding[] = []
    for (const { rule, test } of this.#asking) {
      const outcome = test(facts)
      if (outcome !== undefined) findings.push(findingOf(rule, outcome))
    }
    return findings
  }
}

function byKind(rules: readonly Rule[]): ReadonlyMap<Kind, readonly unknown[]> {
  const owns = new Map<Kind, unknown[]>()
  for (const { kind, own } of rules.flatMap(({ condition }) => withInner(condition))) {
    const there = owns.get(kind)
    if (there === undefined) owns.set(kind, [own])
    else there.push(own)
  }
  return owns
}

/** A condition and all that stand in it. */
function withInner(condition: Condition): readonly Condition[] {
  const { kind, own } = condition
  return [condition, ...(kind.inner?.(own) ?? []).flatMap(withInner)]
}

function findingOf({ name, points, says }: Rule, outcome: NonNullable<Outcome>): Finding {
  if (outcome.kind === 'unknown') return { name, points: 0, says: `Not known: ${printable(outcome.why, MAX_FOUND)}` }
  return {
    name,
    points: rounded(points * (outcome.times ?? 1)),
    says: says.replace('{found}', () => printable(outcome.text, MAX_FOUND)),
  }
}

/** In hundredths, as the sum is. */
function rounded(points: number): number {
  return Math.round(points * 100) / 100
}
