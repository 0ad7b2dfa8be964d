/**
 * Rules that hold new mail on its way in, and what the trail says of whatever is held. A held row waits until somebody releases it, also
 * one for a mailbox of ours.
 */
import { type HoldRule, type NewMessage, type NewRow, selects, type TrailEntry } from '../api/index.js'
import { formatAddress, printable } from '../text/index.js'

/** The first rule that fits a row gives its reason; what is held already keeps its own. */
export function heldByRules(
  rules: readonly HoldRule[],
  message: NewMessage,
  bodySize: number,
  rows: readonly NewRow[],
  now: number,
): readonly NewRow[] {
  if (rules.length === 0) return rows
  const seen = { ...message, bodyId: '', bodySize }
  return rows.map(row => {
    if (row.hold !== undefined) return row
    const rule = rules.find(({ where }) => selects(where, seen, { ...row, tries: 0, leased: false }, now))
    return rule === undefined ? row : { ...row, hold: rule.reason }
  })
}

export function heldEntries(
  id: string,
  rows: readonly Pick<NewRow, 'hold' | 'original'>[],
  at: number,
): readonly TrailEntry[] {
  return rows.flatMap(({ hold, original }) =>
    hold === undefined ? [] : [heldEntry(id, formatAddress(original), hold, at)],
  )
}

function heldEntry(id: string, to: string, hold: string, at: number): TrailEntry {
  return { id, at, event: 'held', says: `Held for ${to}: ${printable(hold)}`, facts: { to } }
}
