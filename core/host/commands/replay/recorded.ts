/**
 * Recorded mail, each message once: first what is still there, in mailboxes and in the queue, with its record; then the records of what is not there
 * any more, or was refused and never was. Of these the evidence stands as it was recorded, and other thresholds can be tried on it. Mailboxes and
 * trail are read a few hundred at a time, so that their size does not matter.
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
  type TrailEntry,
  trailDecided,
  trailFindings,
} from '../../../api/index.js'
import { createMessage, messageOf } from '../../../storage/message.js'
import { encodeWords, parseAddress, printable, scanHeader } from '../../../text/index.js'
import { recordedFate } from './fate.js'
import { recordedEnvelope, recordedSession } from './heard.js'
import type { Passed, Recorded, Replayed } from './mail.js'

const PAGE = 500
/** Copies of one message are in several mailboxes. Beyond so many messages one may be judged twice. */
const MOST_SEEN = 500_000
const MAX_HEADER = 1024 * 1024
const MAX_FIELD = 998
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
    const mail = await withRecord(source, body.id, await messageIn(source, body))
    if (mail !== undefined) yield mail
  }
  for await (const id of recordsSince(source)) {
    if (seen.has(id)) continue
    const mail = await withRecord(source, id, undefined)
    if (mail !== undefined) yield mail
  }
}

/** Newest first. Of one millisecond no more are seen than fit on a page. */
async function* recordsSince({ store, since }: RecordedSource): AsyncGenerator<string> {
  let until = Number.MAX_SAFE_INTEGER
  let last: ReadonlySet<string> = new Set()
  for (;;) {
    const page = await store.trail.find({ since, until, limit: PAGE })
    for (const { id } of page) if (!last.has(id)) yield id
    if (page.length < PAGE) return
    const oldest = page.at(-1)!.at
    until = oldest < until ? oldest : oldest - 1
    last = new Set(page.map(({ id }) => id))
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

/** `whole`: the message, where it still is. Nothing: it has not come by mail, or not since then, or too little is known of it. */
async function withRecord(
  source: RecordedSource,
  id: string,
  whole: Message | undefined,
): Promise<Replayed | undefined> {
  const entry = (await source.store.trail.of(id)).find(({ event }) => event === 'accepted' || event === 'refused')
  const decided = entry === undefined ? [] : trailDecided(entry)
  // without its octets and without evidence there is nothing to judge: refused at RCPT, written by ourselves
  if (whole === undefined && decided.length === 0) return undefined
  // moved lately, and come long ago
  if (entry !== undefined && entry.at < source.since) return undefined
  const account = await accountOf(source.accounts, entry?.facts.login)
  const session = entry && recordedSession(entry.facts, account)
  if (entry === undefined || session === undefined || decided.length === 0) {
    source.passed.unrecorded += 1
    return undefined
  }
  const message = whole ?? headOf(entry)
  const each = decided.flatMap(one => addressesOf(one).map(address => ({ address, one })))
  const recipients: readonly Recipient[] = each.map(({ address }) => ({ address, dsn: { notify: [] } }))
  const recorded: Recorded = {
    sum: Number(entry.facts.sum ?? 0),
    findings: trailFindings(entry),
    fates: each.map(({ one }) => recordedFate(one)),
    others: each.map(({ one }) => isOthers(one)),
    whole: whole !== undefined,
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

/** What the record says of a message that is gone, for hooks that look at its header. */
function headOf({ facts }: TrailEntry): Message {
  const field = (name: string, value: unknown) =>
    typeof value === 'string' ? `${name}: ${encodeWords(printable(value, MAX_FIELD))}\r\n` : ''
  const { from, subject, messageId } = facts
  const header = field('From', from) + field('Subject', subject) + field('Message-ID', messageId)
  return messageOf(Buffer.from(`${header}\r\n`))
}

/** A directory that is down does not end a replay: what is known of people is left out then. */
async function accountOf(accounts: Accounts | undefined, login: unknown): Promise<Account | undefined> {
  if (typeof login !== 'string') return undefined
  const known = await accounts?.byLogin(login)
  return known ?? { id: `login ${login}`, login, addresses: [] }
}

async function messageIn({ store, passed }: RecordedSource, { bodyId, size }: Body): Promise<Message | undefined> {
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

/** Taken as it was, or by the sum: then the sum can be asked again. */
function isOthers({ kind, rulings = [] }: TrailDecided): boolean {
  if (kind === 'accepted' || kind === 'undeliverable') return false
  return !rulings.some(({ action, observed }) => observed !== true && action !== 'none' && action !== 'header')
}
