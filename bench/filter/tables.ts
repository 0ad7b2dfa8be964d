/** The tables of bench:filter for people, in the form that the README takes. Pure. */
import { errorsOf, groupFigures, hitsOf, type Result, shareFrom } from './figures.js'

/** Action lines that spam is counted at: what spam-action ships, and half-way. */
export const LINES = [3, 5, 10, 15] as const
export const JUNK = 5

export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map(row => row[column]!.length)))
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  return [line(head), `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n')
}

export const ERROR_HEAD = [
  'set',
  'ham',
  'false positives',
  'spam',
  'false negatives',
  '1-AUC',
  ...LINES.map(line => `≥ ${line}`),
]

/** A row for each set, for each year, and for all together. */
export function errorTable(results: readonly Result[]): string {
  const sets = [...new Set(results.map(({ set }) => set))]
  const rows = sets.map(set =>
    errorRow(
      set,
      results.filter(one => one.set === set),
    ),
  )
  const years = [...new Set(results.map(({ year }) => year))].sort((a, b) => a - b)
  const yearly = years.map(year =>
    errorRow(
      String(year),
      results.filter(one => one.year === year),
    ),
  )
  return tableOf(ERROR_HEAD, [
    ...rows,
    ...yearly.filter(row => Number(row[1]) + Number(row[3]) >= 20),
    errorRow('all', results),
  ])
}

export function errorRow(name: string, results: readonly Result[]): string[] {
  const errors = errorsOf(results, JUNK)
  const spam = results.filter(({ label }) => label === 'spam')
  return [
    name,
    String(errors.ham),
    share(errors.falsePositives, errors.ham),
    String(errors.spam),
    share(errors.falseNegatives, errors.spam),
    errors.oneMinusAuc === undefined ? '' : `${(100 * errors.oneMinusAuc).toFixed(3)} %`,
    ...LINES.map(line => (spam.length === 0 ? '' : `${(100 * shareFrom(spam, line)).toFixed(1)} %`)),
  ]
}

/** `3 (0.15 %)` */
export function share(count: number, of: number): string {
  return of === 0 ? '' : `${count} (${((100 * count) / of).toFixed(2)} %)`
}

export function groupTable(results: readonly Result[]): string {
  const head = ['group', 'ham hit', 'spam hit', 'points on spam', 'without it: false positives', 'false negatives']
  const ham = results.filter(({ label }) => label === 'ham').length
  const rows = groupFigures(results, JUNK).map(one => [
    one.group,
    share(one.hamHit, ham),
    share(one.spamHit, results.length - ham),
    one.points.toFixed(1),
    signed(-one.falsePositivesLess),
    signed(one.falseNegativesMore),
  ])
  return tableOf(head, rows)
}

function signed(count: number): string {
  return count > 0 ? `+${count}` : String(count)
}

/** Rules by how many of each kind they hit. */
export function ruleTable(results: readonly Result[], most: number): string {
  const rows = [...hitsOf(results)]
    .sort(([, a], [, b]) => b.spam + b.ham - a.spam - a.ham)
    .slice(0, most)
    .map(([name, { ham, spam }]) => [name, String(ham), String(spam)])
  return tableOf(['rule', 'ham', 'spam'], rows)
}

/** Which are wrong: honest mail above the line with what spoke against it, spam below it with what little was found. */
export function wrongList(results: readonly Result[], most = 2000): string {
  const wrong = results.filter(({ label, sum }) => (label === 'ham') === sum >= JUNK)
  const lines = wrong.slice(0, most).map(({ set, label, id, sum, findings }) => {
    const told = [...findings].sort((a, b) => Math.abs(b.points) - Math.abs(a.points)).slice(0, 12)
    return `${set}/${label}/${id} ${sum.toFixed(1)}: ${told.map(({ name, points }) => `${name} ${points}`).join(', ') || 'nothing'}`
  })
  return lines.join('\n')
}
