/**
 * Target `mda`: says where in whose mailbox a message belongs, as data; core commits it with the queue's change.
 * It never writes. What must be looked at per job (the header, for loops) is read once.
 */
import type { Accounts, Call, Filing, Job, JobRecipient, MailStore, Outcome, Target } from 'posthouse/api'
import { addressKey, foldField, formatAddress, scanHeader } from 'posthouse/text'
import { DELIVERED_TO, deliveredTo } from './loops.js'
import type { QuotaKeeper } from './quota/keeper.js'
import { type Amount, hasQuota, sum } from './quota/room.js'

/** A delivery loop shows in the header's first part, or not at all. */
const HEADER_BYTES = 64 * 1024
/** In `Delivered-To` as we write it, and in lower case. */
const IN_LOOPED = 'elivered-'
const NOWHERE: ReadonlySet<string> = new Set()

export interface DeliverParts {
  readonly accounts: Accounts
  readonly mail: MailStore
  /** Mail for `user+tag@` goes to the mailbox `tag` if there is one. */
  readonly tagFolders: boolean
  readonly full: 'defer' | 'refuse'
  readonly quotas: Pick<QuotaKeeper, 'room'>
}

export function mdaTarget(parts: DeliverParts): Target {
  return {
    scope: 'local',
    lane: to => to.domain,
    deliver: (job, call) => deliver(parts, job, call),
  }
}

async function deliver(parts: DeliverParts, job: Job, call: Call): Promise<readonly Outcome[]> {
  const been = await placesBefore(job)
  const outcomes: Outcome[] = []
  /** What this job itself adds to an account, before it is in the store. */
  const added = new Map<string, Amount>()
  for (const recipient of job.recipients) {
    // Making a signal costs more than filing one copy: only a long list asks for it.
    if (outcomes.length > 0) call.signal.throwIfAborted()
    outcomes.push(await fileOne(parts, job, recipient, been, added))
  }
  return outcomes
}

async function fileOne(
  parts: DeliverParts,
  job: Job,
  recipient: JobRecipient,
  been: ReadonlySet<string>,
  added: Map<string, Amount>,
): Promise<Outcome> {
  const { row, detail } = recipient
  const address = addressKey(recipient.original)
  if (been.has(address)) {
    return { kind: 'failed', row, status: '5.4.6', text: `mail is looping: it has been delivered to ${address} before` }
  }
  const account = await parts.accounts.byId(detail.account ?? '')
  if (account === undefined)
    return { kind: 'failed', row, status: '5.1.1', text: 'the account does not exist any more' }
  const prefix = fieldsInFront(job, address) + job.prefix
  if (hasQuota(account)) {
    const coming = { bytes: job.size + Buffer.byteLength(prefix) - Buffer.byteLength(job.prefix), messages: 1 }
    const beside = added.get(account.id) ?? { bytes: 0, messages: 0 }
    const { room } = await parts.quotas.room(account, { ...coming, beside, own: job.submitter === 'local' })
    // RFC 3463 §3.3: X.2.2 mailbox full may be a matter of time, X.2.3 too large for this mailbox never is.
    if (room === 'too large')
      return { kind: 'failed', row, status: '5.2.3', text: 'the message is larger than the whole mailbox' }
    if (room === 'full') {
      return parts.full === 'refuse'
        ? { kind: 'failed', row, status: '5.2.2', text: 'mailbox is full' }
        : { kind: 'deferred', row, status: '4.2.2', text: 'mailbox is full' }
    }
    added.set(account.id, sum(beside, coming))
  }
  const place = await placeFor(parts, account.id, recipient)
  const filing: Filing = { accountId: account.id, ...place, prefix, date: Math.max(job.received, job.holdUntil ?? 0) }
  return { kind: 'filed', row, filings: [filing] }
}

async function placeFor(
  parts: DeliverParts,
  accountId: string,
  { quarantine, detail }: JobRecipient,
): Promise<Pick<Filing, 'mailbox' | 'flags'>> {
  if (quarantine !== undefined) return { mailbox: 'Junk', flags: ['$Junk'] }
  return { mailbox: await folderFor(parts.mail, accountId, parts.tagFolders ? detail.tag : undefined), flags: [] }
}

/** The mailbox that is named like the tag, if there is one. */
export async function folderFor(mail: MailStore, accountId: string, tag: string | undefined): Promise<string> {
  const folder = tag === undefined ? undefined : await mail.find(accountId, tag)
  // Not into Sent or Trash, where nobody looks for new mail.
  return folder === undefined || folder.specialUse !== undefined ? 'INBOX' : folder.name
}

/** RFC 5321 §4.4: Return-Path goes in front at final delivery. Delivered-To is the address it came by, and what a loop is known by. */
function fieldsInFront(job: Job, address: string): string {
  return foldField('Return-Path', `<${formatAddress(job.sender)}>`) + foldField(DELIVERED_TO, address)
}

async function placesBefore(job: Job): Promise<ReadonlySet<string>> {
  const start = await job.read(0, Math.min(job.size, HEADER_BYTES))
  // Most mail has been delivered nowhere yet, and a search costs a tenth of reading the header.
  if (!start.includes(IN_LOOPED)) return NOWHERE
  return deliveredTo(scanHeader(start).fields)
}
