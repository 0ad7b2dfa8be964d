/**
 * `all`, `any`, `not`: conditions made of conditions. What is not known stays not known unless the others decide: "none of these" does not
 * hold where one of them could not be found out.
 */
import {
  type Condition,
  type Found,
  found,
  type Kind,
  type Outcome,
  type Raw,
  type Test,
  type Unknown,
} from './kind.js'

type Name = 'all' | 'any' | 'not'
type Many = readonly Condition[]
type RawMany = { readonly [K in Name]?: readonly Raw[] }

export const all = composite('all', 'all of these conditions', every)
export const any = composite('any', 'one of these conditions', one)
export const not = composite('not', 'none of these conditions', none)

export const COMPOSITES: readonly Kind<Many, RawMany>[] = [all, any, not]

function composite(name: Name, description: string, join: (tests: readonly Placed[]) => Test): Kind<Many, RawMany> {
  return {
    name,
    // What stands in it is more of the same, and filled in by schema.ts.
    key: { type: 'array', minItems: 1, maxItems: 50, description },
    companions: {},
    read(raw, reader) {
      const read = raw[name]!.map((inner, index) => reader.inner([name, index], inner))
      return read.every(condition => condition !== undefined) ? read : undefined
    },
    inner: many => many,
    ...(name !== 'not' && { joins: name }),
    prepare: (_, bind) => ({ bind: many => join(cheapFirst(many, bind)) }),
  }
}

interface Placed {
  /** Where it stands in the file. */
  readonly at: number
  readonly test: Test
}

function cheapFirst(many: Many, bind: (condition: Condition) => Test): readonly Placed[] {
  return many
    .map((condition, at) => ({ at, cost: costOf(condition), test: bind(condition) }))
    .sort((a, b) => a.cost - b.cost || a.at - b.at)
}

function costOf({ kind, own }: Condition): number {
  return kind.cost ?? Math.max(1, ...(kind.inner?.(own) ?? []).map(costOf))
}

function every(tests: readonly Placed[]): Test {
  return facts => {
    const here: Found[] = new Array(tests.length)
    let unknown: Unknown | undefined
    for (const { at, test } of tests) {
      const outcome = test(facts)
      if (outcome === undefined) return undefined
      if (outcome.kind === 'unknown') unknown ??= outcome
      else here[at] = outcome
    }
    return unknown ?? together(here)
  }
}

function one(tests: readonly Placed[]): Test {
  return facts => {
    let unknown: Unknown | undefined
    for (const { test } of tests) {
      const outcome = test(facts)
      if (outcome?.kind === 'found') return outcome
      unknown ??= outcome
    }
    return unknown
  }
}

function none(tests: readonly Placed[]): Test {
  const any = one(tests)
  return facts => {
    const outcome: Outcome = any(facts)
    if (outcome === undefined) return found('')
    return outcome.kind === 'unknown' ? outcome : undefined
  }
}

function together(parts: readonly Found[]): Found {
  const shown = parts.filter(({ text }) => text !== '').slice(0, 2)
  const evidence = parts.flatMap(part => part.evidence ?? [])
  const times = parts.reduce((most, part) => Math.max(most, part.times ?? 0), 0)
  return {
    kind: 'found',
    text: shown.map(({ text }) => text).join('; '),
    ...(evidence.length > 0 && { evidence }),
    ...(times > 0 && { times }),
  }
}
