/**
 * STORE and UID STORE (RFC 3501 §6.4.6). The store says what the flags are afterwards; .SILENT leaves that out, but what somebody else
 * changed at the same time is told all the same.
 */
import type { FlagChange, MailEntry } from 'posthouse/api'
import { no, ok } from '../answer.js'
import { command } from '../command.js'
import { tellKeywords } from '../marking.js'
import { isDone, writeUpdate } from '../selected.js'
import type { Session } from '../session.js'
import { hasFlag, readFlags, sameFlags } from '../wire/flags.js'
import type { Reader } from '../wire/reader.js'
import { type NumberSet, readSet } from '../wire/set.js'
import { writeFlags } from '../wire/write.js'
import { gone } from './fetch.js'

const BATCH_MESSAGES = 5000

export interface StoreArgs {
  readonly set: NumberSet
  readonly change: FlagChange
  readonly silent: boolean
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
    const sign = input.take(/[+-]/y)
    input.need(/FLAGS/iy, 'FLAGS, +FLAGS or -FLAGS')
    const silent = input.take(/\.SILENT/iy) !== undefined
    input.space()
    const kind = sign === '+' ? 'add' : sign === '-' ? 'remove' : 'replace'
    return { set, change: { kind, flags: readFlags(input) }, silent }
  },
  async run(session, { set, change, silent }, uid) {
    const selected = session.open
    const uids = selected.uids(set, uid)
    if (isDone(uids)) return uids
    if (selected.readOnly) return no('The mailbox is open for reading only', 'READ-ONLY')
    let changed = 0
    for (let at = 0; at < uids.length; at += BATCH_MESSAGES) {
      const { entries } = await selected.mailbox.flag(uids.slice(at, at + BATCH_MESSAGES), change)
      changed += entries.length
      tellKeywords(session, entries, change)
      await tell(session, entries, change, silent, uid)
    }
    return changed < uids.length && !uid ? gone() : ok('STORE done')
  },
})

async function tell(
  session: Session,
  entries: readonly MailEntry[],
  change: FlagChange,
  silent: boolean,
  uid: boolean,
): Promise<void> {
  const { view, readOnly } = session.open
  for (const entry of entries) view.learn(entry.flags)
  const keywords = view.newKeywords()
  for (const line of keywords ? writeUpdate(keywords, readOnly) : []) session.say(line)
  for (const entry of entries) {
    const expected = applied(view.flagsOf(entry.uid) ?? [], change)
    if (silent && !sameFlags(expected, entry.flags)) view.absorb({ changed: [entry], vanished: [], modseq: 0 })
    else view.told(entry.uid, entry.flags)
    if (silent) continue
    const sequence = view.sequenceOf(entry.uid)
    if (sequence === undefined) continue
    session.say(
      `* ${sequence} FETCH (${uid ? `UID ${entry.uid} ` : ''}FLAGS ${writeFlags(view.written(entry.uid, entry.flags))})`,
    )
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
