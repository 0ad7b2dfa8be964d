/**
 * Asks all rules about one message. What kinds of conditions there are, and what they mean, is the matter of conditions/: here they are tests.
 * Twice: `score` asks those that look at the message alone, `weigh` those that look at findings as well, and makes discounts and caps.
 * A finding says which rule, how many points, and why.
 */
import type { Finding } from 'posthouse/api'
import { printable } from 'posthouse/text'
import { Awake } from './awake.js'
import type { Condition, Kind, Outcome, Prepared, Test } from './conditions/kind.js'
import type { Facts } from './facts.js'
import type { Guard } from './guard.js'
import { type Group, JUNK_LINE, type Rule } from './rule.js'
import { isFor } from './scope.js'
import { looksAtFindings, SharedTests, withInner } from './shared-tests.js'
import { type Discount, weighed } from './weigh.js'

/** A rule that holds, or of which that could not be known. */
export interface Hit {
  readonly rule: Rule
  readonly outcome: NonNullable<Outcome>
}

/** What the rules make of a message, from those that hold to caps and discounts. */
export interface Judgement {
  readonly hits: readonly Hit[]
  readonly findings: readonly Finding[]
}

interface Asking {
  readonly rule: Rule
  /** Its place among all rules. */
  readonly number: number
  readonly test: Test
}

type Before = (facts: Facts) => Promise<void>

const MAX_FOUND = 60
/** Rules that are asked before anybody looks at the clock, and how long they may take together. */
const AT_A_TIME = 5
const LONGEST_MS = 10
const MAX_EVIDENCE = 10
const MAX_PIECE = 300

export interface RuleParts {
  readonly rules: readonly Rule[]
  readonly groups: ReadonlyMap<string, Group>
  /** Ended with the set. */
  readonly guard: Guard
}

/** The rules as tests, with the tables they share: of words, letters, expressions. */
interface Tables {
  readonly tests: ReadonlyMap<Rule, Test>
  /** So many at a time. */
  readonly scoring: readonly (readonly Asking[])[]
  readonly weighing: readonly Asking[]
  readonly before: readonly Before[]
  readonly awake: Awake
}

export class RuleSet {
  readonly rules: readonly Rule[]
  readonly groups: ReadonlyMap<string, Group>
  readonly #guard: Guard
  #made: Tables | undefined

  constructor({ rules, groups, guard }: RuleParts) {
    this.rules = rules
    this.groups = groups
    this.#guard = guard
  }

  /** Makes the tables, unless they are there: 0.1 s in which nobody is served. Whoever is asked first makes them too. */
  prepare(): void {
    this.#made ??= tablesOf(this.rules)
  }

