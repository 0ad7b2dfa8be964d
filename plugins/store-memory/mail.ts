/**
 * The mailboxes of all accounts in memory: names, subscriptions, filing, and the `Mailbox` a session holds.
 * Every change happens in one turn: first everything is checked, then everything is done.
 */
import {
  type Changes,
  type Cut,
  checkAccountId,
  checkMailboxName,
  DEFAULT_MAILBOXES,
  type Filing,
  type FlagChange,
  type Mailbox,
  type MailboxInfo,
  type MailEntry,
  MailError,
  type MailIndex,
  type MailStore,
  type NewMail,
  type SpecialUse,
} from 'posthouse/api'
import { isInferiorMailbox, mailboxLineage, mailboxName, newId, sumSegments, sumSize } from 'posthouse/text'
import type { MemoryBlobs } from './blobs.js'
import { Box, type NewEntry } from './box.js'
import { MemoryIndex } from './mail-index.js'
import type { Watchers } from './watchers.js'

interface Account {
  readonly boxes: Map<string, Box>
  readonly subscribed: Set<string>
}

/** A body that is already adopted, for filing. */
export interface FiledBody {
  readonly id: string
  readonly size: number
  readonly cuts: readonly Cut[]
}

export class MemoryMail implements MailStore {
  readonly #accounts = new Map<string, Account>()
  readonly #blobs: MemoryBlobs
  readonly #watchers: Watchers
  readonly #now: () => number
  readonly #arrivals = new Set<(accountId: string, mailboxId: string) => void>()
  #lastUidValidity = 0

  constructor(blobs: MemoryBlobs, watchers: Watchers, now: () => number) {
    this.#blobs = blobs
    this.#watchers = watchers
    this.#now = now
  }

