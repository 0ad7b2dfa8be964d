/** Part of the store contract: what every account starts with, what every mailbox remembers, and the refusal of names and ids that cannot be. */
import { newMailboxName } from '../text/mailbox-name.js'
import { MailError } from './errors.js'
import type { BroughtMail, MailEntry, SpecialUse } from './stores.js'

const MAX_ACCOUNT_BYTES = 200

/** Made at an account's first use, with the use each is for. */
export const DEFAULT_MAILBOXES: readonly (readonly [name: string, use: SpecialUse | undefined])[] = [
  ['INBOX', undefined],
  ['Archive', 'Archive'],
  ['Drafts', 'Drafts'],
  ['Junk', 'Junk'],
  ['Sent', 'Sent'],
  ['Trash', 'Trash'],
]

/** How many expunged messages of a mailbox are remembered (RFC 7162 §5.3 asks for a bound). */
export const MOST_TOMBSTONES = 20_000

/**
 * RFC 9051 §2.3.1.1: new mailboxes get larger values than any before, of 32 bits; so one that is taken over leaves room for as many more as
 * nobody makes.
 */
export const MOST_ADOPTED_UID_VALIDITY = 2 ** 32 - 2 ** 26

/** Whether a mailbox may get this UIDVALIDITY from elsewhere. */
export function isAdoptable(uidValidity: number): boolean {
  return Number.isSafeInteger(uidValidity) && uidValidity > 0 && uidValidity <= MOST_ADOPTED_UID_VALIDITY
}

/** Whether POP3 may call a message so (RFC 1939 §7). */
export function isUniqueId(text: string): boolean {
  return /^[!-~]{1,70}$/.test(text)
}

/** Throws `internal` when one of them may not be called as it says, or has an impossible UID. */
export function checkUniqueIds(mails: readonly BroughtMail[]): void {
  for (const { uid = 1, uniqueId = '-' } of mails) {
    if (!isUniqueId(uniqueId)) throw new MailError('internal', `UIDL ${quote(uniqueId)} is not possible`)
    if (!isUid(uid)) throw new MailError('internal', `UID ${uid} is not possible`)
  }
}

/** Of two messages with the same one, POP3 clients would fetch only the first. */
export function withoutUniqueId(entry: MailEntry): MailEntry {
  if (entry.uniqueId === undefined) return entry
  const { uniqueId: _, ...rest } = entry
  return rest
}

/** RFC 9051 §9: not 0, and of 32 bits; the largest leaves room for one after it. */
export function isUid(uid: number): boolean {
  return Number.isSafeInteger(uid) && uid > 0 && uid < 2 ** 32 - 1
}

/** The name as it is kept. Throws `mailbox-forbidden`. */
export function checkMailboxName(name: string): string {
  const known = newMailboxName(name)
  if (known === undefined) throw new MailError('mailbox-forbidden', `no mailbox can be called ${quote(name)}`)
  return known
}

/** The id as it is. Throws `mailbox-forbidden`. */
export function checkAccountId(accountId: string): string {
  const possible =
    accountId !== '' && Buffer.byteLength(accountId) <= MAX_ACCOUNT_BYTES && !/[\p{Cc}\p{Surrogate}]/u.test(accountId)
  if (!possible) throw new MailError('mailbox-forbidden', `account id ${quote(accountId)} is not possible`)
  return accountId
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