  get #tables(): Tables {
    this.prepare()
    return this.#made!
  }

  /** The rules that hold of those that look at the message alone. What they look at is found once, however many there are. */
  async hits(facts: Facts): Promise<readonly Hit[]> {
    const tables = this.#tables
    for (const before of tables.before) await before(facts)
    const hits: Hit[] = []
    let since = performance.now()
    const awake = facts.once(tables.awake.of)
    for (const some of tables.scoring) {
      addHits(hits, some, awake, facts)
      if (performance.now() - since < LONGEST_MS) continue
      // A mail made to be slow: the others are served in between.
      await new Promise(resolve => setImmediate(resolve))
      since = performance.now()
    }
    return hits
  }

  /** Those of the rest, which look at what has been found by all. */
  lateHits(facts: Facts, findings: readonly Finding[]): readonly Hit[] {
    const { weighing, awake } = this.#tables
    if (weighing.length === 0) return []
    facts.findings = findings
    const hits: Hit[] = []
    addHits(hits, weighing, facts.once(awake.of), facts)
    return hits
  }

  /** What one rule makes of a message, whoever it is for. */
  async outcome(rule: Rule, facts: Facts): Promise<Outcome> {
    if (isLate(rule)) facts.findings = [...facts.findings, ...(await this.score(facts))]
    else for (const before of this.#tables.before) await before(facts)
    return this.#tables.tests.get(rule)!(facts)
  }

  async score(facts: Facts): Promise<readonly Finding[]> {
    return findingsOf(await this.hits(facts))
  }

  /** `findings` are those of all plugins. Whoever calls has called `score` with the same facts. */
  weigh(facts: Facts, findings: readonly Finding[]): readonly Finding[] {
    return this.#follow(this.lateHits(facts, findings), findings)
  }

  /** Everything at once, where nobody else is asked. */
  async judge(facts: Facts): Promise<Judgement> {
    const hits = await this.hits(facts)
    const findings = [...facts.findings, ...findingsOf(hits)]
    const late = this.lateHits(facts, findings)
    return { hits: [...hits, ...late], findings: [...findings, ...this.#follow(late, findings)] }
  }

  async evaluate(facts: Facts): Promise<readonly Finding[]> {
    return (await this.judge(facts)).findings
  }

  dispose(): Promise<void> {
    return this.#guard.dispose()
  }

  #follow(late: readonly Hit[], findings: readonly Finding[]): readonly Finding[] {
    const more = findingsOf(late)
    return [...more, ...weighed([...findings, ...more], this.groups, discountsOf(late))]
  }
}

function tablesOf(rules: readonly Rule[]): Tables {
  const prepared = new Map<Kind, Prepared<unknown>>()
  const shared = new SharedTests(rules.map(({ condition }) => condition))
  const bind = (condition: Condition): Test => shared.of(condition, ({ kind, own }) => prepared.get(kind)!.bind(own))
  for (const [kind, owns] of byKind(rules)) prepared.set(kind, kind.prepare(owns, bind))
  const asking = rules.map((rule, number) => ({ rule, number, test: bind(rule.condition) }))
  const conditions = rules.map(({ condition }) => condition)
  return {
    tests: new Map(asking.map(({ rule, test }) => [rule, test])),
    scoring: portions(asking.filter(({ rule }) => !isLate(rule))),
    weighing: asking.filter(({ rule }) => isLate(rule)),
    before: [...prepared.values()].flatMap(one => (one.before === undefined ? [] : [one.before.bind(one)])),
    awake: new Awake(conditions, prepared),
  }
}

function portions(asking: readonly Asking[]): readonly (readonly Asking[])[] {
  const count = Math.ceil(asking.length / AT_A_TIME)
  return Array.from({ length: count }, (_, at) => asking.slice(at * AT_A_TIME, (at + 1) * AT_A_TIME))
}

function addHits(hits: Hit[], asking: readonly Asking[], awake: Uint8Array, facts: Facts): void {
  for (const { rule, number, test } of asking) {
    if (awake[number] === 0) continue
    const outcome = test(facts)
    if (outcome !== undefined && isFor(rule.scope, facts.session, facts.envelope)) hits.push({ rule, outcome })
  }
}

/** It can only be asked when all findings are there. */
function isLate({ effect, condition }: Rule): boolean {
  return effect.kind === 'discount' || looksAtFindings(condition)
}

function byKind(rules: readonly Rule[]): ReadonlyMap<Kind, readonly unknown[]> {
  const owns = new Map<Kind, Set<unknown>>()
  for (const { kind, own } of rules.flatMap(({ condition }) => withInner(condition))) {
    const there = owns.get(kind)
    if (there === undefined) owns.set(kind, new Set([own]))
    else there.add(own)
  }
  return new Map([...owns].map(([kind, different]) => [kind, [...different]]))
}

export function findingsOf(hits: readonly Hit[]): readonly Finding[] {
  return hits.flatMap(({ rule, outcome }) => {
    const { name, says, group } = rule
    if (outcome.kind === 'unknown')
      return [{ name, points: 0, says: `Not known: ${printable(outcome.why, MAX_PIECE)}` }]
    if (rule.effect.kind === 'discount') return []
    const points = worth(rule, rule.effect.points, outcome.times)
    return [
      {
        name,
        says: says.replaceAll('{found}', () => printable(outcome.text, MAX_FOUND)),
        ...(rule.shadow ? { points: 0, shadow: points } : { points }),
        ...(group !== undefined && { group }),
        ...(outcome.evidence !== undefined && { evidence: outcome.evidence.slice(0, MAX_EVIDENCE) }),
      },
    ]
  })
}

/** In hundredths, as the sum is. A rule of the package stays below the Junk line whatever its condition weighs. */
function worth({ shipped }: Rule, points: number, times = 1): number {
  const whole = Math.round(points * times * 100) / 100
  return shipped ? Math.min(whole, JUNK_LINE - 0.1) : whole
}

function discountsOf(hits: readonly Hit[]): readonly Discount[] {
  return hits.flatMap(({ rule: { name, says, effect, shadow }, outcome }) => {
    if (effect.kind !== 'discount' || outcome.kind !== 'found') return []
    const sentence = says.replaceAll('{found}', () => printable(outcome.text, MAX_FOUND))
    return [{ name, says: sentence, groups: effect.groups, percent: effect.percent, shadow }]
  })
}
