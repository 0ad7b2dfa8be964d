/**
 * Which notifications a settled job calls for, and the acceptances that carry them, to be committed together with what caused them.
 * RFC 3461: NOTIFY is honoured; RFC 5321 §4.5.5 and RFC 3464 §2: never to the null sender. One notification per kind and job.
 */
import {
  type Acceptance,
  type Address,
  type DeliverBy,
  type Job,
  type JobView,
  type Log,
  MailError,
  type TrailEntry,
} from '../api/index.js'
import type { AskScope, OwnMessage } from '../pipeline/intake-types.js'
import type { Filed } from '../pipeline/onward.js'
import { formatAddress, newId, scanHeader } from '../text/index.js'
import { buildDsn, type DsnAction, type DsnRecipient, type Original } from './dsn.js'
import { languageOf } from './dsn-words.js'
import { type Fate, isUntried } from './judgement.js'

export interface NoticeParts {
  readonly plan: (message: OwnMessage, scope: AskScope) => Promise<Acceptance | undefined>
  /** Our name. */
  readonly server: string
  /** Where people of this house answer: `postmaster@example.org`. */
  readonly postmaster: string
}

export interface Notices {
  readonly follow: readonly Acceptance[]
  readonly trail: readonly TrailEntry[]
}

/** A message goes back whole up to this size, else its header. */
const MAX_RETURNED = 50 * 1024
/** … and up to this one where the sender asks for it (RFC 3461 §6.2 lets us say how much is too much). */
const MAX_ASKED = 1024 * 1024
const MAX_HEADER = 64 * 1024
/** For routing one notification. */
const PLAN_MS = 60_000
const NEVER = new AbortController().signal

/** Throws when a bounce cannot be planned now: the rows must not be settled then. A warning that cannot be planned is left out. */
export async function notices(
  parts: NoticeParts,
  job: Job,
  fates: readonly Fate[],
  now: number,
  log: Log,
): Promise<Notices> {
  const follow: Acceptance[] = []
  const trail: TrailEntry[] = []
  const due = dueNotices(job, fates, now)
  // Not the attempt's signal: what was refused for good is settled with its bounce even while the server stops.
  const scope = { signal: due.size === 0 ? NEVER : AbortSignal.timeout(PLAN_MS), log }
  for (const [action, wanted] of due) {
    try {
      const message = await write(parts, job, job.sender!, action, wanted, now)
      const planned = await parts.plan(message, scope)
      if (planned !== undefined) follow.push(planned)
      trail.push(told(job, message, action, planned !== undefined, scope.log))
    } catch (error) {
      if (action === 'failed') throw error
      scope.log.warn({ err: error, action }, 'notification left out')
    }
  }
  return { follow, trail }
}

/** Pure: which notifications are due. */
export function dueNotices(
  { sender, deliverBy, submitter }: Pick<JobView, 'sender' | 'deliverBy' | 'submitter'>,
  fates: readonly Fate[],
  now: number,
): ReadonlyMap<DsnAction, readonly Fate[]> {
  const due = new Map<DsnAction, Fate[]>()
  if (sender === null) return due
  for (const fate of fates) {
    const action = actionOf(fate, deliverBy, now)
    // What a stranger sent and we took for spam has a sender who most likely never wrote it.
    if (action === undefined || (fate.row.quarantine !== undefined && submitter === undefined)) continue
    const list = due.get(action)
    if (list === undefined) due.set(action, [fate])
    else list.push(fate)
  }
  return due
}

/** RFC 3461 §4.1: without NOTIFY failures are told, and delays may be. */
function actionOf(fate: Fate, deliverBy: DeliverBy | undefined, now: number): DsnAction | undefined {
  const { notify, expanded } = fate.row.dsn
  const wants = (what: 'success' | 'failure' | 'delay') =>
    notify.length === 0 ? what !== 'success' : notify.includes(what)
  switch (fate.kind) {
    case 'failed':
      return wants('failure') ? 'failed' : undefined
    case 'again':
      return fate.warn && wants('delay') ? 'delayed' : undefined
    case 'held':
      return undefined
    case 'filed':
      if (expanded) return 'expanded'
      return wants('success') ? tellsOfFiling(fate.outcome) : undefined
    case 'delivered':
      if (fate.outcome.final === true) return expanded ? 'expanded' : wants('success') ? 'delivered' : undefined
      if (deliverBy !== undefined && tellsWhere(deliverBy, fate.outcome.timed === true, now))
        return notify.includes('never') ? undefined : 'relayed'
      if (expanded) return 'expanded'
      // RFC 3461 §5.2.2: a server that knows nothing of DSN cannot be asked to report, so we do.
      return wants('success') && fate.outcome.reports !== true ? 'relayed' : undefined
  }
}

/** RFC 3461 §5.2.7.2: what only goes on to one other address is reported from there; §5.2.7.3 (c): to several, that it does is told. */
function tellsOfFiling({ filings, forwards = [] }: Filed): DsnAction | undefined {
  if (filings.length > 0 || forwards.length === 0) return 'delivered'
  return forwards.length > 1 || forwards[0]!.claims.length > 1 ? 'expanded' : undefined
}

/** RFC 2852 §4.1.4: who asked for a trace is told of every hop; §4.1.4.2: and everybody, when the next host knows of no time limits. */
function tellsWhere({ at, trace }: DeliverBy, timed: boolean, now: number): boolean {
  return trace || (!timed && now < at)
}

