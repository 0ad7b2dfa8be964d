/**
 * FETCH of what mail programs list (flags, dates, sizes, ENVELOPE, BODYSTRUCTURE, PREVIEW): from the store's entries and the digests beside them, many
 * messages at a time. A message whose digest is missing is looked into, and what is made of it then is kept.
 */
import type { MailEntry } from 'posthouse/api'
import { type Beforehand, Content, fewFrom, lookAhead } from './content.js'
import { type DigestReader, digestReader } from './digest.js'
import type { Selected } from './selected.js'
import type { Session } from './session.js'
import { mayHoldGlobal } from './wire/bodystructure.js'
import { formatDateTime } from './wire/date.js'
import type { FetchItem } from './wire/fetch-items.js'
import { writeEmailId } from './wire/object-id.js'
import { writeFlags, writeString } from './wire/write.js'

export type ListedItem = Extract<
  FetchItem,
  {
    kind:
      | 'uid'
      | 'flags'
      | 'modseq'
      | 'emailid'
      | 'threadid'
      | 'savedate'
      | 'internaldate'
      | 'size'
      | 'envelope'
      | 'structure'
      | 'preview'
  }
>

/** Entries and digests are asked of the store by so many; others come between. */
const BATCH_MESSAGES = 500
/** So much is written down before it is sent: the structure of one message may be long. */
const BATCH_OCTETS = 1024 * 1024

const LISTED = new Set<FetchItem['kind']>([
  'uid',
  'flags',
  'modseq',
  'emailid',
  'threadid',
  'savedate',
  'internaldate',
  'size',
  'envelope',
  'structure',
  'preview',
])

export function isListed(item: FetchItem): item is ListedItem {
  return LISTED.has(item.kind)
}

/** Resolves to the number of messages that are gone. `tellKeywords` is called when flags may hold new ones. */
export async function fetchListed(
  session: Session,
  uids: readonly number[],
  items: readonly ListedItem[],
  tellKeywords: () => void,
): Promise<number> {
  const { mailbox, view } = session.open
  const [withFlags, withModseq] = [
    items.some(({ kind }) => kind === 'flags'),
    items.some(({ kind }) => kind === 'modseq'),
  ]
  let missing = 0
  for (let at = 0; at < uids.length; at += BATCH_MESSAGES) {
    const batch = uids.slice(at, at + BATCH_MESSAGES)
    const entries = await mailbox.get(batch)
    missing += batch.length - entries.length
    for (let from = 0; from < entries.length; ) {
      const texts = await textsOf(session, entries.slice(from), items)
      const some = entries.slice(from, from + texts.length)
      from += texts.length
      if (withFlags) {
        for (const entry of some) view.learn(entry.flags)
        tellKeywords()
      }
      for (const [index, entry] of some.entries()) {
        const text = texts[index]
        const sequence = view.sequenceOf(entry.uid)
        if (text === undefined) missing += 1
        if (text === undefined || sequence === undefined) continue
        if (withFlags) view.told(entry, withModseq)
        session.output.write(`* ${sequence} FETCH (${text})\r\n`)
        if (session.output.crowded) await session.output.room()
      }
    }
  }
  return missing
}

/** What stands between the parentheses, of the first of them and as many as there is room for; `undefined` where the message is gone. */
async function textsOf(
  session: Session,
  entries: readonly MailEntry[],
  items: readonly ListedItem[],
): Promise<(string | undefined)[]> {
  const { open } = session
  if (!items.some(inDigest)) return entries.map(entry => items.map(item => entryItem(open, entry, item)).join(' '))
  let room = BATCH_OCTETS
  const whole = new Set<number>()
  const known = await open.mailbox.digests(entries, (octets, entry) => {
    if (room <= 0) return undefined
    const digest = digestReader(octets)
    if (digest?.whole) whole.add(entry.uid)
    const text = digest && fromDigest(open, digest, entry, items)
    room -= text?.length ?? 0
    return text
  })
  // One that has a text had room, and so had all before it.
  const last = room > 0 ? entries.length : known.findLastIndex(text => text !== undefined) + 1
  return fillIn(session, entries, known.slice(0, last), items, whole)
}

