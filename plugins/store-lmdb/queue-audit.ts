/**
 * Looks whether anybody is forgotten: every row waits in the index of what is ready, or is under a lease, or is held. Nothing else is
 * possible while every change is one transaction; that it stays so is what this looks at.
 */
import type { QueueAudit } from 'posthouse/api'
import type { Broken } from './broken.js'
import type { Environment } from './environment.js'
import type { Quarantine } from './quarantine.js'
import type { QueueRows } from './rows.js'

const STEP = 500

export async function audited(
  env: Environment,
  rows: QueueRows,
  { broken, quarantine }: { readonly broken: Broken; readonly quarantine: Quarantine },
  now: number,
): Promise<QueueAudit> {
  let count = 0
  let adrift = 0
  let oldestDue = Number.POSITIVE_INFINITY
  let after: string | undefined
  for (;;) {
    env.refresh()
    const ids = rows.ids(after, STEP)
    for (const id of ids) {
      for (const row of rows.rowsOf(id)) {
        count += 1
        if (!rows.isFound(id, row)) adrift += 1
        if (row.hold === undefined && !rows.isLeased(row, now)) oldestDue = Math.min(oldestDue, row.due)
      }
    }
    if (ids.length < STEP) break
    after = ids.at(-1)
    await new Promise(setImmediate)
  }
  await quarantine.settled()
  env.refresh()
  return { rows: count, adrift, broken: broken.count, ...(oldestDue < now && { oldestDue }) }
}
