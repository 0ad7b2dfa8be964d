/**
 * Mailbox names: UTF-8 in NFC, `/` between levels, INBOX (and the first level of its inferiors) in upper case (RFC 9051 §5.1).
 * Which names can exist is decided here and nowhere else; lengths are bounded because names become keys.
 */
import { MailError, type SpecialUse } from 'posthouse/api'

const MAX_NAME_BYTES = 1000
const MAX_LEVELS = 32
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

/** The name as it is kept. Throws `mailbox-forbidden`. */
export function normaliseName(name: string): string {
  const known = canonicalName(name)
  if (known === undefined)
    throw new MailError('mailbox-forbidden', `mailbox name ${JSON.stringify(name.slice(0, 100))} is not possible`)
  return known
}

/** The name as it is kept, or nothing when no mailbox can be called so. */
export function canonicalName(name: string): string | undefined {
  const levels = name.normalize('NFC').split('/')
  if (levels.length > MAX_LEVELS || levels.includes('') || /[\p{Cc}\p{Surrogate}]/u.test(name)) return undefined
  if (levels[0]!.toUpperCase() === 'INBOX') levels[0] = 'INBOX'
  const known = levels.join('/')
  return Buffer.byteLength(known) > MAX_NAME_BYTES ? undefined : known
}

/** Parents from the top, then the name itself. */
export function lineage(name: string): readonly string[] {
  const levels = name.split('/')
  return levels.map((_, at) => levels.slice(0, at + 1).join('/'))
}

export function isInferior(name: string, of: string): boolean {
  return name.startsWith(`${of}/`)
}

export function checkAccountId(accountId: string): string {
  const possible =
    accountId !== '' && Buffer.byteLength(accountId) <= MAX_ACCOUNT_BYTES && !/[\p{Cc}\p{Surrogate}]/u.test(accountId)
  if (!possible)
    throw new MailError('mailbox-forbidden', `account id ${JSON.stringify(accountId.slice(0, 100))} is not possible`)
  return accountId
}
