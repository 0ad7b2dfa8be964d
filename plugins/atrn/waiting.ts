/** Whether anything waits for a client, so that it can be told while it is still a client. */
import { fieldIs, type Queue, type QueueRow } from 'posthouse/api'
import { TARGET, WAITS } from './turn.js'

/** `under-way`: all there is goes out in another session just now. `unknown`: the queue is longer than the client's patience. */
export type Waiting = 'mail' | 'none' | 'under-way' | 'unknown'

export async function whatWaits(
  queue: Queue,
  lanes: ReadonlySet<string>,
  now: number,
  signal: AbortSignal,
): Promise<Waiting> {
  let found: Waiting = 'none'
  for (const lane of lanes) {
    for await (const { rows } of queue.list({
      where: [fieldIs('target', TARGET), fieldIs('lane', lane), fieldIs('held', true)],
    })) {
      const own = rows.filter(row => isFor(row, lane, now))
      if (own.some(({ leased }) => !leased)) return 'mail'
      if (own.length > 0) found = 'under-way'
      if (signal.aborted) return 'unknown'
    }
  }
  return found
}

/** Quarantined mail, mail held by hand and mail that is not to go yet (RFC 4865) does not wait for the client. */
function isFor({ target, lane, hold, due }: QueueRow, wanted: string, now: number): boolean {
  return target === TARGET && lane === wanted && due <= now && hold === WAITS
}
