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
/** Others have their turn after so much work, and half as much time on top of it for themselves. */
const SLICE_MS = 5
const PAUSE_MS = 2

/** All messages there are, while others go on with their work; what is read of each until the next is asked for is of one moment. */
export async function* inSlices(env: Environment, rows: QueueRows): AsyncIterable<string> {
  let after: string | undefined
  let began = performance.now()
  for (;;) {
    env.refresh()
    const ids = rows.ids(after, STEP)
    for (const id of ids) {
      yield id
      if (performance.now() - began < SLICE_MS) continue
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
      env.refresh()
      began = performance.now()
    }
    if (ids.length < STEP) return
    after = ids.at(-1)
  }
}

export async function audited(
  env: Environment,
  rows: QueueRows,
  { broken, quarantine }: { readonly broken: Broken; readonly quarantine: Quarantine },
  now: number,
): Promise<QueueAudit> {
  let count = 0
  let adrift = 0
  let oldestDue = Number.POSITIVE_INFINITY
  for await (const id of inSlices(env, rows)) {
    for (const row of rows.rowsOf(id)) {
      count += 1
      if (!rows.isFound(id, row)) adrift += 1
      if (row.hold === undefined && !rows.isLeased(row, now)) oldestDue = Math.min(oldestDue, row.due)
    }
  }
  await quarantine.settled()
  env.refresh()
  return { rows: count, adrift, broken: broken.count, ...(oldestDue < now && { oldestDue }) }
}
