/**
 * What an account may hold, and whether more finds room in it. Mail from others may go beyond the quota by its grace, so that the last message
 * that fits halfway does not wait in a queue; for how long, the keeper knows. Pure.
 */
import type { Account } from 'posthouse/api'
import { formatSize } from 'posthouse/text'

export interface Amount {
  readonly bytes: number
  readonly messages: number
}

export type Room =
  | 'there is room'
  /** Beyond the quota, but not beyond its grace. */
  | 'within grace'
  /** A matter of time. */
  | 'full'
  /** It would not fit an empty mailbox either. */
  | 'too large'

const NO_BOUND = Number.POSITIVE_INFINITY
/** What the server itself has to say finds room where nothing else does: else nobody could be told that a mailbox is full. */
const RESERVE: Amount = { bytes: 256 * 1024, messages: 20 }
const NOTHING: Amount = { bytes: 0, messages: 0 }

export function hasQuota({ quotaBytes, quotaMessages }: Account): boolean {
  return quotaBytes !== undefined || quotaMessages !== undefined
}

/** `own`: it is a message of this server's own. */
export function roomIn(account: Account, used: Amount, coming: Amount, gracePercent: number, own = false): Room {
  const quota = quotaOf(account)
  const most = sum(graced(quota, account.quotaGracePercent ?? gracePercent), own ? RESERVE : NOTHING)
  if (!fits(coming, most)) return 'too large'
  const then = sum(used, coming)
  if (fits(then, quota)) return 'there is room'
  return fits(then, most) ? 'within grace' : 'full'
}

/** How much of its quota is used, in hundredths: of octets or messages, whichever is more. Of none 0 is used. */
export function shareOf(account: Account, used: Amount): number {
  const quota = quotaOf(account)
  return Math.max(hundredths(used.bytes, quota.bytes), hundredths(used.messages, quota.messages))
}

export function isOver(account: Account, used: Amount): boolean {
  return !fits(used, quotaOf(account))
}

/** `12 octets of 10 are used`, for the log. */
export function fullness({ quotaBytes, quotaMessages }: Account, used: Amount): string {
  const octets = quotaBytes === undefined ? [] : [`${used.bytes} octets of ${quotaBytes}`]
  const messages = quotaMessages === undefined ? [] : [`${used.messages} messages of ${quotaMessages}`]
  return `${[...octets, ...messages].join(' and ')} are used`
}

/** `1.2 GB of 1 GB and 12 messages of 10`, for people. */
export function amountOf({ quotaBytes, quotaMessages }: Account, used: Amount): string {
  const octets = quotaBytes === undefined ? [] : [`${formatSize(used.bytes)} of ${formatSize(quotaBytes)}`]
  const messages = quotaMessages === undefined ? [] : [`${used.messages} messages of ${quotaMessages}`]
  return [...octets, ...messages].join(' and ')
}

/** Of an account that is over its quota. */
export function graceInWords(until: number, now: number): string {
  const day = new Date(until).toISOString()
  return until <= now ? `its grace has been over since ${day}` : `in its grace until ${day}`
}

export function sum(a: Amount, b: Amount): Amount {
  return { bytes: a.bytes + b.bytes, messages: a.messages + b.messages }
}

function quotaOf({ quotaBytes = NO_BOUND, quotaMessages = NO_BOUND }: Account): Amount {
  return { bytes: quotaBytes, messages: quotaMessages }
}

function graced({ bytes, messages }: Amount, percent: number): Amount {
  const more = (amount: number) => (amount === NO_BOUND ? NO_BOUND : Math.floor(amount + (amount * percent) / 100))
  return { bytes: more(bytes), messages: more(messages) }
}

function fits(amount: Amount, most: Amount): boolean {
  return amount.bytes <= most.bytes && amount.messages <= most.messages
}

function hundredths(used: number, quota: number): number {
  if (quota === NO_BOUND) return 0
  return quota === 0 ? (used > 0 ? NO_BOUND : 100) : (used * 100) / quota
}
