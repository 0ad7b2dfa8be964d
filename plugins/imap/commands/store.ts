/**
 * STORE and UID STORE (RFC 3501 §6.4.6). The store says what the flags are afterwards; .SILENT leaves that out, but what somebody else
 * changed at the same time is told all the same. With UNCHANGEDSINCE (RFC 7162 §3.1.3) messages somebody else changed meanwhile stay as they are.
 */
import type { FlagChange, MailEntry } from 'posthouse/api'
import { type Done, no, ok } from '../answer.js'
import { command } from '../command.js'
import { tellKeywords } from '../marking.js'
import { isDone, writeUpdate } from '../selected.js'
import type { Session } from '../session.js'
import { hasFlag, readFlags, sameFlags } from '../wire/flags.js'
import { readModseq } from '../wire/modseq.js'
import type { Reader } from '../wire/reader.js'
import { formatSet, type NumberSet, readSet } from '../wire/set.js'
import { writeFlags } from '../wire/write.js'
import { gone } from './fetch.js'

const BATCH_MESSAGES = 5000
/** So many flags may one message have: a client that makes up ever new ones shall not make its record grow for ever. */
const MOST_FLAGS = 200

export interface StoreArgs {
  readonly set: NumberSet
  readonly change: FlagChange
  readonly silent: boolean
  readonly unchangedSince?: number
}

export const store = command({
  name: 'STORE',
  states: ['selected'],
  uid: true,
  expunge: 'uid',
  read(input: Reader): StoreArgs {
    input.space()
    const set = readSet(input)
    input.space()
    const unchangedSince = input.can('CONDSTORE') && input.peek('(') ? readUnchangedSince(input) : undefined
    const sign = input.take(/[+-]/y)
    input.need(/FLAGS/iy, 'FLAGS, +FLAGS or -FLAGS')
    const silent = input.take(/\.SILENT/iy) !== undefined
    input.space()
    const kind = sign === '+' ? 'add' : sign === '-' ? 'remove' : 'replace'
    const change = { kind, flags: readFlags(input) } as const
    return { set, change, silent, ...(unchangedSince !== undefined && { unchangedSince }) }
  },
  async run(session, { set, change, silent, unchangedSince }, uid) {
    if (unchangedSince !== undefined) session.followModseqs()
    const selected = session.open
    const uids = selected.uids(set, uid)
    if (isDone(uids)) return uids
    if (selected.readOnly) return no('The mailbox is open for reading only', 'READ-ONLY')
    if (change.kind === 'add' && uids.some(one => isTooMany(selected.view.flagsOf(one) ?? [], change)))
      return no(`A message has ${MOST_FLAGS} flags at most`, 'LIMIT')
    let changed = 0
    const modified: number[] = []
    for (let at = 0; at < uids.length; at += BATCH_MESSAGES) {
      const slice = uids.slice(at, at + BATCH_MESSAGES)
      const { entries, refused } = await selected.mailbox.flag(slice, change, unchangedSince)
      changed += entries.length
      for (const one of refused) modified.push(one)
      tellKeywords(session, entries, change)
      await tell(session, entries, change, silent, uid)
    }
    session.deps.keeper.changes(selected.mailbox, changed)
    const missing = uids.length - changed - modified.length
    return conclude(session, modified, missing > 0 && !uid, uid)
  },
})

function isTooMany(flags: readonly string[], change: FlagChange): boolean {
  return flags.length + change.flags.length > MOST_FLAGS && applied(flags, change).length > MOST_FLAGS
}

function readUnchangedSince(input: Reader): number {
  input.need(/\(UNCHANGEDSINCE /iy, 'UNCHANGEDSINCE and a mod-sequence')
  const modseq = readModseq(input)
  input.need(')', ')')
  input.space()
  return modseq
}

function conclude(session: Session, modified: readonly number[], missing: boolean, uid: boolean): Done {
  if (modified.length === 0) return missing ? gone() : ok('STORE done')
  const { view } = session.open
  // RFC 7162 §3.1.3: what these messages have become is news, and follows before the answer.
  session.open.touch()
  const numbers = uid ? modified : modified.map(one => view.sequenceOf(one) ?? 0)
  const code = `MODIFIED ${formatSet(numbers)}`
  return missing
    ? no('Some of these messages have been removed meanwhile', code)
    : ok('Others were changed before', code)
}

async function tell(
  session: Session,
  entries: readonly MailEntry[],
  change: FlagChange,
  silent: boolean,
  uid: boolean,
): Promise<void> {
  const { features, open } = session
  const { view } = open
  const modseqs = features.enabled('CONDSTORE')
  for (const entry of entries) view.learn(entry.flags)
  const keywords = view.newKeywords()
  for (const line of keywords ? writeUpdate(keywords, open, features) : []) session.say(line)
  for (const entry of entries) {
    const expected = applied(view.flagsOf(entry.uid) ?? [], change)
    if (silent && !sameFlags(expected, entry.flags)) view.absorb({ changed: [entry], vanished: [], modseq: 0 })
    else view.told(entry, modseqs)
    // RFC 7162 §3.1.3: the MODSEQ is told also of a silent change.
    if (silent && !modseqs) continue
    const sequence = view.sequenceOf(entry.uid)
    if (sequence === undefined) continue
    const items = silent ? [] : [`FLAGS ${writeFlags(view.written(entry.uid, entry.flags))}`]
    if (modseqs) items.push(open.writeModseq(entry.modseq))
    // RFC 7162 §3.2.4, RFC 9051 Appendix E, 21
    if (uid || modseqs || features.enabled('IMAP4rev2')) items.unshift(`UID ${entry.uid}`)
    session.say(`* ${sequence} FETCH (${items.join(' ')})`)
    await session.output.room()
  }
}

/** What the client thinks the flags are now. */
export function applied(flags: readonly string[], change: FlagChange): readonly string[] {
  switch (change.kind) {
    case 'replace':
      return change.flags
    case 'add':
      return [...flags, ...change.flags.filter(flag => !hasFlag(flags, flag))]
    case 'remove':
      return flags.filter(flag => !hasFlag(change.flags, flag))
  }
}
