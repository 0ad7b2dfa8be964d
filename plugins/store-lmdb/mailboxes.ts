/** The mailboxes of accounts: listing, making, renaming, deleting, subscribing. What happens inside one mailbox is in `mailbox.ts`. */
import {
  checkAccountId,
  checkMailboxName,
  type Mailbox,
  type MailboxInfo,
  MailError,
  type MailStore,
  type SpecialUse,
} from 'posthouse/api'
import { isInferiorMailbox, mailboxName } from 'posthouse/text'
import type { LmdbBodies } from './bodies.js'
import { type Box, type Boxes, toInfo } from './boxes.js'
import type { Copies } from './copies.js'
import type { Digests } from './digests.js'
import type { Directory } from './directory.js'
import type { Doomed } from './doomed.js'
import type { Environment } from './environment.js'
import type { Indexes } from './mail-index.js'
import { LmdbMailbox, takeOut } from './mailbox.js'
import type { News } from './news.js'
import type { Rolls } from './rolls.js'
import type { Sources } from './sources.js'

export interface MailParts {
  readonly env: Environment
  readonly boxes: Boxes
  readonly directory: Directory
  readonly bodies: LmdbBodies
  readonly digests: Digests
  readonly indexes: Indexes
  readonly rolls: Rolls
  readonly copies: Copies
  readonly doomed: Doomed
  readonly sources: Sources
  readonly news: News
}

export class LmdbMailStore implements MailStore {
  readonly #parts: MailParts
  readonly #directory: Directory
  readonly #now: () => number

  constructor(parts: MailParts, now: () => number) {
    this.#parts = parts
    this.#directory = parts.directory
    this.#now = now
  }

  async list(accountId: string): Promise<readonly MailboxInfo[]> {
    await this.#use(accountId)
    return this.#directory.boxes(accountId).map(box => this.#info(box))
  }

  async find(accountId: string, name: string): Promise<MailboxInfo | undefined> {
    await this.#use(accountId)
    const box = this.#directory.byName(accountId, mailboxName(name))
    return box === undefined ? undefined : this.#info(box)
  }

  async open(accountId: string, mailboxId: string): Promise<Mailbox> {
    await this.#use(accountId)
    return new LmdbMailbox(this.#parts, this.#parts.boxes.need(accountId, mailboxId), this.#now)
  }

  async create(accountId: string, name: string, specialUse?: SpecialUse): Promise<MailboxInfo> {
    const known = checkMailboxName(name)
    return this.#change(accountId, () => {
      this.#directory.mustBeFree(accountId, known)
      return this.#info(this.#directory.make(accountId, known, specialUse))
    })
  }

  async adopt(accountId: string, name: string, uidValidity: number): Promise<MailboxInfo> {
    const known = checkMailboxName(name)
    const { box, info } = await this.#change(accountId, () => {
      const box = this.#directory.adopt(accountId, known, uidValidity)
      return { box, info: this.#info(box) }
    })
    this.#parts.news.tell([box.id])
    return info
  }

  async rename(accountId: string, from: string, to: string): Promise<void> {
    const target = checkMailboxName(to)
    const told = await this.#change(accountId, () => {
      const box = this.#directory.need(accountId, from)
      this.#directory.mustBeFree(accountId, target)
      return box.name === 'INBOX' ? this.#empty(box, target) : this.#rename(box, target)
    })
    this.#parts.news.tell(told)
  }

  async delete(accountId: string, name: string): Promise<void> {
    const id = await this.#change(accountId, () => {
      const box = this.#directory.need(accountId, name)
      if (box.name === 'INBOX') throw new MailError('mailbox-forbidden', 'INBOX stays')
      this.#directory.unname(box)
      this.#parts.doomed.add(box)
      return box.id
    })
    this.#parts.doomed.wake()
    this.#parts.news.tell([id])
  }

  async subscribe(accountId: string, name: string, subscribed: boolean): Promise<void> {
    const known = subscribed ? checkMailboxName(name) : mailboxName(name)
    if (known !== undefined)
      await this.#change(accountId, () => this.#directory.subscribe(accountId, known, subscribed))
  }

  async subscriptions(accountId: string): Promise<readonly string[]> {
    await this.#use(accountId)
    return this.#directory.subscriptions(accountId)
  }

  async usage(accountId: string): Promise<{ readonly bytes: number; readonly messages: number }> {
    this.#parts.env.refresh()
    const boxes = this.#directory.boxes(checkAccountId(accountId))
    return {
      bytes: boxes.reduce((sum, box) => sum + box.bytes, 0),
      messages: boxes.reduce((sum, box) => sum + box.messages, 0),
    }
  }

  async removeAccount(accountId: string): Promise<void> {
    checkAccountId(accountId)
    const told = await this.#parts.env.write(() => {
      const boxes = this.#directory.boxes(accountId)
      for (const box of boxes) {
        this.#directory.unname(box)
        this.#parts.doomed.add(box)
      }
      this.#directory.removeAccount(accountId)
      return boxes.map(({ id }) => id)
    })
    this.#parts.doomed.wake()
    this.#parts.news.tell(told)
  }

  /** What was left half done by processes that have died. */
  async mend(): Promise<void> {
    await this.#parts.copies.mend(copy => takeOut(this.#parts, copy, this.#now))
  }

  watchArrivals(listener: (accountId: string, mailboxId: string) => void): () => void {
    return this.#parts.news.watchArrivals(id => {
      const box = this.#parts.boxes.find(id)
      if (box !== undefined) listener(box.accountId, id)
    })
  }

  /** An account's first use makes its mailboxes. */
  async #use(accountId: string): Promise<void> {
    this.#parts.env.refresh()
    if (!this.#directory.hasAccount(checkAccountId(accountId))) await this.#change(accountId, () => undefined)
  }

  #change<T>(accountId: string, change: () => T): Promise<T> {
    checkAccountId(accountId)
    return this.#parts.env.write(() => {
      this.#directory.ensureAccount(accountId)
      return change()
    })
  }

  #info(box: Box): MailboxInfo {
    return toInfo(box, this.#directory.isSubscribed(box.accountId, box.name))
  }

  #rename(box: Box, target: string): string[] {
    if (isInferiorMailbox(target, box.name))
      throw new MailError('mailbox-forbidden', `${target} lies within ${box.name}`)
    const before = box.name
    const inferiors = this.#directory.inferiors(box.accountId, before)
    const moves = inferiors.map(other => [other, checkMailboxName(target + other.name.slice(before.length))] as const)
    for (const [, name] of moves) this.#directory.mustBeFree(box.accountId, name)
    for (const [other, name] of [[box, target] as const, ...moves]) this.#directory.rename(other, name)
    this.#directory.makeParents(box.accountId, target)
    return [box, ...inferiors].map(({ id }) => id)
  }

  /** RFC 3501 §6.3.5: renaming INBOX moves its messages and leaves it, and its inferiors, where they are. */
  #empty(inbox: Box, target: string): string[] {
    const { boxes } = this.#parts
    const to = this.#directory.make(inbox.accountId, target)
    const entries = boxes.entries(inbox.id, 1, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER)
    if (entries.length > 0) {
      to.modseq++
      inbox.modseq++
    }
    for (const entry of entries) {
      boxes.add(to, { ...entry, saved: this.#now() })
      boxes.remove(inbox, entry)
    }
    boxes.forget(inbox)
    boxes.put(to)
    boxes.put(inbox)
    return [inbox.id, to.id]
  }
}
