/**
 * FETCH and UID FETCH (RFC 3501 §6.4.5). What is asked decides what is read: flags and UIDs come from the view, sizes and dates from the
 * store's entries, envelopes from headers; only parts need the structure, and bodies go out in pieces as the client takes them.
 */
import type { MailEntry } from 'posthouse/api'
import { type Done, no, ok } from '../answer.js'
import { command } from '../command.js'
import { Content } from '../content.js'
import { type Resolved, resolve, sendSection } from '../sections.js'
import { isDone, type Selected, writeUpdate } from '../selected.js'
import type { Session } from '../session.js'
import type { View } from '../view.js'
import { formatDateTime } from '../wire/date.js'
import { writeEnvelope } from '../wire/envelope.js'
import { type FetchItem, readFetchItems } from '../wire/fetch-items.js'
import { hasFlag } from '../wire/flags.js'
import type { Reader } from '../wire/reader.js'
import { type NumberSet, readSet } from '../wire/set.js'
import { writeFlags } from '../wire/write.js'

/** Entries are asked of the store by so many messages … */
const BATCH_MESSAGES = 200
/** … and \Seen is set for what is at most this large together, so that a torn connection leaves little unseen marked seen. */
const BATCH_BYTES = 1024 * 1024

export interface FetchArgs {
  readonly set: NumberSet
  readonly items: readonly FetchItem[]
}

export const fetch = command({
  name: 'FETCH',
  states: ['selected'],
  uid: true,
  expunge: 'uid',
  read(input: Reader): FetchArgs {
    input.space()
    const set = readSet(input)
    input.space()
    return { set, items: readFetchItems(input) }
  },
  async run(session, { set, items }, uid) {
    const selected = session.open
    const uids = selected.uids(set, uid)
    if (isDone(uids)) return uids
    const wanted = uid && !items.some(item => item.kind === 'uid') ? [{ kind: 'uid' } as const, ...items] : items
    await selected.refresh()
    if (wanted.every(item => item.kind === 'uid' || item.kind === 'flags')) {
      await fetchFromView(session, uids, wanted)
      return ok('FETCH done')
    }
    const missing = await fetchFromStore(session, uids, wanted)
    return missing > 0 && !uid ? gone() : ok('FETCH done')
  },
})

/** RFC 5530 §3, RFC 2180 §4.1: another session has removed messages this one may not hear of yet. */
export function gone(): Done {
  return no('Some of these messages have been removed meanwhile', 'EXPUNGEISSUED')
}

async function fetchFromView(session: Session, uids: readonly number[], items: readonly FetchItem[]): Promise<void> {
  const { view } = session.open
  tellKeywords(session)
  for (const uid of uids) {
    const flags = view.flagsOf(uid)
    const sequence = view.sequenceOf(uid)
    if (!flags || sequence === undefined) continue
    const parts = items.map(item =>
      item.kind === 'uid' ? `UID ${uid}` : `FLAGS ${writeFlags(view.written(uid, flags))}`,
    )
    session.say(`* ${sequence} FETCH (${parts.join(' ')})`)
    if (items.some(item => item.kind === 'flags')) view.told(uid, flags)
    await session.output.room()
  }
}

function tellKeywords(session: Session): void {
  const { view, readOnly } = session.open
  const update = view.newKeywords()
  for (const line of update ? writeUpdate(update, readOnly) : []) session.say(line)
}

/** Resolves to the number of messages that are gone. */
async function fetchFromStore(session: Session, uids: readonly number[], items: readonly FetchItem[]): Promise<number> {
  const selected = session.open
  const marks = !selected.readOnly && items.some(item => item.kind === 'section' && !item.peek)
  let missing = 0
  for (let at = 0; at < uids.length; at += BATCH_MESSAGES) {
    const batch = uids.slice(at, at + BATCH_MESSAGES)
    const entries = await selected.mailbox.get(batch)
    missing += batch.length - entries.length
    for (const group of bySize(entries)) {
      const seen = marks ? await markSeen(selected, group) : new Map<number, MailEntry>()
      for (const entry of group) {
        if (!(await fetchOne(session, seen.get(entry.uid) ?? entry, items, seen.has(entry.uid)))) missing += 1
      }
    }
  }
  return missing
}

function bySize(entries: readonly MailEntry[]): MailEntry[][] {
  const groups: MailEntry[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const entry of entries) {
    if (bytes + entry.size > BATCH_BYTES) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)!.push(entry)
    bytes += entry.size
  }
  return groups
}

/** RFC 3501 §6.4.5: the flags that changed are told with the message. */
async function markSeen(selected: Selected, entries: readonly MailEntry[]): Promise<Map<number, MailEntry>> {
  const unseen = entries.filter(entry => !hasFlag(entry.flags, '\\Seen')).map(entry => entry.uid)
  if (unseen.length === 0) return new Map()
  const changed = await selected.mailbox.flag(unseen, { kind: 'add', flags: ['\\Seen'] })
  return new Map(changed.entries.map(entry => [entry.uid, entry]))
}

type Prepared = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'section'; readonly part: Resolved }

/** False when the message is gone; nothing has been sent then. */
async function fetchOne(
  session: Session,
  entry: MailEntry,
  items: readonly FetchItem[],
  flagsChanged: boolean,
): Promise<boolean> {
  const { mailbox, view, structures } = session.open
  const sequence = view.sequenceOf(entry.uid)
  if (sequence === undefined) return true
  const content = new Content(entry, mailbox, structures, session.deps.gate)
  const wanted =
    flagsChanged && !items.some(item => item.kind === 'flags') ? [...items, { kind: 'flags' } as const] : items
  const prepared = await prepareAll(content, view, wanted)
  if (!prepared) return false
  if (wanted.some(item => item.kind === 'flags')) {
    view.told(entry.uid, entry.flags)
    tellKeywords(session)
  }
  session.output.write(`* ${sequence} FETCH (`)
  for (const [index, one] of prepared.entries()) {
    if (index > 0) session.output.write(' ')
    if (one.kind === 'text') session.output.write(one.text)
    else await sendSection(session.output, content, one.part)
  }
  session.output.line(')')
  await session.output.room()
  return true
}

/** Everything that can fail without a trace on the wire is done first. */
async function prepareAll(content: Content, view: View, items: readonly FetchItem[]): Promise<Prepared[] | undefined> {
  const prepared: Prepared[] = []
  try {
    for (const item of items) prepared.push(await prepare(content, view, item))
    return prepared
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'errorCode' in error && error.errorCode === 'message-gone'
}

async function prepare(content: Content, view: View, item: FetchItem): Promise<Prepared> {
  if (item.kind === 'section') return { kind: 'section', part: await resolve(content, item) }
  return { kind: 'text', text: await simpleItem(content, view, item) }
}

async function simpleItem(
  content: Content,
  view: View,
  item: Exclude<FetchItem, { kind: 'section' }>,
): Promise<string> {
  const { entry } = content
  switch (item.kind) {
    case 'uid':
      return `UID ${entry.uid}`
    case 'flags':
      return `FLAGS ${writeFlags(view.written(entry.uid, entry.flags))}`
    case 'internaldate':
      return `INTERNALDATE ${formatDateTime(entry.date)}`
    case 'size':
      return `RFC822.SIZE ${entry.size}`
    case 'envelope':
      return `ENVELOPE ${writeEnvelope((await content.header()).fields)}`
    case 'structure': {
      const structure = await content.structure()
      return item.extended ? `BODYSTRUCTURE ${structure.extended}` : `BODY ${structure.body}`
    }
  }
}
