/** What rules say of a message where each is asked by itself: no answer is shared, and nobody is left asleep. */
import type { Condition, Kind, Outcome, Prepared, Test } from '../../../plugins/spam-rules/conditions/kind.js'
import { findingsOf, type Hit, type RuleSet } from '../../../plugins/spam-rules/evaluate.js'
import type { Facts } from '../../../plugins/spam-rules/facts.js'
import type { Rule } from '../../../plugins/spam-rules/rule.js'
import { isFor } from '../../../plugins/spam-rules/scope.js'

export interface Said {
  readonly name: string
  readonly outcome: NonNullable<Outcome>
}

export function plainly({ rules }: RuleSet): (facts: Facts) => Promise<readonly Said[]> {
  const all = rules.flatMap(({ condition }) => within(condition))
  const prepared = new Map<Kind, Prepared<unknown>>()
  const bind = ({ kind, own }: Condition): Test => prepared.get(kind)!.bind(own)
  for (const kind of new Set(all.map(one => one.kind))) {
    const owns = all.filter(one => one.kind === kind).map(({ own }) => own)
    prepared.set(kind, kind.prepare(owns, bind))
  }
  const tests = rules.map(rule => ({ rule, test: bind(rule.condition) }))
  const hitsOf = (late: boolean, facts: Facts): readonly Hit[] =>
    tests.flatMap(({ rule, test }) => {
      if (isLate(rule) !== late || !isFor(rule.scope, facts.session, facts.envelope)) return []
      const outcome = test(facts)
      return outcome === undefined ? [] : [{ rule, outcome }]
    })
  return async facts => {
    for (const one of prepared.values()) await one.before?.(facts)
    const hits = hitsOf(false, facts)
    facts.findings = [...facts.findings, ...findingsOf(hits)]
    return said([...hits, ...hitsOf(true, facts)])
  }
}

export function said(hits: readonly Hit[]): readonly Said[] {
  return hits.map(({ rule: { name }, outcome }) => ({ name, outcome }))
}

function isLate({ condition, effect }: Rule): boolean {
  return effect.kind === 'discount' || within(condition).some(({ kind }) => kind.late === true)
}

function within(condition: Condition): readonly Condition[] {
  return [condition, ...(condition.kind.inner?.(condition.own) ?? []).flatMap(within)]
}
