/**
 * Mailboxes and their entries as they lie in the store. A box's counters change with its entries in one place; UIDs and MODSEQs only
 * grow; what is expunged leaves a tombstone. `history` is ordered by MODSEQ, so that "what happened since" is a range scan.
 * Everything that changes something belongs inside a write.
 */
import type { Database } from 'lmdb'
import {
  type Cut,
  internFlags,
  type MailboxInfo,
  type MailEntry,
  MailError,
  MOST_TOMBSTONES,
  type RollLine,
  type SpecialUse,
} from 'posthouse/api'
import { type Environment, firstKey } from './environment.js'
import { under } from './keys.js'
import { KnownBoxes } from './known-boxes.js'
import { Sums } from './sums.js'

/** A mailbox at rest. Changed in memory during a write and put back at its end. */
export interface Box {
  readonly id: string
  readonly accountId: string
  name: string
  uidValidity: number
  uidNext: number
  modseq: number
  messages: number
  unseen: number
  deleted: number
  bytes: number
  /** How many there are; those of a mailbox that was made before they were counted come on top. */
  tombstones?: number
  /** Of expunges up to this MODSEQ some are forgotten. */
  forgotten?: number
  readonly specialUse: SpecialUse | ''
  /** Of one with the UIDVALIDITY of another server: UIDNEXT while only that server's UIDs are in use; 0 once one of ours was given. */
  foreignNext?: number
}

/** All an entry says, but for what the mailbox gives it. */
export type NewEntry = Omit<MailEntry, 'uid' | 'modseq'>

/** A list and not an object: a hundred thousand of them are read at once. */
type EntryRecord = readonly [
  bodyId: string,
  bodySize: number,
  cuts: readonly Cut[],
  prefix: string,
  size: number,
  emailId: string,
  flags: readonly string[],
  modseq: number,
  date: number,
  saved: number,
  uniqueId?: string,
]

type EntryKey = [boxId: string, uid: number]
type HistoryKey = [boxId: string, modseq: number, uid: number]

/** What has happened in a mailbox, as far as it was read: UIDs, as they come. */
export interface Happened {
  readonly changed: number[]
  readonly vanished: number[]
  /** Where reading goes on. */
  from: readonly (string | number)[]
}

const CHANGED = 0
const VANISHED = 1

/** So many more than are kept may there be, so that they are not looked through for every message. */
const SPARE_TOMBSTONES = 2_000

export class Boxes {
  readonly #boxes: Database<Box, string>
  readonly #known: KnownBoxes
  readonly #entries: Database<EntryRecord, EntryKey>
  readonly #history: Database<number, HistoryKey>
  /** Mailboxes as changes of this commit have left them: mail comes in many a commit, and each would read and write its mailbox anew. */
  readonly #changed: Sums<{ readonly box: Box | undefined }>

  constructor(env: Environment) {
    this.#boxes = env.database('boxes')
    this.#known = new KnownBoxes(this.#boxes)
    this.#entries = env.database('entries')
    this.#history = env.database('history')
    const put = (id: string, { box }: { readonly box: Box | undefined }) =>
      box === undefined ? this.#boxes.remove(id) : this.#boxes.put(id, box)
    // Two stores of a process would give the same UID twice, did not each see what the other has changed.
    this.#changed = env.sumOf('boxes', () => new Sums((_before, after) => after, put))
  }

  find(id: string): Box | undefined {
    const changed = this.#changed.pending(id)
    return changed === undefined ? this.#known.find(id) : changed.box && { ...changed.box }
  }

  /** Throws `mailbox-gone`, also when the mailbox is another account's. */
  need(accountId: string, id: string): Box {
    const box = this.find(id)
    if (box?.accountId !== accountId) throw new MailError('mailbox-gone', `no mailbox ${id} in account ${accountId}`)
    return box
  }

  put(box: Box): void {
    this.#changed.add(box.id, { box: { ...box } })
  }

  removeBox(id: string): void {
    this.#changed.add(id, { box: undefined })
  }

  // ── entries ──

  entry(boxId: string, uid: number): MailEntry | undefined {
    const record = this.#entries.get([boxId, uid])
    return record === undefined ? undefined : toEntry(uid, record)
  }

  /** Those there are of these; ascending, each named once. Where they lie close together a range is read in half the time. */
  some(boxId: string, uids: readonly number[]): MailEntry[] {
    const [first, last] = [uids[0] ?? 0, uids.at(-1) ?? 0]
    const found: MailEntry[] = []
    if (last - first >= 2 * uids.length) {
      for (const uid of uids) {
        const entry = this.entry(boxId, uid)
        if (entry !== undefined) found.push(entry)
      }
      return found
    }
    let at = 0
    for (const entry of this.entries(boxId, first, last, Number.MAX_SAFE_INTEGER)) {
      while (uids[at]! < entry.uid) at++
      if (uids[at] === entry.uid) found.push(entry)
    }
    return found
  }

  lines(boxId: string, uids: readonly number[]): RollLine[] {
    return this.some(boxId, uids).map(({ uid, flags, modseq }) => ({ uid, flags: internFlags(flags), modseq }))
  }

  /** Ascending; at most `limit`. */
  entries(boxId: string, from: number, to: number, limit: number): MailEntry[] {
    const range = this.#entries.getRange({ start: [boxId, from], end: [boxId, to], inclusiveEnd: true, limit })
    const entries: MailEntry[] = []
    for (const { key, value } of range) entries.push(toEntry(key[1], value))
    return entries
  }

