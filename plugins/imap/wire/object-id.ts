/**
 * Object identifiers (RFC 8474). Ids of the store get a letter in front: §8.1 wants them to begin with one, and those of messages and of mailboxes
 * must never be the same.
 */
import type { MailboxInfo, MailEntry } from 'posthouse/api'

export function writeEmailId({ emailId }: Pick<MailEntry, 'emailId'>): string {
  return `M${emailId}`
}

export function writeMailboxId({ id }: Pick<MailboxInfo, 'id'>): string {
  return `F${id}`
}