async function write(
  parts: NoticeParts,
  job: Job,
  sender: Address,
  action: DsnAction,
  fates: readonly Fate[],
  now: number,
): Promise<OwnMessage> {
  const id = `${newId(now)}.1`
  const original = await originalOf(job, action)
  const addresses = [sender, ...fates.map(fate => fate.row.original)].map(formatAddress)
  const utf8 = job.utf8 && ![...addresses, original.bytes.toString('latin1')].every(isAscii)
  const { fields } = scanHeader(original.bytes.subarray(0, MAX_HEADER))
  const about = fields.find(({ name }) => name.toLowerCase() === 'message-id')?.raw.trim()
  const bytes = buildDsn({
    id,
    server: parts.server,
    postmaster: parts.postmaster,
    language: languageOf(fields),
    ...(about !== undefined && /^<[!-;=?-~]{1,250}>$/.test(about) ? { about } : {}),
    queueId: job.id,
    sender: formatAddress(sender),
    ...(job.envid === undefined ? {} : { envid: job.envid }),
    received: job.received,
    ...(job.deliverBy === undefined ? {} : { deliverBy: job.deliverBy.at }),
    ...(job.holdAsked === undefined ? {} : { holdAsked: job.holdAsked }),
    now,
    recipients: fates.map(fate => dsnRecipient(fate, action, now)),
    original,
    utf8,
  })
  const reason = action === 'failed' ? `bounce of ${job.id}` : `notice (${action}) about ${job.id}`
  // RFC 8689 §5: what speaks of such a message travels as it did.
  const secret = job.requireTls === true ? { requireTls: true } : {}
  // RFC 6710 §4.6: and as fast.
  const priority = job.priority === undefined ? {} : { priority: job.priority }
  return {
    id,
    sender: null,
    recipient: sender,
    dsn: { notify: ['never'] },
    // RFC 6533 §4.5: the parts are encoded; only the address it goes to may need more.
    utf8: utf8 && !isAscii(formatAddress(sender)),
    bytes,
    now,
    reason,
    ...secret,
    ...priority,
  }
}

/** RFC 3461 §4.3: RET is about failures; other notices carry the header only. */
async function originalOf(job: Job, action: DsnAction): Promise<Original> {
  // RFC 8689 §5: such a message is returned as if RET=HDRS stood there.
  const wanted = job.ret !== 'HDRS' && job.requireTls !== true
  const most = job.ret === 'FULL' ? MAX_ASKED : MAX_RETURNED
  const whole = action === 'failed' && wanted && job.size <= most && job.body !== 'BINARYMIME'
  if (whole) return { kind: 'message', bytes: await readable(job.read()) }
  const start = await readable(job.read(0, MAX_HEADER))
  const end = start.indexOf('\r\n\r\n')
  return { kind: 'header', bytes: end < 0 ? lastWholeLine(start) : start.subarray(0, end + 2) }
}

/** A body that is gone for good must not keep the sender from being told. */
async function readable(bytes: Promise<Buffer>): Promise<Buffer> {
  try {
    return await bytes
  } catch (error) {
    if (error instanceof MailError && !error.temporary) return Buffer.alloc(0)
    throw error
  }
}

function lastWholeLine(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.lastIndexOf('\n') + 1)
}

function dsnRecipient(fate: Fate, action: DsnAction, now: number): DsnRecipient {
  const { row } = fate
  // An admin's verdict, and that of time, are no attempts; nor is a wait of our own.
  const lastAttempt = row.verdict === undefined && !isUntried(fate) ? now : row.last?.at
  const common = {
    address: formatAddress(row.original),
    ...(row.dsn.orcpt === undefined ? {} : { orcpt: row.dsn.orcpt }),
    action,
    ...(lastAttempt === undefined ? {} : { lastAttempt }),
  }
  switch (fate.kind) {
    case 'filed':
      return { ...common, status: '2.0.0', text: 'delivered to the mailbox' }
    case 'delivered': {
      const { remote, reply, final } = fate.outcome
      if (final === true) return { ...common, status: '2.0.0', text: 'delivered to the mailbox' }
      return { ...common, status: '2.0.0', text: `passed on to ${remote}`, remote, reply }
    }
    case 'again':
      // RFC 2852 §4.1.3: 4.4.7 when it is the sender's time that is over.
      return { ...common, ...said(fate), ...(fate.late ? { status: '4.4.7' } : {}), until: row.expires }
    case 'held':
      return { ...common, ...said(fate), until: row.expires }
    case 'failed':
      return { ...common, ...said(fate), expired: fate.expired }
  }
}

function said(fate: Extract<Fate, { kind: 'again' | 'held' | 'failed' }>) {
  const { status, text, remote, reply } = fate.outcome
  const { last } = fate.row
  // What the other side said last tells the sender more than that we wait.
  const before = isUntried(fate) && last !== undefined ? `; at the last attempt: ${last.text}` : ''
  return {
    status,
    text: `${text}${before}`,
    ...(remote === undefined ? {} : { remote }),
    ...(reply === undefined ? {} : { reply }),
  }
}

function told(job: Job, message: OwnMessage, action: DsnAction, planned: boolean, log: Log): TrailEntry {
  const to = formatAddress(message.recipient)
  const bounce = action === 'failed'
  if (!planned) log.warn({ to, action }, 'nobody takes the notification')
  else log.info({ to, action, notice: message.id }, bounce ? 'bounced' : 'notified')
  const says = planned
    ? `${bounce ? 'Returned' : `Told (${action})`} to ${to} in message ${message.id}.`
    : `Nobody takes the notification for ${to}; it was not sent.`
  return {
    id: job.id,
    at: message.now,
    event: bounce ? 'bounced' : 'notified',
    says,
    facts: { notice: message.id, planned },
  }
}

function isAscii(text: string): boolean {
  return /^[\x00-\x7f]*$/.test(text)
}
