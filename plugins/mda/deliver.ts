/**
 * Target `mda`: says where in whose mailbox a message belongs, as data; core commits it with the queue's change.
 * It never writes. What must be looked at per job (the header, for loops) is read once.
 */
import {
  type Account,
  type Accounts,
  type Call,
  type Filing,
  type Job,
  type JobRecipient,
  MailError,
  type MailStore,
  type Outcome,
  type Target,
} from 'posthouse/api'
import { addressKey, foldField, formatAddress } from 'posthouse/text'
import { arrivedMail, Beginning } from './arrived.js'
import { DELIVERED_TO, deliveredTo } from './loops.js'
import type { QuotaKeeper } from './quota/keeper.js'
import { type Amount, hasQuota, sum } from './quota/room.js'
import { type Place, type Wished, type WishParts, wishesFor } from './wishes.js'

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
  /** What owners of mailboxes wish; left out: nothing. */
  readonly wishes?: WishParts
}

export function mdaTarget(parts: DeliverParts): Target {
  return {
    scope: 'local',
    lane: to => to.domain,
    deliver: (job, call) => deliver(parts, job, call),
  }
}

async function deliver(parts: DeliverParts, job: Job, call: Call): Promise<readonly Outcome[]> {
  const beginning = new Beginning(job)
  const been = await placesBefore(beginning)
  const outcomes: Outcome[] = []
  let trouble: MailError | undefined
  /** What this job itself adds to an account, before it is in the store. */
  const added = new Map<string, Amount>()
  for (const recipient of job.recipients) {
    // Making a signal costs more than filing one copy: only a long list asks for it.
    if (outcomes.length > 0) call.signal.throwIfAborted()
    try {
      outcomes.push(await fileOne(parts, { job, beginning, been, added, call }, recipient))
    } catch (error) {
      // Theirs alone: whoever has no outcome is put off, and the others have their mail.
      if (!(error instanceof MailError) || !error.temporary) throw error
      trouble ??= error
    }
  }
  if (trouble === undefined) return outcomes
  if (outcomes.length === 0) throw trouble
  call.log.error(
    { err: trouble, id: job.id, waiting: job.recipients.length - outcomes.length },
    'filed for some, the others wait',
  )
  return outcomes
}

/** What the recipients of a job have in common. */
interface Common {
  readonly job: Job
  readonly beginning: Beginning
  readonly been: ReadonlySet<string>
  readonly added: Map<string, Amount>
  readonly call: Call
}

async function fileOne(parts: DeliverParts, common: Common, recipient: JobRecipient): Promise<Outcome> {
  const { job, been, call } = common
  const { row, detail } = recipient
  const address = addressKey(recipient.original)
  if (been.has(address)) {
    return { kind: 'failed', row, status: '5.4.6', text: `mail is looping: it has been delivered to ${address} before` }
  }
  const account = await parts.accounts.byId(detail.account ?? '')
  if (account === undefined)
    return { kind: 'failed', row, status: '5.1.1', text: 'the account does not exist any more' }
  const usual = await placeFor(parts, account.id, recipient)
  let wished: Wished | undefined
  try {
    const mail = arrivedMail(job, recipient, common.beginning)
    wished = parts.wishes && (await wishesFor(parts.wishes, account, mail, usual, call))
  } catch (error) {
    if (!(error instanceof MailError) || !error.temporary) throw error
    call.log.error({ err: error, id: job.id, account: account.id }, 'wishes cannot be known now')
    return { kind: 'deferred', row, status: error.reply.status, text: error.reply.text }
  }
  const places = wished?.places ?? [usual]
  const prefix = fieldsInFront(job, address) + job.prefix
  let noRoom: Outcome | undefined
  try {
    noRoom = await roomFor(parts, common, account, row, prefix, places.length)
  } catch (error) {
    await wished?.undo()
    throw error
  }
  if (noRoom !== undefined) {
    await wished?.undo()
    return noRoom
  }
  const date = Math.max(job.received, job.holdUntil ?? 0)
  const filings = places.map((place): Filing => ({ accountId: account.id, ...place, prefix, date }))
  return wished === undefined ? { kind: 'filed', row, filings } : wishedOutcome(row, filings, wished)
}

async function wishedOutcome(
  row: number,
  filings: readonly Filing[],
  { forwards, because, notes: left, answer }: Wished,
): Promise<Outcome> {
  const answered = await answer()
  const notes = answered?.kind === 'silent' ? [...left, `Not answered: ${answered.why}`] : left
  return {
    kind: 'filed',
    row,
    filings,
    ...(forwards.length === 0 ? {} : { forwards }),
    ...(answered?.kind === 'answer' ? { answers: [answered.answer] } : {}),
    ...(because === undefined ? {} : { because }),
    ...(notes.length === 0 ? {} : { notes }),
  }
}

/** Nothing: there is room for so many copies. */
async function roomFor(
  { quotas, full }: DeliverParts,
  { job, added }: Common,
  account: Account,
  row: number,
  prefix: string,
  copies: number,
): Promise<Outcome | undefined> {
  if (!hasQuota(account) || copies === 0) return undefined
  const size = job.size + Buffer.byteLength(prefix) - Buffer.byteLength(job.prefix)
  const coming = { bytes: size * copies, messages: copies }
  const beside = added.get(account.id) ?? { bytes: 0, messages: 0 }
  const { room } = await quotas.room(account, { ...coming, beside, own: job.submitter === 'local' })
  // RFC 3463 §3.3: X.2.2 mailbox full may be a matter of time, X.2.3 too large for this mailbox never is.
  if (room === 'too large')
    return { kind: 'failed', row, status: '5.2.3', text: 'the message is larger than the whole mailbox' }
  if (room === 'full') {
    return full === 'refuse'
      ? { kind: 'failed', row, status: '5.2.2', text: 'mailbox is full' }
      : { kind: 'deferred', row, status: '4.2.2', text: 'mailbox is full' }
  }
  added.set(account.id, sum(beside, coming))
  return undefined
}

/** Where it belongs without anybody's wish. */
async function placeFor(
  parts: Pick<DeliverParts, 'mail' | 'tagFolders'>,
  accountId: string,
  { quarantine, detail }: JobRecipient,
): Promise<Place> {
  if (quarantine !== undefined) return { mailbox: await junkOf(parts.mail, accountId), flags: ['$Junk'] }
  return { mailbox: await folderFor(parts.mail, accountId, parts.tagFolders ? detail.tag : undefined), flags: [] }
}

/** RFC 6154 §2: whatever its owner calls it. Left out where nothing is filed yet: it is made. */
async function junkOf(mail: Pick<MailStore, 'find' | 'list'>, accountId: string): Promise<string> {
  const usual = await mail.find(accountId, 'Junk')
  if (usual?.specialUse === 'Junk') return usual.name
  const all = await mail.list(accountId)
  return all.find(({ specialUse }) => specialUse === 'Junk')?.name ?? 'Junk'
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

async function placesBefore(beginning: Beginning): Promise<ReadonlySet<string>> {
  // Most mail has been delivered nowhere yet, and a search costs a tenth of reading the header.
  if (!(await beginning.bytes()).includes(IN_LOOPED)) return NOWHERE
  return deliveredTo(await beginning.fields())
}
