/** What an account may still take in (RFC 9208), the same for all commands that add messages. */
import { type Done, no } from './answer.js'
import type { Session } from './session.js'

/** The answer when `bytes` more are more than there may be. Two sessions adding in the same instant may both find room. */
export async function overQuota(session: Session, bytes: number): Promise<Done | undefined> {
  const quotaBytes = session.account?.quotaBytes
  if (quotaBytes === undefined || bytes <= 0) return undefined
  const used = (await session.deps.store.mail.usage(session.accountId)).bytes
  // RFC 9208 §4.3.1
  return used + bytes <= quotaBytes ? undefined : no('The quota does not allow that', 'OVERQUOTA')
}
