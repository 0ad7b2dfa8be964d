/**
 * One mailbox in memory: its entries, its tombstones and the counters that never go back. It knows nothing of bodies or accounts;
 * what is added or taken away is counted by the caller.
 */
import {
  type Changes,
  type FlagChange,
  type MailboxInfo,
  type MailEntry,
  MOST_TOMBSTONES,
  type NewIndexBlock,
  type SpecialUse,
  type StoredMessage,
} from 'posthouse/api'
import { changeFlags, normaliseFlags } from 'posthouse/text'

/** All an entry says, but for what the mailbox gives it. */
export interface NewEntry extends StoredMessage {
  readonly emailId: string
  readonly flags: readonly string[]
  readonly date: number
  readonly saved: number
  readonly uniqueId?: string
}

export class Box {
  readonly id: string
  name: string
  uidValidity: number
  /** Of one with the UIDVALIDITY of another server: UIDNEXT while only that server's UIDs are in use; 0 once one of ours was given. */
  foreignNext: number | undefined
  readonly specialUse: SpecialUse | undefined
  gone = false
  /** Ascending: a block is added behind all others. */
  readonly index = new Map<number, NewIndexBlock>()
  /** UIDs by what was brought. */
  readonly sources = new Map<string, number>()
  /** Ascending by uid: a Map keeps the order of insertion, and UIDs only grow. */
  #entries = new Map<number, MailEntry>()
  #tombstones: { readonly uid: number; readonly modseq: number }[] = []
  /** Of expunges up to this MODSEQ some are forgotten. */
  #forgotten = 0
  #uidNext = 1
  #modseq = 1

  constructor(id: string, name: string, uidValidity: number, specialUse?: SpecialUse) {
    this.id = id
    this.name = name
    this.uidValidity = uidValidity
    this.specialUse = specialUse
  }

  get modseq(): number {
    return this.#modseq
  }

  get uidNext(): number {
    return this.#uidNext
  }

  entries(): MailEntry[] {
    return [...this.#entries.values()]
  }

  /** Those that exist, ascending, each once. */
  find(uids: readonly number[]): MailEntry[] {
    return [...new Set(uids)].sort((a, b) => a - b).flatMap(uid => this.#entries.get(uid) ?? [])
  }

  /** `wished`: UIDs they shall have, where they are not below UIDNEXT. */
  add(mails: readonly NewEntry[], wished: readonly (number | undefined)[] = []): number[] {
    if (mails.length > 0) this.#modseq++
    return mails.map((mail, at) => {
      this.reserve(wished[at] ?? 1)
      const uid = this.#uidNext++
      this.#entries.set(uid, { ...mail, flags: normaliseFlags(mail.flags), uid, modseq: this.#modseq })
      return uid
    })
  }

  /** No UID below is given any more. */
  reserve(uidNext: number): void {
    this.#uidNext = Math.max(this.#uidNext, uidNext)
  }

  flag(entries: readonly MailEntry[], change: FlagChange): readonly MailEntry[] {
    const modseq = this.#modseq + 1
    return entries.map(entry => {
      const flags = changeFlags(entry.flags, change)
      if (flags === entry.flags) return entry
      const after = { ...entry, flags, modseq }
      this.#modseq = modseq
      this.#entries.set(entry.uid, after)
      return after
    })
  }

  remove(entries: readonly MailEntry[]): void {
    if (entries.length > 0) this.#modseq++
    for (const { uid } of entries) {
      this.#entries.delete(uid)
      this.#tombstones.push({ uid, modseq: this.#modseq })
    }
    const forgotten = this.#tombstones.at(-MOST_TOMBSTONES - 1)
    if (forgotten === undefined) return
    this.#forgotten = forgotten.modseq
    this.#tombstones = this.#tombstones.filter(({ modseq }) => modseq > forgotten.modseq)
  }

  vanished(since: number): Pick<Changes, 'vanished' | 'complete'> {
    const vanished = this.#tombstones
      .filter(({ modseq }) => modseq > since)
      .map(({ uid }) => uid)
      .sort((a, b) => a - b)
    return { vanished, complete: since >= this.#forgotten }
  }

  info(subscribed: boolean): MailboxInfo {
    const entries = this.entries()
    return {
      id: this.id,
      name: this.name,
      uidValidity: this.uidValidity,
      uidNext: this.#uidNext,
      highestModseq: this.#modseq,
      messages: entries.length,
      unseen: entries.filter(entry => !entry.flags.includes('\\Seen')).length,
      deleted: entries.filter(entry => entry.flags.includes('\\Deleted')).length,
      bytes: entries.reduce((sum, entry) => sum + entry.size, 0),
      subscribed,
      ...(this.specialUse === undefined ? {} : { specialUse: this.specialUse }),
    }
  }
}
