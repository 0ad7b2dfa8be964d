/**
 * What is made of verdicts: how many are wrong, how well sums separate, and what each group of rules adds. Pure; shares in per cent.
 */
import type { Label } from './sets.js'

export interface Result {
  readonly set: string
  readonly label: Label
  readonly id: string
  /** When it came, in milliseconds since the epoch. */
  readonly at: number
  readonly year: number
  readonly sum: number
  readonly findings: readonly { readonly name: string; readonly points: number; readonly group: string }[]
}

export interface Errors {
  readonly ham: number
  readonly falsePositives: number
  readonly spam: number
  readonly falseNegatives: number
  /** 1 − the area under the ROC curve: how often a spam has fewer points than a ham, both drawn at random. `undefined` without both. */
  readonly oneMinusAuc: number | undefined
}

export function errorsOf(results: readonly Pick<Result, 'label' | 'sum'>[], threshold: number): Errors {
  const ham = results.filter(({ label }) => label === 'ham')
  const spam = results.filter(({ label }) => label === 'spam')
  return {
    ham: ham.length,
    falsePositives: ham.filter(({ sum }) => sum >= threshold).length,
    spam: spam.length,
    falseNegatives: spam.filter(({ sum }) => sum < threshold).length,
    oneMinusAuc: oneMinusAuc(
      ham.map(({ sum }) => sum),
      spam.map(({ sum }) => sum),
    ),
  }
}

/** By ranks; the same sum on both sides counts half. */
export function oneMinusAuc(ham: readonly number[], spam: readonly number[]): number | undefined {
  if (ham.length === 0 || spam.length === 0) return undefined
  const sorted = [...ham].sort((a, b) => a - b)
  let wrong = 0
  for (const sum of spam) {
    const notAbove = countUpTo(sorted, sum, true)
    const below = countUpTo(sorted, sum, false)
    wrong += ham.length - notAbove + (notAbove - below) / 2
  }
  return wrong / (ham.length * spam.length)
}

function countUpTo(sorted: readonly number[], limit: number, including: boolean): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    const value = sorted[middle]!
    if (value < limit || (including && value === limit)) from = middle + 1
    else to = middle
  }
  return from
}

/** Share of these with at least so many points. */
export function shareFrom(results: readonly Pick<Result, 'sum'>[], line: number): number {
  return results.length === 0 ? 0 : results.filter(({ sum }) => sum >= line).length / results.length
}

export interface GroupFigures {
  readonly group: string
  readonly hamHit: number
  readonly spamHit: number
  /** Mean points on the spam that it hits. */
  readonly points: number
  /** What falls away when the group is left out. */
  readonly falsePositivesLess: number
  readonly falseNegativesMore: number
}

/** Leaving a group out leaves out its caps and discounts too, as they are findings of the group. */
export function groupFigures(results: readonly Result[], threshold: number): readonly GroupFigures[] {
  const groups = new Set(results.flatMap(({ findings }) => findings.map(({ group }) => group)))
  const whole = errorsOf(results, threshold)
  const figures = [...groups].map(group => {
    const own = (result: Result) => result.findings.filter(one => one.group === group)
    const hit = results.filter(result => own(result).some(({ points }) => points !== 0))
    const spamHit = hit.filter(({ label }) => label === 'spam')
    const points = spamHit.reduce((total, result) => total + pointsOf(own(result)), 0)
    const without = results.map(result => ({
      label: result.label,
      sum: Math.round((result.sum - pointsOf(own(result))) * 100) / 100,
    }))
    const errors = errorsOf(without, threshold)
    return {
      group,
      hamHit: hit.length - spamHit.length,
      spamHit: spamHit.length,
      points: spamHit.length === 0 ? 0 : points / spamHit.length,
      falsePositivesLess: whole.falsePositives - errors.falsePositives,
      falseNegativesMore: errors.falseNegatives - whole.falseNegatives,
    }
  })
  return figures.sort((a, b) => b.falseNegativesMore - a.falseNegativesMore || (a.group < b.group ? -1 : 1))
}

function pointsOf(findings: Result['findings']): number {
  return findings.reduce((total, { points }) => total + points, 0)
}

/** How many messages of each kind, by name of a rule: those that stand out among the wrong ones. */
export function hitsOf(
  results: readonly Result[],
): ReadonlyMap<string, { readonly ham: number; readonly spam: number }> {
  const hits = new Map<string, { ham: number; spam: number }>()
  for (const { label, findings } of results) {
    for (const name of new Set(findings.map(finding => finding.name))) {
      const entry = hits.get(name) ?? { ham: 0, spam: 0 }
      entry[label]++
      hits.set(name, entry)
    }
  }
  return hits
}

/** Nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
