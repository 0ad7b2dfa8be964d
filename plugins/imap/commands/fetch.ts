/**
 * FETCH and UID FETCH (RFC 3501 §6.4.5). What is asked decides what is read: flags and UIDs come from the view, sizes and dates from the
 * store's entries, envelopes from headers; only parts need the structure, and bodies go out in pieces as the client takes them.
 */
import type { MailEntry } from 'posthouse/api'
import { bad, type Done, no, ok } from '../answer.js'
import { command } from '../command.js'
import { Content, lookAhead } from '../content.js'
import { fetchFromView, isInView, tellKeywords } from '../fetch-view.js'
import { fetchListed, isListed, messageItem } from '../overview.js'
import { decodedSize, type Resolved, resolve, sendSection } from '../sections.js'
import { isDone, type Selected, writeVanished } from '../selected.js'
import type { Session } from '../session.js'
import { type FetchItem, readFetchItems } from '../wire/fetch-items.js'
import { type FetchModifiers, readFetchModifiers } from '../wire/fetch-modifiers.js'
import { hasFlag } from '../wire/flags.js'
import type { Reader } from '../wire/reader.js'
import { type NumberSet, type Ranges, readSet } from '../wire/set.js'

/** Entries are asked of the store by so many messages … */
const BATCH_MESSAGES = 200
/** … and \Seen is set for what is at most this large together, so that a torn connection leaves little unseen marked seen. */
const BATCH_BYTES = 1024 * 1024

export interface FetchArgs extends FetchModifiers {
  readonly set: NumberSet
  readonly items: readonly FetchItem[]
}

export const fetch = command({
  name: 'FETCH',
  states: ['selected'],
  uid: true,
  expunge: 'uid',
  // RFC 8474, RFC 8514: what else there is of them stands with CREATE, SELECT, STATUS and SEARCH; of RFC 3516 with APPEND.
  capabilities: [{ name: 'OBJECTID' }, { name: 'SAVEDATE' }, { name: 'BINARY' }, { name: 'PREVIEW' }],
  read(input: Reader): FetchArgs {
    input.space()
    const set = readSet(input)
    input.space()
    const items = readFetchItems(input)
    return { set, items, ...readFetchModifiers(input) }
  },
  async run(session, args, uid) {
    const refused = refuseModifiers(session, args, uid)
    if (refused) return refused
    const { set, changedSince } = args
    const items = itemsOf(args, uid)
    if (items.some(item => item.kind === 'modseq')) session.followModseqs()
    const selected = session.open
    const named = selected.uids(set, uid)
    if (isDone(named)) return named
    await selected.refresh()
    if (args.vanished) await tellVanished(session, args)
    const { view } = selected
    const uids = changedSince === undefined ? named : named.filter(one => (view.modseqOf(one) ?? 0) > changedSince)
    if (items.every(isInView)) {
      await fetchFromView(session, uids, items)
      return ok('FETCH done')
    }
    const missing = items.every(isListed)
      ? await fetchListed(session, uids, items, () => tellKeywords(session))
      : await fetchFromStore(session, uids, items)
    return missing > 0 && !uid ? gone() : ok('FETCH done')
  },
})

/** RFC 7162 §3.2.6 */
function refuseModifiers(session: Session, { vanished, changedSince }: FetchArgs, uid: boolean): Done | undefined {
  if (!vanished) return undefined
  if (!session.features.enabled('QRESYNC')) return bad('VANISHED needs ENABLE QRESYNC first')
  if (!uid) return bad('VANISHED belongs to UID FETCH')
  return changedSince === undefined ? bad('VANISHED needs CHANGEDSINCE') : undefined
}

/** With what is told unasked: UIDs in the UID form, and MODSEQs with CHANGEDSINCE (RFC 7162 §3.1.4.1). */
function itemsOf({ items, changedSince }: FetchArgs, uid: boolean): readonly FetchItem[] {
  const wanted = [...items]
  const add = (kind: 'uid' | 'modseq') => {
    if (!wanted.some(item => item.kind === kind)) wanted.unshift({ kind })
  }
  if (changedSince !== undefined) add('modseq')
  if (uid) add('uid')
  return wanted
}

/** RFC 7162 §3.2.6: before any FETCH response. */
async function tellVanished(session: Session, { set, changedSince = 0 }: FetchArgs): Promise<void> {
  await sayVanished(session, await session.open.vanishedOf(set, changedSince))
}

