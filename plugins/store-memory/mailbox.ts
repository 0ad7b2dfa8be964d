/**
 * The `Mailbox` a session holds, in memory. Every change happens in one turn: first everything is checked, then everything is done.
 */
import {
  type BroughtMail,
  type Changes,
  checkUniqueIds,
  type FlagChange,
  type Mailbox,
  type MailboxInfo,
  type MailboxSnapshot,
  type MailEntry,
  MailError,
  type MailIndex,
  type NewMail,
  Roll,
  withoutUniqueId,
} from 'posthouse/api'
import { newId, sumSegments } from 'posthouse/text'
import type { MemoryBlobs } from './blobs.js'
import type { Box, NewEntry } from './box.js'
import { MemoryIndex } from './mail-index.js'
import type { Watchers } from './watchers.js'

export interface Account {
  readonly boxes: Map<string, Box>
  readonly subscribed: Set<string>
  /** UIDVALIDITY and name where UIDs were given that another server does not know. */
  readonly retired: Set<string>
}

/** Whom a mailbox tells of its changes. */
export interface Tellers {
  tell(box: Box): void
  arrived(box: Box): void
}

export class MemoryMailbox implements Mailbox {
  readonly accountId: string
  readonly id: string
  readonly index: MailIndex
  readonly #account: Account
  readonly #blobs: MemoryBlobs
  readonly #watchers: Watchers
  readonly #tellers: Tellers
  readonly #now: () => number
  readonly #own: Box

  constructor(
    accountId: string,
    account: Account,
    box: Box,
    blobs: MemoryBlobs,
    watchers: Watchers,
    tellers: Tellers,
    now: () => number,
  ) {
    this.accountId = accountId
    this.id = box.id
    this.#account = account
    this.#own = box
    this.index = new MemoryIndex(box)
    this.#blobs = blobs
    this.#watchers = watchers
    this.#tellers = tellers
    this.#now = now
  }

