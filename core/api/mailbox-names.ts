/** Part of the store contract: what every account starts with, what every mailbox remembers, and the refusal of names and ids that cannot be. */
import { newMailboxName } from '../text/index.js'
import { MailError } from './errors.js'
import type { SpecialUse } from './stores.js'

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
