/** What a fit has to say: which points changed and on what evidence, what to expect of them, and the change as lines for a file. Pure. */
import { type Bounds, type Case, type Column, sumOf, type Terms } from './fit.js'
import { type Errors, errorsOf, type Part } from './fit-check.js'

export interface Change {
  readonly name: string
  readonly from: number
  readonly to: number
  /** Messages that the rule holds of. */
  readonly ham: number
  readonly spam: number
  readonly why: string
}

export interface FitReport {
  readonly terms: Terms
  /** On the mail that was fitted to: what it is worth elsewhere is said by `parts`. */
  readonly before: Errors
  readonly after: Errors
  readonly parts: readonly Part[]
  readonly changes: readonly Change[]
}

/** Less is not worth a line in a review. */
const LEAST_CHANGE = 0.1

export interface FitOutcome {
  readonly columns: readonly Column[]
  readonly cases: readonly Case[]
  readonly groups: ReadonlyMap<string, Bounds>
  readonly terms: Terms
  /** Rounded as they will stand in a file. */
  readonly points: readonly number[]
  readonly parts: readonly Part[]
}

export function fitReport({ columns, cases, groups, terms, points, parts }: FitOutcome): FitReport {
  const counts = columns.map(() => ({ ham: 0, spam: 0 }))
  for (const { spam, hits } of cases) for (const { column } of hits) counts[column]![spam ? 'spam' : 'ham']++
  const changes = columns.flatMap((column, at) => {
    const to = points[at]!
    if (Math.abs(to - column.points) < LEAST_CHANGE - 0.001) return []
    return [{ name: column.name, from: column.points, to, ...counts[at]!, why: reason(column, to) }]
  })
  const errors = (given: readonly number[]) =>
    errorsOf(cases, one => sumOf(one, columns, given, groups), terms.threshold)
  return {
    terms,
    before: errors(columns.map(column => column.points)),
    after: errors(points),
    parts,
    changes: changes.sort((a, b) => Math.abs(b.to - b.from) - Math.abs(a.to - a.from) || (a.name < b.name ? -1 : 1)),
  }
}

function reason({ points, least, most }: Column, to: number): string {
  if (to >= most - 0.05) return 'as much as it may have'
  if (to <= least + 0.05) return to === 0 ? 'worth nothing here' : 'as little as it may have'
  return Math.abs(to) > Math.abs(points)
    ? 'more spam needs it than honest mail suffers'
    : 'honest mail suffers, or others find the same'
}

/** For people. */
export function reportLines({ before, after, parts, changes }: FitReport): readonly string[] {
  const lines = changes.map(
    ({ name, from, to, ham, spam, why }) =>
      `${from.toFixed(1).padStart(5)} → ${to.toFixed(1).padStart(4)}  ${name} (${ham} ham, ${spam} spam): ${why}`,
  )
  const told = (name: string, one: Errors, other: Errors) =>
    `${name}: false positives ${one.falsePositives} → ${other.falsePositives} of ${one.ham}, missed ${one.falseNegatives} → ${other.falseNegatives} of ${one.spam}`
  return [
    ...lines,
    `${changes.length} rules change`,
    told('On the mail that was fitted to', before, after),
    ...parts.map(part => told(`Not seen, ${part.name}`, part.before, part.after)),
  ]
}

/** `points:` of a local.yaml. */
export function pointLines({ changes }: FitReport): readonly string[] {
  const sorted = [...changes].sort((a, b) => (a.name < b.name ? -1 : 1))
  const width = Math.max(0, ...sorted.map(({ name, to }) => name.length + to.toFixed(1).length))
  return [
    'points:',
    ...sorted.map(({ name, from, to, ham, spam }) => {
      const line = `  ${name}: ${to.toFixed(1)}`
      return `${line.padEnd(width + 6)}# ${from.toFixed(1)} before; ${ham} ham, ${spam} spam`
    }),
  ]
}

/** Where a rule stands: the line of its name, from 1. */
export interface Standing {
  readonly file: string
  readonly line: number
}

/** A patch of rule files without context (`git apply --unidiff-zero`): one line for each change. `lines`: those of a file. */
export function patchLines(
  { changes }: FitReport,
  standing: ReadonlyMap<string, Standing>,
  lines: (file: string) => readonly string[],
): readonly string[] {
  const byFile = new Map<string, { readonly line: number; readonly old: string; readonly now: string }[]>()
  for (const { name, to } of changes) {
    const place = standing.get(name)
    const found = place && pointsLine(lines(place.file), place.line)
    if (place === undefined || found === undefined) continue
    const old = lines(place.file)[found - 1]!
    const hunks = byFile.get(place.file) ?? []
    hunks.push({ line: found, old, now: old.replace(/points:\s*[-\d.]+/, `points: ${to}`) })
    byFile.set(place.file, hunks)
  }
  return [...byFile].flatMap(([file, hunks]) => [
    `--- a/${file}`,
    `+++ b/${file}`,
    ...hunks
      .sort((a, b) => a.line - b.line)
      .flatMap(({ line, old, now }) => [`@@ -${line} +${line} @@`, `-${old}`, `+${now}`]),
  ])
}

/** `points:` of the rule whose name stands at this line: below it, before the next rule begins, or before it in the same entry. */
function pointsLine(lines: readonly string[], from: number): number | undefined {
  for (let at = from; at <= Math.min(lines.length, from + 20); at++) {
    const line = lines[at - 1]!
    if (at > from && /^\s*- /.test(line) && !/^\s{4,}/.test(line)) return undefined
    if (/(?:^|[\s{,])points:\s*[-\d.]+/.test(line)) return at
  }
  return undefined
}
