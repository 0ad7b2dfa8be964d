/**
 * Points of the shipped rules fitted to the train parts, with everything that the whole filter says beside the rules held fixed: what a message is told by
 * other plugins counts, and is not changed. Tried on each set with the points of the others. The patch is for eyes, not for `git apply` unread.
 */
import { readFileSync } from 'node:fs'
import { isAbsolute, relative } from 'node:path'
import { type Bounds, type Case, type Column, fitPoints, TERMS, type Terms } from '../../plugins/spam-rules/fit.js'
import { checkFit, type Parting, rounded } from '../../plugins/spam-rules/fit-check.js'
import { type FitReport, fitReport, patchLines } from '../../plugins/spam-rules/fit-report.js'
import { ROOT } from '../lib/root.js'
import type { Result } from './figures.js'
import type { Site } from './site.js'

/** `posthouse rules list --json`. */
interface Listed {
  readonly rules: readonly {
    readonly name: string
    readonly points?: number
    readonly group?: string
    readonly place: string
  }[]
  readonly groups: readonly ({ readonly name: string } & Bounds)[]
}

export interface Fitting {
  readonly report: FitReport
  readonly patch: readonly string[]
}

/** A rule may come to this much more or less than it has, and never to more than half-way to nothing or near the Junk line. */
const MOST_CHANGE = 1.5
const MOST_POINTS = 3.5

export async function fitTo(
  site: Site,
  results: readonly Result[],
  wish: { readonly by: Parting; readonly terms?: Partial<Terms> },
): Promise<Fitting> {
  const { rules, groups: told } = JSON.parse(await site.command('rules list')) as Listed
  const terms = { ...TERMS, ...wish.terms }
  const fitted = rules.filter(one => (one.points ?? 0) !== 0)
  const columns = fitted.map(({ name, points, group }) => columnOf(name, points!, group))
  const groups = new Map(told.map(({ name, ...bounds }) => [name, bounds]))
  const cases = results.map(result => caseOf(result, columns))
  const parts = checkFit(wish.by, { columns, cases, groups, terms })
  const points = rounded(fitPoints(columns, cases, groups, terms))
  const report = fitReport({ columns, cases, groups, terms, points, parts })
  const standing = new Map(fitted.map(({ name, place }) => [name, standingOf(place)]))
  const lines = (file: string) => readFileSync(isAbsolute(file) ? file : `${ROOT}/${file}`, 'utf8').split('\n')
  return { report, patch: patchLines(report, standing, lines) }
}

function columnOf(name: string, points: number, group: string | undefined): Column {
  const [low, high] = [points - MOST_CHANGE, points + MOST_CHANGE]
  const bounds =
    points > 0
      ? { least: Math.max(0, low), most: Math.max(points, Math.min(MOST_POINTS, high)) }
      : { least: low, most: Math.min(0, high) }
  return { name, points, ...bounds, ...(group !== undefined && { group }) }
}

function caseOf({ set, label, at, findings }: Result, columns: readonly Column[]): Case {
  const byName = new Map(columns.map((column, i) => [column.name, i]))
  const hits = []
  let fixed = 0
  for (const { name, points } of findings) {
    const column = byName.get(name)
    if (column !== undefined) hits.push({ column, times: points / columns[column]!.points })
    // Caps follow from what is fitted.
    else if (!name.startsWith('cap-') && name !== 'together') fixed += points
  }
  return { spam: label === 'spam', source: set, at, fixed, hits }
}

function standingOf(place: string): { readonly file: string; readonly line: number } {
  const [, file = '', line = ''] = /^(.*):(\d+)$/.exec(place) ?? []
  return { file: isAbsolute(file) ? relative(ROOT, file) : file, line: Number(line) }
}
