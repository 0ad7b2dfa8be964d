/**
 * Mail of a destination that was suspended is due again when its suspension ends, or half an hour after it was looked at. When the suspension ends
 * before its time that mail must be brought forward, or it waits on for nothing.
 */
import { fieldIs, type Queue, type QueuedMessage } from '../../api/index.js'
import type { Place } from '../lane-rules.js'

/** Changes under way at a time: they share commits. */
const TOGETHER = 200

/** How many rows are due now that were not. What waits for another reason (its ladder, or RFC 4865) is left alone. */
export async function broughtForward(
  queue: Pick<Queue, 'list' | 'change'>,
  lanes: Iterable<Place>,
  now: number,
): Promise<number> {
  let count = 0
  const pending = new Set<Promise<void>>()
  const forward = async (id: string, rows: readonly number[]) => {
    count += await queue.change(id, { kind: 'retry', due: now }, rows)
  }
  for (const { target, lane } of lanes) {
    for await (const message of queue.list({ where: [fieldIs('target', target), fieldIs('lane', lane)] })) {
      const rows = waitingOf(message, now)
      if (rows.length === 0) continue
      const work = forward(message.id, rows).finally(() => pending.delete(work))
      pending.add(work)
      if (pending.size >= TOGETHER) await Promise.race(pending)
    }
  }
  await Promise.all(pending)
  return count
}

function waitingOf({ rows }: QueuedMessage, now: number): readonly number[] {
  const waits = rows.filter(
    ({ due, hold, leased, wait }) => wait !== undefined && hold === undefined && !leased && due > now,
  )
  return waits.map(({ row }) => row)
}