  async info(): Promise<MailboxInfo> {
    const box = this.#box()
    return box.info(this.#account.subscribed.has(box.name))
  }

  async snapshot(): Promise<MailboxSnapshot> {
    const box = this.#box()
    return { info: box.info(this.#account.subscribed.has(box.name)), roll: new Roll(box.modseq, box.entries()) }
  }

  async list(from = 1, to = Number.POSITIVE_INFINITY): Promise<readonly MailEntry[]> {
    return this.#box()
      .entries()
      .filter(({ uid }) => uid >= from && uid <= to)
  }

  async get(uids: readonly number[]): Promise<readonly MailEntry[]> {
    return this.#box().find(uids)
  }

  async readAll(entries: readonly MailEntry[]): Promise<readonly (Buffer | undefined)[]> {
    this.#box()
    return entries.map(entry =>
      this.#blobs.has(entry.bodyId) ? this.#octets(entry, 0, Number.POSITIVE_INFINITY) : undefined,
    )
  }

  async read(entry: MailEntry, from = 0, to = Number.POSITIVE_INFINITY): Promise<Buffer> {
    this.#box()
    return this.#octets(entry, from, to)
  }

  #octets(entry: MailEntry, from: number, to: number): Buffer {
    const body = this.#blobs.need(entry.bodyId)
    const prefix = Buffer.from(entry.prefix)
    const parts = { prefixBytes: prefix.length, bodySize: body.length, cuts: entry.cuts }
    return Buffer.concat(
      sumSegments(parts, from, to).map(({ from, start, end }) =>
        (from === 'prefix' ? prefix : body).subarray(start, end),
      ),
    )
  }

  async append(mails: readonly NewMail[]): Promise<readonly number[]> {
    return this.#append(this.#box(), mails)
  }

  #append(box: Box, mails: readonly NewMail[]): number[] {
    for (const { body } of mails) this.#blobs.check(body)
    const entries = mails.map(mail => this.#entryOf(mail))
    return this.#add(box, entries)
  }

  #entryOf({ body, flags, date }: NewMail): NewEntry {
    const { id, size } = this.#blobs.adopt(body)
    const emailId = newId(Date.now())
    return { bodyId: id, bodySize: size, cuts: [], prefix: '', size, emailId, flags, date, saved: this.#now() }
  }

  async bring(mails: readonly BroughtMail[], uidNext = 1): Promise<readonly number[]> {
    const box = this.#box()
    checkUniqueIds(mails)
    const bySource = new Map(mails.toReversed().map(mail => [mail.source, mail]))
    const fresh = mails.filter(mail => bySource.get(mail.source) === mail && !box.sources.has(mail.source))
    for (const { body } of fresh) this.#blobs.check(body)
    const entries = fresh.map(mail => {
      const { uniqueId } = mail
      return { ...this.#entryOf(mail), ...(uniqueId !== undefined && { uniqueId }) }
    })
    const theirs = box.foreignNext === box.uidNext
    const uids = this.#add(box, entries, fresh.map(({ uid }) => uid)) // biome-ignore format: short
    for (const [at, { source }] of fresh.entries()) box.sources.set(source, uids[at]!)
    box.reserve(uidNext)
    if (box.foreignNext !== undefined && box.foreignNext !== box.uidNext)
      box.foreignNext = theirs && fresh.every(({ uid }, at) => uid === uids[at]) ? box.uidNext : 0
    return mails.map(({ source }) => box.sources.get(source)!)
  }

  async brought(sources: readonly string[]): Promise<readonly (number | undefined)[]> {
    const box = this.#box()
    return sources.map(source => box.sources.get(source))
  }

  async flag(uids: readonly number[], change: FlagChange, unchangedSince = Number.POSITIVE_INFINITY) {
    const box = this.#box()
    const found = box.find(uids)
    const before = box.modseq
    const entries = box.flag(
      found.filter(({ modseq }) => modseq <= unchangedSince),
      change,
    )
    if (box.modseq !== before) this.#tellers.tell(box)
    return { entries, refused: found.filter(({ modseq }) => modseq > unchangedSince).map(({ uid }) => uid) }
  }

  async expunge(uids: readonly number[]): Promise<readonly number[]> {
    const box = this.#box()
    return this.#remove(box, box.find(uids))
  }

  async copy(uids: readonly number[], to: string): Promise<readonly (readonly [number, number])[]> {
    return this.#copy(this.#box().find(uids).map(withoutUniqueId), to)
  }

  async move(uids: readonly number[], to: string): Promise<readonly (readonly [number, number])[]> {
    const box = this.#box()
    const entries = box.find(uids)
    const pairs = this.#copy(entries, to)
    this.#remove(box, entries)
    return pairs
  }

  async replace(uid: number, mail: NewMail, to: string): Promise<number> {
    const box = this.#box()
    const target = this.#target(to)
    const entries = box.find([uid])
    if (entries.length === 0) throw new MailError('message-gone', `no message ${uid} to be replaced`)
    const [made] = this.#append(target, [mail])
    this.#remove(box, entries)
    return made!
  }

  async changes(since: number): Promise<Changes> {
    const box = this.#own
    if (box.gone) return { modseq: since, uidNext: box.uidNext, changed: [], vanished: [], complete: true, gone: true }
    const later = box.entries().filter(({ modseq }) => modseq > since)
    const changed = later.map(({ uid, flags, modseq }) => ({ uid, flags, modseq }))
    return { modseq: box.modseq, uidNext: box.uidNext, changed, ...box.vanished(since), gone: false }
  }

  async vanished(since: number): Promise<Pick<Changes, 'vanished' | 'complete'>> {
    return this.#box().vanished(since)
  }

  watch(listener: () => void): () => void {
    return this.#watchers.add(this.id, listener)
  }

  async digests<T>(
    entries: readonly MailEntry[],
    read: (digest: Buffer, entry: MailEntry) => T,
  ): Promise<(T | undefined)[]> {
    this.#box()
    return entries.map(entry => {
      const digest = this.#blobs.digests(entry.bodyId)?.get(entry.emailId)
      return digest === undefined ? undefined : read(digest, entry)
    })
  }

  async keepDigests(
    digests: readonly (readonly [entry: MailEntry, digest: Buffer])[],
    stays: (there: Buffer, digest: Buffer) => boolean = () => false,
  ): Promise<void> {
    for (const [{ bodyId, emailId }, digest] of digests) {
      const kept = this.#blobs.digests(bodyId)
      const there = kept?.get(emailId)
      if (there === undefined || !stays(there, digest)) kept?.set(emailId, Buffer.from(digest))
    }
  }

  #box(): Box {
    if (this.#own.gone) throw new MailError('mailbox-gone', `mailbox ${this.id} has been deleted`)
    return this.#own
  }

  #target(id: string): Box {
    const target = this.#account.boxes.get(id)
    if (target === undefined) throw new MailError('mailbox-gone', `no mailbox ${id}`)
    return target
  }

  #copy(entries: readonly MailEntry[], to: string): (readonly [number, number])[] {
    const uids = this.#add(
      this.#target(to),
      entries.map(entry => ({ ...entry, saved: this.#now() })),
    )
    return entries.map(({ uid }, at) => [uid, uids[at]!] as const)
  }

  #add(box: Box, entries: readonly NewEntry[], wished?: readonly (number | undefined)[]): number[] {
    for (const { bodyId } of entries) this.#blobs.refer(bodyId)
    const uids = box.add(entries, wished)
    if (uids.length > 0) {
      this.#tellers.tell(box)
      this.#tellers.arrived(box)
    }
    return uids
  }

  #remove(box: Box, entries: readonly MailEntry[]): number[] {
    box.remove(entries)
    for (const { bodyId } of entries) this.#blobs.unrefer(bodyId)
    if (entries.length > 0) this.#tellers.tell(box)
    return entries.map(({ uid }) => uid)
  }
}
