/**
 * Answers of SEARCH and SORT: the plain ones and ESEARCH (RFC 4731, RFC 5267 §3), with what is saved for `$` (RFC 5182 §2.4). Pure but for `save`.
 */

import type { ReturnOption } from '../wire/return-options.js'
import { formatSet } from '../wire/set.js'
import { quote } from '../wire/write.js'

export interface Results {
  /** In the order of the answer, UIDs as found. */
  readonly uids: readonly number[]
  /** MODSEQs by UID, where the search asked for them (RFC 7162 §3.1.5). */
  readonly modseqs?: ReadonlyMap<number, number>
}

export interface Asked {
  readonly tag: string
  readonly uid: boolean
  /** What a UID is told as. */
  numberOf(uid: number): number
}

/** `* SEARCH 2 3 6 (MODSEQ 7)`; `name` is SEARCH or SORT. */
export function plainAnswer(name: string, { uids, modseqs }: Results, { numberOf }: Asked): string {
  const highest = modseqs && uids.length > 0 ? [`(MODSEQ ${highestOf(uids, modseqs)})`] : []
  return ['*', name, ...uids.map(numberOf), ...highest].join(' ')
}

/** `undefined` where nothing is to be told: RETURN (SAVE). */
export function extendedAnswer(
  { uids, modseqs }: Results,
  options: ReadonlySet<ReturnOption>,
  { tag, uid, numberOf }: Asked,
): string | undefined {
  if (options.size === 1 && options.has('save')) return undefined
  const told = toldOf(uids, options)
  const parts = [`* ESEARCH (TAG ${quote(tag)})`]
  if (uid) parts.push('UID')
  // RFC 4731 §3.1: MIN, MAX and ALL are left out when nothing matches; COUNT is not.
  if (uids.length > 0) {
    if (options.has('min')) parts.push(`MIN ${numberOf(uids[0]!)}`)
    if (options.has('max')) parts.push(`MAX ${numberOf(uids.at(-1)!)}`)
    if (options.has('all')) parts.push(`ALL ${formatSet(uids.map(numberOf))}`)
  }
  if (options.has('count')) parts.push(`COUNT ${uids.length}`)
  if (modseqs && told.length > 0) parts.push(`MODSEQ ${highestOf(told, modseqs)}`)
  return parts.join(' ')
}

/** RFC 5182 §2.4: with MIN and MAX alone those are saved, else all. Ascending. */
export function toSave(uids: readonly number[], options: ReadonlySet<ReturnOption>): readonly number[] {
  return [...toldOf(uids, options)].sort((a, b) => a - b)
}

/** The messages an answer is about. */
function toldOf(uids: readonly number[], options: ReadonlySet<ReturnOption>): readonly number[] {
  const some = (options.has('min') || options.has('max')) && !options.has('all') && !options.has('count')
  if (!some || uids.length === 0) return uids
  const ends = [...(options.has('min') ? [uids[0]!] : []), ...(options.has('max') ? [uids.at(-1)!] : [])]
  return [...new Set(ends)]
}

function highestOf(uids: readonly number[], modseqs: ReadonlyMap<number, number>): number {
  return uids.reduce((most, uid) => Math.max(most, modseqs.get(uid) ?? 0), 0)
}
