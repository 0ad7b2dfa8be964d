/**
 * Which mailboxes an account has: names, default mailboxes, subscriptions, and the UIDVALIDITY of what is made anew.
 * Everything that changes something belongs inside a write.
 */
import type { Database } from 'lmdb'
import { DEFAULT_MAILBOXES, isAdoptable, MailError, type SpecialUse } from 'posthouse/api'
import { mailboxLineage, mailboxName, newId } from 'posthouse/text'
import type { Box, Boxes } from './boxes.js'
import type { Environment } from './environment.js'
import { under } from './keys.js'

type NameKey = [accountId: string, name: string]

/** Octets of a character after every one that a name can go on with. */
const AFTER_SLASH = '0'

export class Directory {
  readonly #env: Environment
  readonly #boxes: Boxes
  readonly #now: () => number
  readonly #accounts: Database<number, string>
  readonly #names: Database<string, NameKey>
  readonly #subscriptions: Database<number, NameKey>
  readonly #counters: Database<number, string>
  /** UIDVALIDITYs under which names had UIDs that another server does not know. */
  readonly #retired: Database<number, [...NameKey, uidValidity: number]>

  constructor(env: Environment, boxes: Boxes, now: () => number) {
    this.#env = env
    this.#boxes = boxes
    this.#now = now
    this.#accounts = env.database('accounts')
    this.#names = env.database('names')
    this.#subscriptions = env.database('subscriptions')
    this.#counters = env.database('counters')
    this.#retired = env.database('retired')
  }

  hasAccount(accountId: string): boolean {
    return this.#accounts.doesExist(accountId)
  }

  accountIds(): readonly string[] {
    this.#env.refresh()
    return [...this.#accounts.getKeys()]
  }

  /** Makes the account with its default mailboxes if this is its first use. */
  ensureAccount(accountId: string): void {
    if (this.hasAccount(accountId)) return
    this.#accounts.put(accountId, this.#now())
    for (const [name, use] of DEFAULT_MAILBOXES) {
      this.make(accountId, name, use)
      this.subscribe(accountId, name, true)
    }
  }

  removeAccount(accountId: string): void {
    this.#accounts.remove(accountId)
    for (const key of [...this.#subscriptions.getKeys(under(accountId))]) this.#subscriptions.remove(key)
    for (const key of [...this.#retired.getKeys(under(accountId))]) this.#retired.remove(key)
  }

  /** By normalised name. */
  byName(accountId: string, name: string | undefined): Box | undefined {
    const id = name === undefined ? undefined : this.#names.get([accountId, name])
    return id === undefined ? undefined : this.#boxes.find(id)
  }

  /** By name as given. Throws `mailbox-gone`. */
  need(accountId: string, name: string): Box {
    const box = this.byName(accountId, mailboxName(name))
    if (box === undefined) throw new MailError('mailbox-gone', `no mailbox ${JSON.stringify(name.slice(0, 100))}`)
    return box
  }

  /** Throws `mailbox-exists`. */
  mustBeFree(accountId: string, name: string): void {
    if (this.#names.doesExist([accountId, name])) throw new MailError('mailbox-exists', `${name} exists`)
  }

  boxes(accountId: string): Box[] {
    return [...this.#names.getRange(under(accountId))].flatMap(({ value }) => this.#boxes.find(value) ?? [])
  }

  inferiors(accountId: string, name: string): Box[] {
    const range = { start: [accountId, `${name}/`] as NameKey, end: [accountId, name + AFTER_SLASH] as NameKey }
    return [...this.#names.getRange(range)].flatMap(({ value }) => this.#boxes.find(value) ?? [])
  }

  /** A new mailbox, and its parents where they are missing. */
  make(accountId: string, name: string, specialUse?: SpecialUse): Box {
    this.makeParents(accountId, name)
    const box: Box = {
      id: newId(Date.now()),
      accountId,
      name,
      uidValidity: this.#nextUidValidity(),
      uidNext: 1,
      modseq: 1,
      messages: 0,
      unseen: 0,
      deleted: 0,
      bytes: 0,
      specialUse: specialUse ?? '',
    }
    this.#boxes.put(box)
    this.#names.put([accountId, name], box.id)
    return box
  }

  /** By normalised name, made where it is missing; with this UIDVALIDITY if it never had a message. */
  adopt(accountId: string, name: string, uidValidity: number): Box {
    const box = this.byName(accountId, name) ?? this.make(accountId, name, this.vacantUse(accountId, name))
    if (box.uidNext > 1 || !isAdoptable(uidValidity) || box.uidValidity === uidValidity) return box
    if (this.#retired.doesExist([accountId, name, uidValidity])) return box
    box.uidValidity = uidValidity
    box.foreignNext = box.uidNext
    this.#boxes.put(box)
    const last = this.#counters.get('uidvalidity') ?? 0
    if (uidValidity > last) this.#counters.put('uidvalidity', uidValidity)
    return box
  }

  makeParents(accountId: string, name: string): void {
    for (const parent of mailboxLineage(name).slice(0, -1)) {
      if (!this.#names.doesExist([accountId, parent])) this.make(accountId, parent)
    }
  }

  rename(box: Box, name: string): void {
    this.unname(box)
    box.name = name
    this.#names.put([box.accountId, name], box.id)
    this.#boxes.put(box)
  }

  /** RFC 9051 §2.3.1.1: where UIDs of ours were given, a mailbox of that name brought again must not give them to other messages. */
  unname(box: Box): void {
    const { accountId, name, uidValidity, uidNext, foreignNext } = box
    this.#names.remove([accountId, name])
    if (foreignNext !== undefined && foreignNext !== uidNext) this.#retired.put([accountId, name, uidValidity], 1)
  }

  /** The use a default name stands for, while no other mailbox has it. */
  vacantUse(accountId: string, name: string): SpecialUse | undefined {
    const use = DEFAULT_MAILBOXES.find(([known]) => known === name)?.[1]
    return use === undefined || this.boxes(accountId).some(box => box.specialUse === use) ? undefined : use
  }

  subscribe(accountId: string, name: string, subscribed: boolean): void {
    if (subscribed) this.#subscriptions.put([accountId, name], 1)
    else this.#subscriptions.remove([accountId, name])
  }

  isSubscribed(accountId: string, name: string): boolean {
    return this.#subscriptions.doesExist([accountId, name])
  }

  subscriptions(accountId: string): string[] {
    return [...this.#subscriptions.getKeys(under(accountId))].map(([, name]) => name)
  }

  /** RFC 9051 §2.3.1.1: a name made anew needs a value it never had; one clock-started count for the whole store gives that. */
  #nextUidValidity(): number {
    const next = Math.max((this.#counters.get('uidvalidity') ?? 0) + 1, Math.floor(this.#now() / 1000))
    this.#counters.put('uidvalidity', next)
    return next
  }
}
