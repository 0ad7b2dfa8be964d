/**
 * The key `matches`: regular expressions. One that is known to come to an end soon runs here and now. Those of admins that are not run in a thread
 * with a limit (guard.ts), before any test is asked; a shipped one is refused.
 */
import type { YamlPath } from 'posthouse/api'
import { compilePattern, isCheap, notAPattern, type PatternUse, refusePattern } from 'posthouse/text'
import type { Facts } from '../facts.js'
import type { Guard } from '../guard.js'
import { foundOr, type Outcome, type Reader } from './kind.js'

export interface Pattern {
  exec(facts: Facts, input: string): Outcome
  /** Has to be run before, and by whom. */
  readonly guarded?: Guarded
}

interface Guarded {
  readonly source: string
  readonly guard: Guard
  /** What it has found in each text of a message: nothing so far. */
  readonly outcomes: () => Map<string, Outcome>
}

export function readPattern(
  source: string,
  use: PatternUse,
  reader: Reader,
  at: YamlPath = ['matches'],
): Pattern | undefined {
  const wrong = notAPattern(source)
  if (wrong !== undefined) return reader.wrong(at, wrong)
  if (!reader.trusted) return isCheap(source, use) ? inline(source) : guarded(source, reader.guard)
  const refused = refusePattern(source, use)
  return refused === undefined ? inline(source) : reader.wrong(at, refused)
}

function inline(source: string): Pattern {
  const pattern = compilePattern(source)
  return { exec: (_, input) => foundOr(pattern.exec(input)?.[0]) }
}

function guarded(source: string, guard: Guard): Pattern {
  const outcomes = () => new Map<string, Outcome>()
  return { guarded: { source, guard, outcomes }, exec: (facts, input) => facts.once(outcomes).get(input) }
}

/** What `before` of a kind with patterns is: nothing when none of them needs it. */
export function runGuarded<Own>(
  all: readonly Own[],
  patternOf: (own: Own) => Pattern | undefined,
  inputsOf: (own: Own, facts: Facts) => readonly string[],
): { before?(facts: Facts): Promise<void> } {
  const needing = all.flatMap(own => {
    const pattern = patternOf(own)
    return pattern?.guarded === undefined ? [] : [{ own, guarded: pattern.guarded }]
  })
  const [first] = needing
  if (first === undefined) return {}
  return {
    async before(facts) {
      const jobs = needing.flatMap(({ own, guarded: { source, outcomes } }) =>
        inputsOf(own, facts).map(input => ({ pattern: source, input, into: facts.once(outcomes) })),
      )
      const outcomes = await first.guarded.guard.run(jobs.map(({ pattern, input }) => ({ pattern, input })))
      for (const [i, { input, into }] of jobs.entries()) into.set(input, outcomes[i])
    },
  }
}
