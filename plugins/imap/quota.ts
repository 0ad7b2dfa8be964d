/** What an account may still take in (RFC 9208), the same for all commands that add messages. */
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