  async list(accountId: string): Promise<readonly MailboxInfo[]> {
    const account = this.#account(accountId)
    const infos = [...account.boxes.values()].map(box => box.info(account.subscribed.has(box.name)))
    return infos.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async find(accountId: string, name: string): Promise<MailboxInfo | undefined> {
    const account = this.#account(accountId)
    return byName(account, mailboxName(name))?.info(account.subscribed.has(mailboxName(name)!))
  }

  async open(accountId: string, mailboxId: string): Promise<Mailbox> {
    const account = this.#account(accountId)
    const box = account.boxes.get(mailboxId)
    if (box === undefined) throw new MailError('mailbox-gone', `no mailbox ${mailboxId}`)
    const tell = (changed: Box) => this.#watchers.tell(changed.id)
    const arrived = (changed: Box) => this.#arrived(accountId, changed)
    return new MemoryMailbox(accountId, account, box, this.#blobs, this.#watchers, { tell, arrived }, this.#now)
  }

  async create(accountId: string, name: string, specialUse?: SpecialUse): Promise<MailboxInfo> {
    const account = this.#account(accountId)
    const known = checkMailboxName(name)
    this.#mustBeFree(account, known)
    return this.#make(account, known, specialUse).info(account.subscribed.has(known))
  }

  async rename(accountId: string, from: string, to: string): Promise<void> {
    const account = this.#account(accountId)
    const box = need(account, from)
    const target = checkMailboxName(to)
    this.#mustBeFree(account, target)
    if (box.name === 'INBOX') return this.#empty(box, this.#make(account, target))
    if (isInferiorMailbox(target, box.name))
      throw new MailError('mailbox-forbidden', `${target} lies within ${box.name}`)
    const inferiors = [...account.boxes.values()].filter(other => isInferiorMailbox(other.name, box.name))
    const renamed = inferiors.map(
      other => [other, checkMailboxName(target + other.name.slice(box.name.length))] as const,
    )
    for (const [, name] of renamed) this.#mustBeFree(account, name)
    for (const [other, name] of [[box, target] as const, ...renamed]) {
      other.name = name
      this.#watchers.tell(other.id)
    }
    for (const parent of mailboxLineage(target).slice(0, -1))
      if (byName(account, parent) === undefined) this.#make(account, parent)
  }

  async delete(accountId: string, name: string): Promise<void> {
    const account = this.#account(accountId)
    const box = need(account, name)
    if (box.name === 'INBOX') throw new MailError('mailbox-forbidden', 'INBOX stays')
    account.boxes.delete(box.id)
    this.#clear(box)
  }

  async subscribe(accountId: string, name: string, subscribed: boolean): Promise<void> {
    const names = this.#account(accountId).subscribed
    if (subscribed) names.add(checkMailboxName(name))
    else names.delete(mailboxName(name) ?? name)
  }

  async subscriptions(accountId: string): Promise<readonly string[]> {
    return [...this.#account(accountId).subscribed].sort()
  }

  async usage(accountId: string): Promise<{ readonly bytes: number; readonly messages: number }> {
    const entries = [...(this.#accounts.get(accountId)?.boxes.values() ?? [])].flatMap(box => box.entries())
    return { bytes: entries.reduce((sum, entry) => sum + entry.size, 0), messages: entries.length }
  }

  async removeAccount(accountId: string): Promise<void> {
    for (const box of this.#accounts.get(accountId)?.boxes.values() ?? []) this.#clear(box)
    this.#accounts.delete(accountId)
  }

  watchArrivals(listener: (accountId: string, mailboxId: string) => void): () => void {
    this.#arrivals.add(listener)
    return () => this.#arrivals.delete(listener)
  }

  #arrived(accountId: string, box: Box): void {
    setImmediate(() => {
      for (const listener of this.#arrivals) listener(accountId, box.id)
    })
  }

  /** Throws when the filings cannot be made; nothing is changed. */
  check(filings: readonly Filing[]): void {
    for (const { accountId, mailbox } of filings) {
      checkAccountId(accountId)
      checkMailboxName(mailbox)
    }
  }

  /** The filings must have been checked. */
  file(filings: readonly Filing[], body: FiledBody): void {
    for (const filing of filings) {
      const account = this.#account(filing.accountId)
      const name = checkMailboxName(filing.mailbox)
      const box = byName(account, name) ?? this.#make(account, name, vacantUse(account, name))
      const { id: bodyId, size: bodySize, cuts } = body
      const size = sumSize({ prefixBytes: Buffer.byteLength(filing.prefix), bodySize, cuts })
      const { flags, date, prefix } = filing
      this.#blobs.refer(bodyId)
      box.add([{ bodyId, bodySize, cuts, prefix, size, emailId: newId(Date.now()), flags, date, saved: this.#now() }])
      this.#watchers.tell(box.id)
      this.#arrived(filing.accountId, box)
    }
  }

  #account(accountId: string): Account {
    const known = this.#accounts.get(checkAccountId(accountId))
    if (known !== undefined) return known
    const account: Account = { boxes: new Map(), subscribed: new Set() }
    this.#accounts.set(accountId, account)
    for (const [name, use] of DEFAULT_MAILBOXES) {
      this.#make(account, name, use)
      account.subscribed.add(name)
    }
    return account
  }

  #mustBeFree(account: Account, name: string): void {
    if (byName(account, name) !== undefined) throw new MailError('mailbox-exists', `${name} exists`)
  }

  #make(account: Account, name: string, specialUse?: SpecialUse): Box {
    for (const parent of mailboxLineage(name).slice(0, -1))
      if (byName(account, parent) === undefined) this.#make(account, parent)
    // RFC 9051 §2.3.1.1: a name made anew needs a value it never had; one clock-started count for the whole store gives that.
    this.#lastUidValidity = Math.max(this.#lastUidValidity + 1, Math.floor(this.#now() / 1000))
    const box = new Box(newId(Date.now()), name, this.#lastUidValidity, specialUse)
    account.boxes.set(box.id, box)
    return box
  }

  /** RFC 3501 §6.3.5: renaming INBOX moves its messages and leaves it, and its inferiors, where they are. */
  #empty(inbox: Box, to: Box): void {
    const entries = inbox.entries()
    to.add(entries.map(entry => ({ ...entry, saved: this.#now() })))
    inbox.remove(entries)
    this.#watchers.tell(inbox.id)
  }

  #clear(box: Box): void {
    for (const entry of box.entries()) this.#blobs.unrefer(entry.bodyId)
    box.gone = true
    this.#watchers.tell(box.id)
  }
}

/** Whom a mailbox tells of its changes. */
interface Tellers {
  tell(box: Box): void
  arrived(box: Box): void
}

class MemoryMailbox implements Mailbox {
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

  async list(from = 1, to = Number.POSITIVE_INFINITY): Promise<readonly MailEntry[]> {
    return this.#box()
      .entries()
      .filter(({ uid }) => uid >= from && uid <= to)
  }

  async get(uids: readonly number[]): Promise<readonly MailEntry[]> {
    return this.#box().find(uids)
  }

  async read(entry: MailEntry, from = 0, to = Number.POSITIVE_INFINITY): Promise<Buffer> {
    this.#box()
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
    const entries = mails.map(({ body, flags, date }) => {
      const { id, size } = this.#blobs.adopt(body)
      const emailId = newId(Date.now())
      return { bodyId: id, bodySize: size, cuts: [], prefix: '', size, emailId, flags, date, saved: this.#now() }
    })
    return this.#add(box, entries)
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
    return this.#copy(this.#box().find(uids), to)
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
    const changed = box.entries().filter(({ modseq }) => modseq > since)
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

  async keepDigests(digests: readonly (readonly [entry: MailEntry, digest: Buffer])[]): Promise<void> {
    for (const [{ bodyId, emailId }, digest] of digests) this.#blobs.digests(bodyId)?.set(emailId, Buffer.from(digest))
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

  #add(box: Box, entries: readonly NewEntry[]): number[] {
    for (const { bodyId } of entries) this.#blobs.refer(bodyId)
    const uids = box.add(entries)
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

function byName(account: Account, name: string | undefined): Box | undefined {
  if (name === undefined) return undefined
  for (const box of account.boxes.values()) if (box.name === name) return box
  return undefined
}

/** Throws `mailbox-gone`. */
function need(account: Account, name: string): Box {
  const box = byName(account, mailboxName(name))
  if (box === undefined) throw new MailError('mailbox-gone', `no mailbox ${JSON.stringify(name.slice(0, 100))}`)
  return box
}

/** The use a default name stands for, while no other mailbox has it. */
function vacantUse(account: Account, name: string): SpecialUse | undefined {
  const use = DEFAULT_MAILBOXES.find(([known]) => known === name)?.[1]
  return [...account.boxes.values()].some(box => box.specialUse === use) ? undefined : use
}