/** Of messages without a digest, or whose digest does not say it all; fewer texts where there is no room for all. */
async function fillIn(
  session: Session,
  entries: readonly MailEntry[],
  texts: (string | undefined)[],
  items: readonly ListedItem[],
  digested: ReadonlySet<number>,
): Promise<(string | undefined)[]> {
  const { open, deps } = session
  const made: (readonly [MailEntry, Buffer])[] = []
  const headOnly = items.every(item => item.kind === 'envelope' || !inDigest(item))
  const ahead = new Map<number, Beforehand>()
  const todo = entries.filter((_, index) => index < texts.length && texts[index] === undefined)
  let next = 0
  let room = BATCH_OCTETS
  for (let index = 0; index < texts.length; index++) {
    if (texts[index] !== undefined) continue
    if (room <= 0) texts.length = index
    else {
      const entry = entries[index]!
      if (!ahead.has(entry.uid)) await readAhead(open, fewFrom(todo, next), ahead)
      next += 1
      const beforehand = { octets: ahead.get(entry.uid)?.octets, undigested: !digested.has(entry.uid), headOnly }
      const content = new Content(entry, open.mailbox, open.structures, deps.gate, beforehand)
      texts[index] = await fromMessage(open, content, items)
      if (content.made) made.push([entry, content.made])
      room -= (texts[index]?.length ?? 0) + (content.made?.length ?? 0)
      if (session.output.crowded) await session.output.room()
    }
  }
  deps.keeper.keep(open.mailbox, made)
  return texts
}

/** What was read ahead before is done with. */
async function readAhead(open: Selected, entries: readonly MailEntry[], ahead: Map<number, Beforehand>): Promise<void> {
  ahead.clear()
  for (const [uid, one] of await lookAhead(open.mailbox, entries, { digests: false, octets: true })) ahead.set(uid, one)
}

function inDigest({ kind }: ListedItem): boolean {
  return kind === 'envelope' || kind === 'structure' || kind === 'preview'
}

/** `undefined` where the digest does not hold all that is asked. */
function fromDigest(
  open: Selected,
  digest: DigestReader,
  entry: MailEntry,
  items: readonly ListedItem[],
): string | undefined {
  let text = ''
  for (const item of items) {
    const one = digestItem(digest, item) ?? entryItem(open, entry, item)
    if (one === undefined) return undefined
    text += text === '' ? one : ` ${one}`
  }
  return text
}

function digestItem(digest: DigestReader, item: ListedItem): string | undefined {
  switch (item.kind) {
    case 'envelope':
      return named('ENVELOPE', digest.envelope())
    case 'preview':
      return named('PREVIEW', digest.preview(), writePreview)
    case 'structure': {
      const text = item.extended ? digest.extended() : digest.body()
      // Kept is what most are told; the other one is made of the message.
      if (item.global && text !== undefined && mayHoldGlobal(text)) return undefined
      return named(item.extended ? 'BODYSTRUCTURE' : 'BODY', text)
    }
    default:
      return undefined
  }
}

function named(name: string, value: string | undefined, write = (text: string) => text): string | undefined {
  return value === undefined ? undefined : `${name} ${write(value)}`
}

/** RFC 8970 §3.2: text in UTF-8, which needs a literal where it is more than ASCII. */
export function writePreview(octets: string): string {
  return writeString(octets)
}

async function fromMessage(
  open: Selected,
  content: Content,
  items: readonly ListedItem[],
): Promise<string | undefined> {
  const parts: string[] = []
  try {
    for (const item of items) parts.push(await messageItem(open, content, item))
    return parts.join(' ')
  } catch (error) {
    if (error instanceof Error && 'errorCode' in error && error.errorCode === 'message-gone') return undefined
    throw error
  }
}

/** Of one message, whatever it takes. */
export async function messageItem(open: Selected, content: Content, item: ListedItem): Promise<string> {
  switch (item.kind) {
    case 'envelope':
      return `ENVELOPE ${await content.envelope()}`
    case 'structure':
      return `${item.extended ? 'BODYSTRUCTURE' : 'BODY'} ${await content.structureText(item)}`
    case 'preview': {
      // RFC 8970 §4.1: LAZY takes what is there, or NIL.
      const preview = item.lazy ? await content.kept(digest => digest.preview()) : await content.preview()
      return `PREVIEW ${preview === undefined ? 'NIL' : writePreview(preview)}`
    }
    default:
      return entryItem(open, content.entry, item)!
  }
}

/** What the entry alone tells. */
function entryItem(open: Selected, entry: MailEntry, item: ListedItem): string | undefined {
  switch (item.kind) {
    case 'uid':
      return `UID ${entry.uid}`
    case 'flags':
      return `FLAGS ${writeFlags(open.view.written(entry.uid, entry.flags))}`
    case 'modseq':
      return open.writeModseq(entry.modseq)
    case 'emailid':
      return `EMAILID (${writeEmailId(entry)})`
    case 'threadid':
      // RFC 8474 §5.2: we keep no threads over mailboxes; clients ask THREAD.
      return 'THREADID NIL'
    case 'savedate':
      return `SAVEDATE ${formatDateTime(entry.saved)}`
    case 'internaldate':
      return `INTERNALDATE ${formatDateTime(entry.date)}`
    case 'size':
      return `RFC822.SIZE ${entry.size}`
    default:
      return undefined
  }
}
