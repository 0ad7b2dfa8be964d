/** Which of the recipients go in the next transaction of a session, and which of them to offer once more after it. */
import type { JobRecipient } from 'posthouse/api'
import { domainKey } from 'posthouse/text'
import type { MailSession } from './client/session.js'
import type { RecipientResult } from './client/transaction.js'

/**
 * RFC 9422 §4: as many recipients at a time, and as many domains in all of the session, as the peer takes. None: the session is used up.
 * `atOnce`: no more than so many, whatever the peer says.
 */
export function nextBatch(
  pending: readonly JobRecipient[],
  { extensions, domains }: Pick<MailSession, 'extensions' | 'domains'>,
  atOnce = Number.POSITIVE_INFINITY,
): readonly JobRecipient[] {
  const { maxRecipients = Number.POSITIVE_INFINITY, maxDomains = Number.POSITIVE_INFINITY } = extensions
  const most = Math.min(maxRecipients, atOnce)
  if (maxDomains === Number.POSITIVE_INFINITY) return pending.length <= most ? pending : pending.slice(0, most)
  const known = new Set(domains)
  const fit = pending.filter(({ to }) => {
    const domain = domainKey(to.domain)
    if (known.size < maxDomains) known.add(domain)
    return known.has(domain)
  })
  return fit.slice(0, most)
}

/** They have been offered in this session. */
export function noteBatch(batch: readonly JobRecipient[], { extensions, domains }: MailSession): void {
  if (extensions.maxDomains !== undefined) for (const { to } of batch) domains.add(domainKey(to.domain))
}

/** Whether the rest should be offered in the same session: those there was no room for, or (`more`) who has not been offered yet. */
export function goesOn(results: Iterable<RecipientResult>, more: boolean): boolean {
  const all = [...results]
  if (all.some(({ kind }) => kind === 'accepted')) return more || all.some(isFull)
  // Nobody of these is known there, or their mailboxes are full. That says nothing of the others.
  return more && all.every(one => one.kind === 'refused' && one.stage === 'RCPT' && !isFull(one))
}

/** RFC 5321 §4.5.3.1.10: too many recipients, and not some trouble of this one. */
export function isFull(result: RecipientResult): boolean {
  if (result.kind !== 'refused' || result.stage !== 'RCPT') return false
  const { code, status } = result.reply
  return code === 452 && (status === undefined || status === '4.5.3' || status === '4.3.1' || status === '4.3.2')
}
