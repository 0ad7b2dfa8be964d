/** Whether anything waits for a client, so that it can be told "You have no mail" while it is still a client. */
import type { Queue, QueueRow } from 'posthouse/api'
import { TARGET, WAITS } from './turn.js'

/** `undefined`: the queue is longer than the client's patience. */
export async function anyWaiting(
  queue: Queue,
  lanes: ReadonlySet<string>,
  now: number,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  for await (const { rows } of queue.list({ target: TARGET })) {
    if (rows.some(row => isFor(row, lanes, now))) return true
    if (signal.aborted) return undefined
  }
  return false
}

/** Quarantined mail, mail held by hand and mail that is not to go yet (RFC 4865) does not wait for the client. */
function isFor({ target, lane, hold, due, leased }: QueueRow, lanes: ReadonlySet<string>, now: number): boolean {
  return target === TARGET && lanes.has(lane) && !leased && due <= now && (hold === undefined || hold === WAITS)
}
