/**
 * A job made of a message that is not stored yet, so that a local target can file it in the very commit that accepts it.
 * Targets see no difference to a job claimed from the queue.
 */
import type { Cut, Envelope, Job, JobRecipient, NewRow } from '../api/index.js'
import { readSum, sumChunks, sumSize } from '../text/index.js'
import { sevenBitOf } from './seven-bit.js'
import { addWishes } from './wishes.js'

export interface LocalJobParts {
  readonly envelope: Envelope
  readonly rows: readonly NewRow[]
  readonly received: number
  readonly cuts: readonly Cut[]
  readonly bodySize: number
  readonly readBody: (from: number, to: number) => Promise<Buffer>
}

/** Rows share target, lane, sender and prefix. */
export function localJob({ envelope, rows, received, cuts, bodySize, readBody }: LocalJobParts): Job {
  const first = rows[0]!
  const prefix = Buffer.from(first.prefix)
  const sum = { prefix, bodySize, cuts }
  const size = sumSize({ prefixBytes: prefix.length, bodySize, cuts })
  const job: { -readonly [K in keyof Job]: Job[K] } = {
    id: envelope.id,
    target: first.target,
    lane: first.lane,
    sender: first.sender === undefined ? envelope.sender : first.sender,
    recipients: rows.map(jobRecipient),
    received,
    utf8: envelope.utf8,
    body: envelope.body,
    size,
    prefix: first.prefix,
    chunks: () => sumChunks(sum, readBody),
    read: (from = 0, to = size) => readSum(sum, readBody, from, to),
    sevenBit: () => sevenBitOf(job, job, async () => ''),
  }
  if (envelope.ret !== undefined) job.ret = envelope.ret
  if (envelope.envid !== undefined) job.envid = envelope.envid
  addWishes(job, envelope)
  return job
}

function jobRecipient(row: NewRow): JobRecipient {
  const { to, original, dsn, detail, quarantine } = row
  const recipient = { row: row.row, to, original, dsn, tries: 0, detail }
  return quarantine === undefined ? recipient : { ...recipient, quarantine }
}

/** Rows that may go in one job: one target, lane, sender and prefix. */
export function groupRows(rows: readonly NewRow[]): readonly (readonly NewRow[])[] {
  const groups = new Map<string, NewRow[]>()
  for (const row of rows) {
    const sender =
      row.sender === undefined ? '' : row.sender === null ? '<>' : `${row.sender.local}@${row.sender.domain}`
    const key = `${row.target}\0${row.lane}\0${sender}\0${row.prefix}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return [...groups.values()]
}
