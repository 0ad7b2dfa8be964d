/**
 * Which rules can hold in a message at all. Most look for words, fields or files among other things, and of thousands of words a mail has a few dozen: so
 * rules are not asked one by one whether theirs are there, but those are woken that have some of each kind they need. All others are not touched.
 */
import type { Condition, Kind, Prepared } from './conditions/kind.js'
import type { Facts } from './facts.js'

type MayHold = NonNullable<Prepared<unknown>['mayHold']>

/** Of these at least one must be there. */
type Need = readonly unknown[]

export class Awake {
  /** By the number of a rule: its needs, by their numbers. Those of none can always hold. */
  readonly #needs: readonly Uint32Array[]
  /** What a condition is → the needs that it meets. */
  readonly #meets = new Map<unknown, number[]>()
  readonly #tellers: readonly MayHold[]
  #count = 0

  constructor(conditions: readonly Condition[], prepared: ReadonlyMap<Kind, Prepared<unknown>>) {
    this.#tellers = [...prepared.values()].flatMap(one => (one.mayHold === undefined ? [] : [one.mayHold.bind(one)]))
    this.#needs = conditions.map(one => Uint32Array.from(needsOf(one, prepared), need => this.#numbered(need)))
  }

  /** By the number of a rule: 0 where it does not hold. */
  readonly of = (facts: Facts): Uint8Array => {
    const met = new Uint8Array(this.#count)
    for (const mayHold of this.#tellers) {
      for (const own of mayHold(facts)) {
        const needs = this.#meets.get(own)
        if (needs !== undefined) for (const need of needs) met[need] = 1
      }
    }
    const awake = new Uint8Array(this.#needs.length)
    for (let rule = 0; rule < awake.length; rule++) if (areMet(this.#needs[rule]!, met)) awake[rule] = 1
    return awake
  }

  #numbered(need: Need): number {
    const number = this.#count++
    for (const own of need) {
      const there = this.#meets.get(own)
      if (there === undefined) this.#meets.set(own, [number])
      else there.push(number)
    }
    return number
  }
}

function areMet(needs: Uint32Array, met: Uint8Array): boolean {
  for (let at = 0; at < needs.length; at++) if (met[needs[at]!] === 0) return false
  return true
}

/** All of them must be met; none where nothing can be told. */
function needsOf({ kind, own }: Condition, prepared: ReadonlyMap<Kind, Prepared<unknown>>): readonly Need[] {
  if (prepared.get(kind)!.mayHold !== undefined) return [[own]]
  if (kind.joins === undefined) return []
  const inner = kind.inner!(own).map(one => needsOf(one, prepared))
  if (kind.joins === 'all') return inner.flat()
  // One of them may do, and of each its narrowest need must then be met.
  return inner.every(needs => needs.length > 0) ? [inner.flatMap(narrowest)] : []
}

function narrowest(needs: readonly Need[]): Need {
  return needs.reduce((least, need) => (need.length < least.length ? need : least))
}