export async function sayVanished(session: Session, ranges: Ranges): Promise<void> {
  for (const line of writeVanished('* VANISHED (EARLIER)', ranges)) {
    session.say(line)
    await session.output.room()
  }
}

/** RFC 5530 §3, RFC 2180 §4.1: another session has removed messages this one may not hear of yet. */
export function gone(): Done {
  return no('Some of these messages have been removed meanwhile', 'EXPUNGEISSUED')
}

/** Resolves to the number of messages that are gone. */
async function fetchFromStore(session: Session, uids: readonly number[], items: readonly FetchItem[]): Promise<number> {
  const selected = session.open
  const marks = !selected.readOnly && items.some(item => item.kind === 'section' && !item.peek)
  const wanted = { digests: items.some(needsDigest), octets: items.some(needsOctets) }
  const made: Made[] = []
  let missing = 0
  for (let at = 0; at < uids.length; at += BATCH_MESSAGES) {
    const batch = uids.slice(at, at + BATCH_MESSAGES)
    const entries = await selected.mailbox.get(batch)
    missing += batch.length - entries.length
    for (const group of bySize(entries)) {
      const seen = marks ? await markSeen(selected, group) : new Map<number, MailEntry>()
      const ahead = await lookAhead(selected.mailbox, group, wanted)
      for (const entry of group) {
        const content = new Content(
          seen.get(entry.uid) ?? entry,
          selected.mailbox,
          selected.structures,
          session.deps.gate,
          ahead.get(entry.uid),
        )
        if (!(await fetchOne(session, content, items, seen.has(entry.uid)))) missing += 1
        if (content.made) made.push([content.entry, content.made])
      }
    }
    session.deps.keeper.keep(selected.mailbox, made.splice(0))
  }
  return missing
}

/** Where the parts of a message are stands in its digest. */
function needsDigest(item: FetchItem): boolean {
  if (item.kind === 'section') return item.section.path.length > 0
  return ['envelope', 'structure', 'preview', 'decoded-size'].includes(item.kind)
}

function needsOctets({ kind }: FetchItem): boolean {
  return kind === 'section' || kind === 'decoded-size'
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

/** Digests that were not there. */
type Made = readonly [MailEntry, Buffer]

type Prepared = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'section'; readonly part: Resolved }

/** False when the message is gone; nothing has been sent then. */
async function fetchOne(
  session: Session,
  content: Content,
  items: readonly FetchItem[],
  flagsChanged: boolean,
): Promise<boolean> {
  const { view } = session.open
  const { entry } = content
  const sequence = view.sequenceOf(entry.uid)
  if (sequence === undefined) return true
  const wanted = flagsChanged ? withChanged(items, session) : items
  const prepared = await prepareAll(content, session.open, wanted)
  if (!prepared) return false
  if (wanted.some(item => item.kind === 'flags')) {
    view.told(
      entry,
      wanted.some(item => item.kind === 'modseq'),
    )
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

/**
 * A change nobody asked for in so many words: what is told of any other is told of it (RFC 3501 §6.4.5, RFC 7162 §3.2.4, RFC 9051 Appendix E, 21).
 */
function withChanged(items: readonly FetchItem[], { features }: Session): readonly FetchItem[] {
  const modseqs = features.enabled('CONDSTORE')
  const kinds: ('uid' | 'flags' | 'modseq')[] = ['flags']
  if (modseqs || features.enabled('IMAP4rev2')) kinds.unshift('uid')
  if (modseqs) kinds.push('modseq')
  const more = kinds.filter(kind => !items.some(item => item.kind === kind))
  return [...items, ...more.map(kind => ({ kind }))]
}

/** Everything that can fail without a trace on the wire is done first. */
async function prepareAll(
  content: Content,
  open: Selected,
  items: readonly FetchItem[],
): Promise<Prepared[] | undefined> {
  const prepared: Prepared[] = []
  try {
    for (const item of items) prepared.push(await prepare(content, open, item))
    return prepared
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'errorCode' in error && error.errorCode === 'message-gone'
}

async function prepare(content: Content, open: Selected, item: FetchItem): Promise<Prepared> {
  if (item.kind === 'section') return { kind: 'section', part: await resolve(content, item) }
  if (item.kind === 'decoded-size')
    return { kind: 'text', text: `${item.label} ${await decodedSize(content, item.path)}` }
  return { kind: 'text', text: await messageItem(open, content, item) }
}
