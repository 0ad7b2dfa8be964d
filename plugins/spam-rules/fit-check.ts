/**
 * What fitted points are worth on mail that they have not seen: the mail is parted, the points are fitted without one part and tried on it, each part in
 * turn. By source (mail of tomorrow comes from elsewhere), by time (earlier mail predicts later), or by chance. Pure.
 */
import { type Bounds, type Case, type Column, fitPoints, sumOf, type Terms } from './fit.js'

export const PARTINGS = ['source', 'time', 'chance'] as const
export type Parting = (typeof PARTINGS)[number]

export interface Errors {
  readonly ham: number
  readonly falsePositives: number
  readonly spam: number
  readonly falseNegatives: number
}

export interface Part {
  readonly name: string
  readonly before: Errors
  readonly after: Errors
}

interface Fold {
  readonly name: string
  readonly learn: readonly Case[]
  readonly tried: readonly Case[]
}

const PARTS = 5

export interface CheckWish {
  readonly columns: readonly Column[]
  readonly cases: readonly Case[]
  readonly groups: ReadonlyMap<string, Bounds>
  readonly terms: Terms
}

/** None when the mail cannot be parted so: there is one source only. */
export function checkFit(by: Parting, { columns, cases, groups, terms }: CheckWish): readonly Part[] {
  const shipped = columns.map(({ points }) => points)
  return foldsOf(by, cases).map(({ name, learn, tried }) => {
    const points = rounded(fitPoints(columns, learn, groups, terms))
    const errors = (given: readonly number[]) =>
      errorsOf(tried, one => sumOf(one, columns, given, groups), terms.threshold)
    return { name, before: errors(shipped), after: errors(points) }
  })
}

/** As they will stand in a file. */
export function rounded(points: readonly number[]): readonly number[] {
  return points.map(one => Math.round(one * 10) / 10 + 0)
}

export function errorsOf(cases: readonly Case[], sum: (one: Case) => number, threshold: number): Errors {
  const errors = { ham: 0, falsePositives: 0, spam: 0, falseNegatives: 0 }
  for (const one of cases) {
    const over = sum(one) >= threshold
    if (one.spam) {
      errors.spam++
      if (!over) errors.falseNegatives++
    } else {
      errors.ham++
      if (over) errors.falsePositives++
    }
  }
  return errors
}

function foldsOf(by: Parting, cases: readonly Case[]): readonly Fold[] {
  switch (by) {
    case 'source':
      return bySource(cases)
    case 'time':
      return byTime(cases)
    case 'chance':
      return byChance(cases)
  }
}

function bySource(cases: readonly Case[]): readonly Fold[] {
  const sources = [...new Set(cases.map(({ source }) => source))].sort()
  if (sources.length < 2) return []
  return sources.map(name => ({
    name: `without ${name}`,
    learn: cases.filter(({ source }) => source !== name),
    tried: cases.filter(({ source }) => source === name),
  }))
}

/** Of five parts of the same size each but the first is told by those before it. */
function byTime(cases: readonly Case[]): readonly Fold[] {
  const sorted = [...cases].sort((a, b) => a.at - b.at)
  const cut = (part: number) => Math.floor((part * sorted.length) / PARTS)
  return Array.from({ length: PARTS - 1 }, (_, i) => {
    const tried = sorted.slice(cut(i + 1), cut(i + 2))
    const day = (one: Case | undefined) => (one === undefined ? '' : new Date(one.at).toISOString().slice(0, 10))
    return { name: `${day(tried[0])} to ${day(tried.at(-1))}`, learn: sorted.slice(0, cut(i + 1)), tried }
  })
}

function byChance(cases: readonly Case[]): readonly Fold[] {
  return Array.from({ length: PARTS }, (_, part) => ({
    name: `part ${part + 1} of ${PARTS}`,
    learn: cases.filter((_, at) => at % PARTS !== part),
    tried: cases.filter((_, at) => at % PARTS === part),
  }))
}
