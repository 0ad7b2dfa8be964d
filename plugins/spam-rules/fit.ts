/**
 * Points fitted to mail whose kind is known: logistic regression over the rules that hold of each message, with what makes the result one that people
 * can stand behind. Points are pulled towards those that rules have (L2), so that a rule changes as far as there is evidence and no further; they keep
 * their sign and stay within bounds; the caps of groups are in the model; an honest mail near the line weighs many times as much as a spam.
 *
 * The loss of a message is ln(1 + e^d), where d is how far it is on the wrong side of the line, a margin included. Minimised by coordinates, one rule
 * after the other in their order with a bounded Newton step, until nothing moves: the same mail gives the same points, on any machine.
 * Pure; knows neither files nor mail.
 */

/** A rule with the points that it has, and those it may get. */
export interface Column {
  readonly name: string
  readonly points: number
  readonly least: number
  readonly most: number
  readonly group?: string
}

export interface Case {
  readonly spam: boolean
  /** Where it is from: a folder, a set. */
  readonly source: string
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Points of what is not fitted. */
  readonly fixed: number
  /** Rules that hold, by their place among the columns, and what their points are taken times. */
  readonly hits: readonly Hit[]
}

export interface Hit {
  readonly column: number
  readonly times: number
}

/** What a group may come to. */
export interface Bounds {
  readonly cap?: number
  readonly floor?: number
}

export interface Terms {
  readonly threshold: number
  /** What a point of change costs, squared, in messages that are undecided. */
  readonly pull: number
  /** What an honest message weighs against a spam. */
  readonly hamWeight: number
  /** How far from the line a message should be. */
  readonly margin: number
}

export const TERMS: Terms = { threshold: 5, pull: 4, hamWeight: 20, margin: 0.5 }

/** How sharply the loss turns, per point. */
const SLOPE = 1.5
const MOST_SWEEPS = 200
const STILL = 0.002
/** A Newton step may go far where the loss is flat. */
const LONGEST_STEP = 0.5

export function fitPoints(
  columns: readonly Column[],
  cases: readonly Case[],
  groups: ReadonlyMap<string, Bounds>,
  terms: Terms = TERMS,
): readonly number[] {
  const fit = new Fit(columns, cases, groups, terms)
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) if (fit.sweep() < STILL) break
  return fit.points
}

/** What a message comes to with these points. */
export function sumOf(
  one: Case,
  columns: readonly Column[],
  points: readonly number[],
  groups: ReadonlyMap<string, Bounds>,
): number {
  const sums = new Map<string, number>()
  let total = one.fixed
  for (const { column, times } of one.hits) {
    const { group } = columns[column]!
    if (group !== undefined && groups.has(group)) sums.set(group, (sums.get(group) ?? 0) + points[column]! * times)
    else total += points[column]! * times
  }
  for (const [group, sum] of sums) total += within(sum, groups.get(group))
  return Math.round(total * 100) / 100
}

function within(sum: number, bounds: Bounds | undefined): number {
  return Math.max(bounds?.floor ?? -Infinity, Math.min(bounds?.cap ?? Infinity, sum))
}

class Fit {
  readonly points: number[]
  readonly #columns: readonly Column[]
  readonly #cases: readonly Case[]
  readonly #terms: Terms
  /** Column → the messages that its rule holds of. */
  readonly #hits: readonly { readonly at: number; readonly times: number }[][]
  /** Message → what everything comes to. */
  readonly #sums: Float64Array
  /** Group with bounds → message → what it comes to before them. */
  readonly #grouped: ReadonlyMap<string, { readonly bounds: Bounds; readonly sums: Float64Array }>

  constructor(columns: readonly Column[], cases: readonly Case[], groups: ReadonlyMap<string, Bounds>, terms: Terms) {
    this.#columns = columns
    this.#cases = cases
    this.#terms = terms
    this.points = columns.map(({ points, least, most }) => Math.max(least, Math.min(most, points)))
    this.#hits = columns.map(() => [])
    const bounded = [...groups].filter(([, { cap, floor }]) => cap !== undefined || floor !== undefined)
    this.#grouped = new Map(bounded.map(([name, bounds]) => [name, { bounds, sums: new Float64Array(cases.length) }]))
    this.#sums = Float64Array.from(cases, ({ fixed }) => fixed)
    for (const [at, { hits }] of cases.entries()) {
      for (const { column, times } of hits) {
        this.#hits[column]!.push({ at, times })
        this.#add(column, at, this.points[column]! * times)
      }
    }
  }

  /** All columns once; how far the one that moved most has moved. */
  sweep(): number {
    let furthest = 0
    for (const column of this.#columns.keys()) {
      const step = this.#step(column)
      if (step === 0) continue
      this.points[column]! += step
      for (const { at, times } of this.#hits[column]!) this.#add(column, at, step * times)
      furthest = Math.max(furthest, Math.abs(step))
    }
    return furthest
  }

  #step(column: number): number {
    const { points, least, most } = this.#columns[column]!
    const now = this.points[column]!
    const { pull } = this.#terms
    let slope = pull * 2 * (now - points)
    let curve = pull * 2
    for (const { at, times } of this.#hits[column]!) {
      if (this.#isBound(column, at)) continue
      const { first, second } = this.#loss(at)
      slope += first * times
      curve += second * times * times
    }
    const step = Math.max(-LONGEST_STEP, Math.min(LONGEST_STEP, -slope / curve))
    return Math.max(least, Math.min(most, now + step)) - now
  }

  /** Derivatives of a message's loss by its sum. */
  #loss(at: number): { readonly first: number; readonly second: number } {
    const { threshold, margin, hamWeight } = this.#terms
    const { spam } = this.#cases[at]!
    const wrong = spam ? threshold + margin - this.#sums[at]! : this.#sums[at]! - (threshold - margin)
    const share = 1 / (1 + Math.exp(-SLOPE * wrong))
    const weight = spam ? 1 : hamWeight
    return {
      first: (spam ? -1 : 1) * weight * SLOPE * share,
      second: weight * SLOPE * SLOPE * share * (1 - share),
    }
  }

  /** Its group is at a bound: a little more or less changes nothing. */
  #isBound(column: number, at: number): boolean {
    const grouped = this.#groupOf(column)
    if (grouped === undefined) return false
    const sum = grouped.sums[at]!
    return sum > (grouped.bounds.cap ?? Infinity) || sum < (grouped.bounds.floor ?? -Infinity)
  }

  #add(column: number, at: number, points: number): void {
    const grouped = this.#groupOf(column)
    if (grouped === undefined) {
      this.#sums[at]! += points
      return
    }
    const before = grouped.sums[at]!
    grouped.sums[at] = before + points
    this.#sums[at]! += within(before + points, grouped.bounds) - within(before, grouped.bounds)
  }

  #groupOf(column: number) {
    const { group } = this.#columns[column]!
    return group === undefined ? undefined : this.#grouped.get(group)
  }
}
