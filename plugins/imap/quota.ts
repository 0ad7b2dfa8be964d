/** What an account may still take in (RFC 9208), the same for all commands that add messages. */
import type { MailboxInfo } from 'posthouse/api'
import { mailboxLineage, mailboxName } from 'posthouse/text'
import { type Done, no } from './answer.js'
import type { Session } from './session.js'

/** What is to be added, less what goes. */
export interface Growth {
  readonly bytes: number
  readonly messages: number
}

/** The answer when that is more than there may be. Two sessions adding in the same instant may both find room. */
export async function overQuota(session: Session, { bytes, messages }: Growth): Promise<Done | undefined> {
  const { quotaBytes, quotaMessages } = session.account ?? {}
  if (quotaBytes === undefined && quotaMessages === undefined) return undefined
  const used = await session.deps.store.mail.usage(session.accountId)
  const over = (growth: number, now: number, most = Number.POSITIVE_INFINITY) => growth > 0 && now + growth > most
  const full = over(bytes, used.bytes, quotaBytes) || over(messages, used.messages, quotaMessages)
  // RFC 9208 §4.3.1
  return full ? no('The quota does not allow that', 'OVERQUOTA') : undefined
}

/** The answer when there would be too many mailboxes with this one and the levels above it that are made with it. */
export function overMailboxes(
  session: Session,
  mailboxes: readonly MailboxInfo[],
  made: string | undefined,
): Done | undefined {
  const { maxMailboxes } = session.deps.settings
  const name = made === undefined ? undefined : mailboxName(made)
  if (name === undefined) return undefined
  const there = new Set(mailboxes.map(one => one.name))
  const missing = mailboxLineage(name).filter(one => !there.has(one)).length
  return missing > 0 && there.size + missing > maxMailboxes
    ? no(`There may be ${maxMailboxes} mailboxes, that is the limit`, 'LIMIT')
    : undefined
}
