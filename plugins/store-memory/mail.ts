/**
 * The mailboxes of all accounts in memory: names, subscriptions and filing.
 * Every change happens in one turn: first everything is checked, then everything is done.
 */
import {
  type Cut,
  checkAccountId,
  checkMailboxName,
  DEFAULT_MAILBOXES,
  type Filing,
  isAdoptable,
  type Mailbox,
  type MailboxInfo,
  MailError,
  type MailStore,
  type SpecialUse,
} from 'posthouse/api'
import { isInferiorMailbox, mailboxLineage, mailboxName, newId, sumSize } from 'posthouse/text'
import type { MemoryBlobs } from './blobs.js'
import { Box } from './box.js'
import { type Account, MemoryMailbox } from './mailbox.js'
import type { Watchers } from './watchers.js'

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

  async adopt(accountId: string, name: string, uidValidity: number): Promise<MailboxInfo> {
    const account = this.#account(accountId)
    const known = checkMailboxName(name)
    const box = byName(account, known) ?? this.#make(account, known, vacantUse(account, known))
    if (box.uidNext === 1 && isAdoptable(uidValidity) && !account.retired.has(`${uidValidity} ${known}`)) {
      box.uidValidity = uidValidity
      box.foreignNext = box.uidNext
      this.#lastUidValidity = Math.max(this.#lastUidValidity, uidValidity)
    }
    this.#watchers.tell(box.id)
    return box.info(account.subscribed.has(known))
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
      retire(account, other)
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
    retire(account, box)
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
      const known = byName(account, name)
      if (known === undefined) account.subscribed.add(name)
      const box = known ?? this.#make(account, name, vacantUse(account, name))
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
    const account: Account = { boxes: new Map(), subscribed: new Set(), retired: new Set() }
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

/** RFC 9051 §2.3.1.1: where UIDs of ours were given, a mailbox of that name brought again must not give them to other messages. */
function retire(account: Account, { name, uidValidity, uidNext, foreignNext }: Box): void {
  if (foreignNext !== undefined && foreignNext !== uidNext) account.retired.add(`${uidValidity} ${name}`)
}
