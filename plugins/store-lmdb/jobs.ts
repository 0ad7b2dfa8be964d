/** Which rows of a message make a job, and the jobs that a new message is lent out in as it is accepted. */
import type { Claimed, LendWish } from 'posthouse/api'
import { newId } from 'posthouse/text'
import { leasedRow } from './new-records.js'
import type { Envelope, RowRecord } from './records.js'

export const DEFAULT_MAX_ROWS = 100

/** Rows that may go out together. */
export function goesWith(message: Envelope, one: RowRecord, other: RowRecord): boolean {
  return (
    one.row === other.row ||
    ((one.verdict === undefined) === (other.verdict === undefined) &&
      one.target === other.target &&
      one.lane === other.lane &&
      one.prefix === other.prefix &&
      senderOf(message, one) === senderOf(message, other))
  )
}

/** A job under a new lease, which is to be kept. */
export function jobOf(message: Envelope, rows: readonly RowRecord[], leaseUntil: number): Claimed {
  return {
    token: newId(Date.now()),
    message,
    rows: rows.map(leasedRow),
    leaseUntil,
  }
}

/** Jobs of rows that nobody else has seen yet: what is held, not due or too much is left out. */
export function newJobs(
  message: Envelope,
  rows: readonly RowRecord[],
  { now, leaseMs, max, maxRows = DEFAULT_MAX_ROWS }: LendWish,
): readonly Claimed[] {
  let open = rows.filter(({ hold, due }) => hold === undefined && due <= now)
  const jobs: Claimed[] = []
  for (let first = open[0]; first !== undefined && jobs.length < max; first = open[0]) {
    const lead = first
    const taken = open.filter(row => goesWith(message, lead, row)).slice(0, maxRows)
    jobs.push(jobOf(message, taken, now + leaseMs))
    open = open.filter(row => !taken.includes(row))
  }
  return jobs
}

function senderOf(message: Envelope, { sender = message.sender }: RowRecord): string {
  return sender === null ? '<>' : `${sender.local}@${sender.domain}`
}