  /** All entries added in one change share its MODSEQ: raise it first. Gives the UID. */
  add(box: Box, entry: NewEntry): number {
    const uid = box.uidNext++
    this.#entries.put([box.id, uid], toRecord(entry, box.modseq))
    this.#history.put([box.id, box.modseq, uid], CHANGED)
    count(box, entry, 1)
    return uid
  }

  /** The entry with other flags, under the box's MODSEQ. */
  change(box: Box, before: MailEntry, flags: readonly string[]): MailEntry {
    const after = { ...before, flags, modseq: box.modseq }
    this.#entries.put([box.id, before.uid], toRecord(after, box.modseq))
    this.#history.remove([box.id, before.modseq, before.uid])
    this.#history.put([box.id, box.modseq, before.uid], CHANGED)
    count(box, before, -1)
    count(box, after, 1)
    return after
  }

  /** Leaves a tombstone. */
  remove(box: Box, entry: MailEntry): void {
    this.#entries.remove([box.id, entry.uid])
    this.#history.remove([box.id, entry.modseq, entry.uid])
    this.#history.put([box.id, box.modseq, entry.uid], VANISHED)
    box.tombstones = (box.tombstones ?? 0) + 1
    count(box, entry, -1)
  }

  /** RFC 7162 §5.3: the oldest tombstones go when there are too many. */
  forget(box: Box): void {
    const { tombstones = 0 } = box
    if (tombstones <= MOST_TOMBSTONES + SPARE_TOMBSTONES) return
    let left = tombstones - MOST_TOMBSTONES
    // What is older has no tombstones any more: nothing is passed over twice.
    const range = this.#history.getRange({ start: [box.id, (box.forgotten ?? 0) + 1], end: under(box.id).end })
    const old: HistoryKey[] = []
    for (const { key, value } of range) {
      if (value !== VANISHED) continue
      // Those of one change go together, so that a MODSEQ is remembered or not.
      if (left <= 0 && key[1] !== box.forgotten) break
      old.push(key)
      left -= 1
      box.forgotten = key[1]
    }
    for (const key of old) this.#history.remove(key)
    box.tombstones = tombstones - old.length
  }

  /** Nothing is read yet of what is new, changed or gone after `since`. */
  since(boxId: string, since: number): Happened {
    return { changed: [], vanished: [], from: [boxId, Math.floor(since) + 1] }
  }

  /**
   * Reads at most `limit` more. False when nothing is left: what was read leads to the mailbox as it is at this moment. Whoever stopped at an earlier
   * one could miss a new message that was changed meanwhile and so went to the end of the history; who has heard of later messages
   * never takes it in any more, as UIDs only grow.
   */
  readOn(boxId: string, happened: Happened, limit: number): boolean {
    const range = this.#history.getRange({ start: [...happened.from], end: under(boxId).end, limit })
    let read = 0
    for (const { key, value } of range) {
      const uids = value === VANISHED ? happened.vanished : happened.changed
      uids.push(key[2])
      if (++read === limit) happened.from = [...key, 0]
    }
    return read === limit
  }

  /** Whether nothing after `since` is forgotten. */
  remembers(box: Box, since: number): boolean {
    return since >= (box.forgotten ?? 0)
  }

  /** Removes up to `limit` entries of a mailbox that is gone, without trace. Gives their bodies and whether nothing is left. */
  purge(boxId: string, limit: number): { readonly bodyIds: string[]; readonly done: boolean } {
    const entries = [...this.#entries.getRange({ ...under(boxId), limit })]
    for (const { key } of entries) this.#entries.remove(key)
    const history = [...this.#history.getKeys({ ...under(boxId), limit: limit * 2 })]
    for (const key of history) this.#history.remove(key)
    const left = firstKey(this.#entries, under(boxId)) ?? firstKey(this.#history, under(boxId))
    return { bodyIds: entries.map(({ value }) => value[0]), done: left === undefined }
  }
}

/** As typed arrays sort: a tenth of the time that a list takes. */
export function ascending(uids: readonly number[]): readonly number[] {
  const sorted = uids.every((uid, at) => at === 0 || uid > uids[at - 1]!)
  return sorted ? uids : [...new Set(Float64Array.from(uids).sort())]
}

export function toInfo(box: Box, subscribed: boolean): MailboxInfo {
  const { id, name, uidValidity, uidNext, messages, unseen, deleted, bytes, specialUse } = box
  const info = {
    id,
    name,
    uidValidity,
    uidNext,
    highestModseq: box.modseq,
    messages,
    unseen,
    deleted,
    bytes,
    subscribed,
  }
  return specialUse === '' ? info : { ...info, specialUse }
}

function count(box: Box, { size, flags }: Pick<MailEntry, 'size' | 'flags'>, by: 1 | -1): void {
  box.messages += by
  box.bytes += by * size
  if (!flags.includes('\\Seen')) box.unseen += by
  if (flags.includes('\\Deleted')) box.deleted += by
}

function toRecord(entry: NewEntry, modseq: number): EntryRecord {
  const { bodyId, bodySize, cuts, prefix, size, emailId, flags, date, saved, uniqueId } = entry
  const record = [bodyId, bodySize, cuts, prefix, size, emailId, flags, modseq, date, saved] as const
  return uniqueId === undefined ? record : [...record, uniqueId]
}

function toEntry(uid: number, record: EntryRecord): MailEntry {
  const [bodyId, bodySize, cuts, prefix, size, emailId, flags, modseq, date, saved, uniqueId] = record
  const entry = { uid, bodyId, bodySize, cuts, prefix, size, emailId, flags, modseq, date, saved }
  return uniqueId === undefined ? entry : { ...entry, uniqueId }
}
