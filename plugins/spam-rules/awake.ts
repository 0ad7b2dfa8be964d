/**
 * Which rules can hold in a message at all. Most look for words among other things, and of thousands of words a mail has a few dozen: so rules are not
 * asked one by one whether theirs are there, but those are woken that have some. All others are not touched.
 */
import type { Condition, Kind, Prepared } from './conditions/kind.js'
import type { Facts } from './facts.js'

type MayHold = NonNullable<Prepared<unknown>['mayHold']>

export class Awake {
  /** By the number of a rule: 1 where nothing can be told of it beforehand. */
  readonly #always: Uint8Array
  /** What a condition is → the rules that cannot hold without it, unless another of theirs does. */
  readonly #wakes = new Map<unknown, readonly number[]>()
  readonly #tellers: readonly MayHold[]

  constructor(conditions: readonly Condition[], prepared: ReadonlyMap<Kind, Prepared<unknown>>) {
    this.#always = new Uint8Array(conditions.length)
    this.#tellers = [...prepared.values()].flatMap(one => (one.mayHold === undefined ? [] : [one.mayHold.bind(one)]))
    conditions.forEach((condition, rule) => {
      const needs = needsOf(condition, prepared)
      if (needs === undefined) this.#always[rule] = 1
      else for (const own of needs) this.#wakes.set(own, [...(this.#wakes.get(own) ?? []), rule])
    })
  }

  /** By the number of a rule: 0 where it does not hold. */
  readonly of = (facts: Facts): Uint8Array => {
    const awake = this.#always.slice()
    for (const mayHold of this.#tellers) {
      for (const own of mayHold(facts)) {
        const rules = this.#wakes.get(own)
        if (rules !== undefined) for (const rule of rules) awake[rule] = 1
      }
    }
    return awake
  }
}

/** One of these must hold; nothing where that cannot be told. Of several that are all needed, the fewest. */
function needsOf(
  { kind, own }: Condition,
  prepared: ReadonlyMap<Kind, Prepared<unknown>>,
): readonly unknown[] | undefined {
  if (prepared.get(kind)!.mayHold !== undefined) return [own]
  if (kind.joins === undefined) return undefined
  const needs = kind.inner!(own).map(inner => needsOf(inner, prepared))
  const told = needs.filter(one => one !== undefined)
  if (kind.joins === 'any') return told.length === needs.length ? told.flat() : undefined
  return told.sort((a, b) => a.length - b.length)[0]
}
