/** What an account may hold, and whether more finds room in it. */
import type { Account } from 'posthouse/api'

export interface Amount {
  readonly bytes: number
  readonly messages: number
}

export type Room =
  | 'there is room'
  /** A matter of time. */
  | 'full'
  /** It would not fit an empty mailbox either. */
  | 'too large'

export function hasQuota({ quotaBytes, quotaMessages }: Account): boolean {
  return quotaBytes !== undefined || quotaMessages !== undefined
}

export function roomIn({ quotaBytes, quotaMessages }: Account, used: Amount, coming: Amount): Room {
  const [bytes, messages] = [quotaBytes ?? Number.POSITIVE_INFINITY, quotaMessages ?? Number.POSITIVE_INFINITY]
  if (coming.bytes > bytes || coming.messages > messages) return 'too large'
  return used.bytes + coming.bytes > bytes || used.messages + coming.messages > messages ? 'full' : 'there is room'
}

/** `12 octets of 10 are used`, for the log. */
export function fullness({ quotaBytes, quotaMessages }: Account, used: Amount): string {
  const octets = quotaBytes === undefined ? [] : [`${used.bytes} octets of ${quotaBytes}`]
  const messages = quotaMessages === undefined ? [] : [`${used.messages} messages of ${quotaMessages}`]
  return `${[...octets, ...messages].join(' and ')} are used`
}
