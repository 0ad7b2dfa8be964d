/**
 * The mail that is still there, with its record: what lies in mailboxes and what waits in the queue, each message once. What was refused left no
 * octets behind. A mailbox is read a few hundred messages at a time, so that its size does not matter.
 */
import {
  type Account,
  type Accounts,
  type Address,
  type MailEntry,
  MailError,
  type Message,
  type Recipient,
  type Store,
  type TrailDecided,
  trailDecided,
  trailFindings,
} from '../../../api/index.js'
import { createMessage } from '../../../storage/message.js'
import { parseAddress, scanHeader } from '../../../text/index.js'
import { recordedFate } from './fate.js'
import { recordedEnvelope, recordedSession } from './heard.js'
import type { Passed, Recorded, Replayed } from './mail.js'

const PAGE = 500
/** Copies of one message are in several mailboxes. Beyond so many messages one may be judged twice. */
const MOST_SEEN = 500_000
const MAX_HEADER = 1024 * 1024
/** Of our own Received field: `by NAME with ESMTP id ID`. */
const QUEUE_ID = /^Received: [^;]{0,2000}?\sid\s([0-9a-z]{16}\.\d{1,9})[\s;]/m

export interface RecordedSource {
  readonly store: Store
  readonly accounts: Accounts | undefined
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly passed: Passed
}

interface Body {
  readonly id: string
  readonly bodyId: string
  readonly size: number
}

export async function* recordedMail(source: RecordedSource): AsyncGenerator<Replayed> {
  const seen = new Set<string>()
  for await (const body of bodies(source)) {
    if (seen.has(body.id)) continue
    if (seen.size < MOST_SEEN) seen.add(body.id)
    const mail = await withRecord(source, body)
    if (mail !== undefined) yield mail
  }
}

async function* bodies({ store, accounts, since, passed }: RecordedSource): AsyncGenerator<Body> {
  for await (const { id, bodyId, bodySize, received } of store.queue.list())
    if (received >= since) yield { id, bodyId, size: bodySize }
  for (const { id: account } of (await accounts?.list()) ?? []) {
    for (const { id } of await store.mail.list(account)) {
      for await (const entry of entriesOf(store, account, id)) {
        if (entry.saved < since) continue
        const queueId = QUEUE_ID.exec(entry.prefix)?.[1]
        // what was put there by IMAP has not come by mail
        if (queueId === undefined) passed.unrecorded += 1
        else yield { id: queueId, bodyId: entry.bodyId, size: entry.bodySize }
      }
    }
  }
}

async function* entriesOf(store: Store, account: string, id: string): AsyncGenerator<MailEntry> {
  try {
    const mailbox = await store.mail.open(account, id)
    const { uidNext } = await mailbox.info()
    for (let from = 1; from < uidNext; from += PAGE) yield* await mailbox.list(from, from + PAGE - 1)
  } catch (error) {
    // deleted meanwhile: a server may be running beside us
    if (!(error instanceof MailError && error.errorCode === 'mailbox-gone')) throw error
  }
}

async function withRecord(source: RecordedSource, { id, bodyId, size }: Body): Promise<Replayed | undefined> {
  const { store, accounts, passed } = source
  const entry = (await store.trail.of(id)).find(({ event }) => event === 'accepted')
  // moved lately, and come long ago
  if (entry !== undefined && entry.at < source.since) return undefined
  const decided = entry === undefined ? [] : trailDecided(entry)
  const account = await accountOf(accounts, entry?.facts.login)
  const session = entry && recordedSession(entry.facts, account)
  if (entry === undefined || session === undefined || decided.length === 0) {
    passed.unrecorded += 1
    return undefined
  }
  const message = await messageIn(store, bodyId, size, passed)
  if (message === undefined) return undefined
  const each = decided.flatMap(one => addressesOf(one).map(address => ({ address, one })))
  const recipients: readonly Recipient[] = each.map(({ address }) => ({ address, dsn: { notify: [] } }))
  const recorded: Recorded = {
    sum: Number(entry.facts.sum ?? 0),
    findings: trailFindings(entry),
    fates: each.map(({ one }) => recordedFate(one)),
    others: each.map(({ one }) => isOthers(one)),
  }
  return {
    id,
    sender: String(entry.facts.sender ?? ''),
    at: entry.at,
    ...given(message),
    heard: { session, envelope: recordedEnvelope(id, entry.facts, recipients), message },
    recipients,
    recorded,
  }
}

/** A directory that is down does not end a replay: what is known of people is left out then. */
async function accountOf(accounts: Accounts | undefined, login: unknown): Promise<Account | undefined> {
  if (typeof login !== 'string') return undefined
  const known = await accounts?.byLogin(login)
  return known ?? { id: `login ${login}`, login, addresses: [] }
}

async function messageIn(store: Store, bodyId: string, size: number, passed: Passed): Promise<Message | undefined> {
  try {
    const start = await store.blobs.read(bodyId, 0, Math.min(size, MAX_HEADER))
    const { fields, bodyStart, broken } = scanHeader(start)
    const read = (from: number, to: number) => store.blobs.read(bodyId, from, to)
    return createMessage({ size, header: start.subarray(0, bodyStart), fields, broken, read })
  } catch (error) {
    if (!(error instanceof MailError)) throw error
    passed.unreadable += 1
    return undefined
  }
}

/** For people. */
export function given(message: Message): Pick<Replayed, 'messageId' | 'subject'> {
  const [messageId, subject] = [message.field('Message-ID')?.trim(), message.field('Subject')]
  return { ...(messageId !== undefined && { messageId }), ...(subject !== undefined && { subject }) }
}

function addressesOf({ to }: TrailDecided): readonly Address[] {
  return to.flatMap(text => parseAddress(text) ?? [])
}

function isOthers({ kind, rulings = [] }: TrailDecided): boolean {
  if (kind !== 'quarantined' && kind !== 'held') return false
  return !rulings.some(({ action, observed }) => observed !== true && (action === 'junk' || action === 'reject'))
}
