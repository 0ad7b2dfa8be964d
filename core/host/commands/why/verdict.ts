/** What spoke for and against a message, and by which thresholds it was decided, in lines for people. Pure. */
import type { Action, Finding, Ruling, TrailDecided } from '../../../api/index.js'
import { printable } from '../../../text/index.js'

const MAX_IDLE = 30
const WIDTH = 8

/** The largest first, then the sum of just these numbers; what is without points and what is only tried out comes after it. */
export function findingLines(findings: readonly Finding[], sum: number | undefined): readonly string[] {
  const counted = findings.filter(({ points }) => points !== 0).sort((a, b) => Math.abs(b.points) - Math.abs(a.points))
  const idle = findings.filter(({ points, shadow }) => points === 0 && shadow === undefined)
  const tried = findings.filter(({ shadow }) => shadow !== undefined)
  const total = counted.reduce((all, { points }) => all + Math.round(points * 100), 0) / 100
  const lines = counted.flatMap(one => told(signed(one.points), one))
  if (lines.length === 0) lines.push('  Nothing gave or took points.')
  else lines.push(`  ${'-'.repeat(WIDTH)}`, `  ${signed(total).padStart(WIDTH)}  in all`)
  // Old records, or a bug: it must not be hidden.
  if (sum !== undefined && sum !== total) lines.push(`  (the record itself says ${signed(sum)})`)
  if (idle.length > 0) lines.push('  Noted, without points:', ...idle.slice(0, MAX_IDLE).flatMap(one => told('', one)))
  if (idle.length > MAX_IDLE) lines.push(`  ${' '.repeat(WIDTH)}  and ${idle.length - MAX_IDLE} more`)
  if (tried.length > 0)
    lines.push('  Only tried out, and not in the sum:', ...tried.flatMap(one => told(`(${signed(one.shadow!)})`, one)))
  return lines
}

function told(points: string, { name, plugin, group, says, evidence = [] }: Finding): string[] {
  const whose = [plugin, group === undefined ? undefined : `group ${group}`].filter(one => one !== undefined)
  const from = whose.length === 0 ? '' : ` (${whose.map(one => printable(one)).join(', ')})`
  const indent = ' '.repeat(WIDTH + 6)
  return [
    `  ${points.padStart(WIDTH)}  ${printable(name)}${from}`,
    `${indent}${printable(says, 500)}`,
    ...evidence.map(piece => `${indent}seen: “${printable(piece, 300)}”`),
  ]
}

export function signed(points: number): string {
  return `${points > 0 ? '+' : ''}${points.toFixed(2)}`
}

/** What each recipient got, and by which thresholds. */
export function decidedLines(decided: readonly TrailDecided[], sum: number | undefined): readonly string[] {
  return decided.flatMap(one => [`  ${namesOf(one)}: ${KINDS[one.kind] ?? one.kind}.`, ...rulingLines(one, sum)])
}

const KINDS: Readonly<Record<TrailDecided['kind'], string>> = {
  accepted: 'accepted',
  quarantined: 'accepted, and put into Junk (or held, where it goes out)',
  held: 'accepted, and held',
  discarded: 'accepted, and thrown away',
  refused: 'refused',
  deferred: 'told to come again later',
  undeliverable: 'refused, as the mailbox could not take it',
}

export const ACTION_WORDS: Readonly<Record<Action, string>> = {
  none: 'nothing',
  greylist: 'being asked to come again',
  header: 'a mark in the header',
  junk: 'Junk',
  reject: 'refusal',
}

export function namesOf({ to, more = 0 }: Pick<TrailDecided, 'to' | 'more'>): string {
  const names = to.map(name => printable(name, 320)).join(', ')
  return more === 0 ? names : `${names} and ${more} more`
}

function rulingLines({ kind, rulings = [] }: TrailDecided, sum: number | undefined): readonly string[] {
  return rulings.map(ruling => {
    const by = ruling.plugin === undefined ? '' : ` (${printable(ruling.plugin)})`
    const watched = ruling.observed === true ? ' Only watched: nothing came of it.' : ''
    const says = ruling.says === undefined ? '' : ` ${printable(ruling.says, 500)}`
    return `    ${measured(ruling, sum)}${by}.${says}${watched || together(kind, ruling)}`
  })
}

/** Why somebody has a message for whom it was to be refused. */
function together(kind: TrailDecided['kind'], { action }: Ruling): string {
  return kind === 'quarantined' && action === 'reject'
    ? ' It could not be refused for some alone: others take it, and over SMTP there is one answer for all.'
    : ''
}

/** `7.20 points: enough for Junk, from 5 (general); not for refusal, from 15 (domain example.org)`. */
function measured({ thresholds, whose, action }: Ruling, sum: number | undefined): string {
  const all = Object.entries(thresholds) as [keyof Ruling['thresholds'], number][]
  const line = ([name, from]: (typeof all)[number]) => {
    const owner = whose[name] === undefined ? '' : ` (${printable(whose[name])})`
    return `${ACTION_WORDS[name] ?? name} from ${from}${owner}`
  }
  if (sum === undefined) return `It called for ${ACTION_WORDS[action] ?? action}`
  const reached = all.filter(([, from]) => sum >= from).sort((a, b) => b[1] - a[1])
  const missed = all.filter(([, from]) => sum < from).sort((a, b) => a[1] - b[1])
  const parts = [
    ...(reached.length === 0 ? [] : [`enough for ${reached.map(line).join(', ')}`]),
    ...(missed.length === 0 ? [] : [`not for ${missed.map(line).join(', ')}`]),
  ]
  return `${signed(sum)} points: ${parts.length === 0 ? 'no threshold is set' : parts.join('; ')}`
}
