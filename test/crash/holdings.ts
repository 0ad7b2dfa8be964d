/**
 * What a store holds when all is over, read octet for octet: copies in mailboxes, notices to senders, what still waits; and what is wrong
 * with the store itself. It opens the environment in this process, so the server must have ended for good.
 */
import type { MailEntry } from '../../core/api/index.js'
import { openEnvironment } from '../../plugins/store-lmdb/environments.js'
import { createLmdbStore, FORMAT, type LmdbStore } from '../../plugins/store-lmdb/store.js'
import { ID } from './letters.js'

/** `42 ann@example.test`: a letter and one of its recipients. */
export type Name = string

export interface Holdings {
  readonly filed: ReadonlyMap<Name, number>
  /** Notices in the sender's mailbox, by what they say: `failed 42 x@north.test`. */
  readonly notices: ReadonlyMap<Name, number>
  readonly queued: ReadonlySet<Name>
  /** Of bounces: they would be notices. */
  readonly queuedNotices: number
  readonly messages: number
  readonly wrong: readonly string[]
}

export interface Opened {
  readonly store: LmdbStore
  read(same: (n: number, bytes: Buffer) => boolean): Promise<Holdings>
  /** What the trail says of every message that had this recipient, to find out what became of one. */
  history(address: string): readonly string[]
}

const MAP_BYTES = 1024 ** 3

export function openHoldings(path: string, accounts: ReadonlyMap<string, string>): Opened {
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES })
  return {
    store,
    read: same => new Reader(store, path, accounts, same).read(),
    history: address => history(path, address),
  }
}

function history(path: string, address: string): readonly string[] {
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  const trail = env.database<{ readonly at: number; readonly says: string }, [id: string, n: number]>('trail')
  const lines = [...trail.getRange({})].map(({ key: [id], value: { at, says } }) => ({ id, at, says }))
  const ids = new Set(lines.filter(({ says }) => says.includes(address)).map(({ id }) => id))
  return lines
    .filter(({ id }) => ids.has(id))
    .map(({ id, at, says }) => `${id}  ${new Date(at).toISOString()}  ${says}`)
}

class Reader {
  readonly #store: LmdbStore
  readonly #path: string
  readonly #accounts: ReadonlyMap<string, string>
  readonly #same: (n: number, bytes: Buffer) => boolean
  readonly #filed = new Map<Name, number>()
  readonly #notices = new Map<Name, number>()
  readonly #queued = new Set<Name>()
  readonly #references = new Map<string, number>()
  readonly #wrong: string[] = []
  #messages = 0
  #queuedNotices = 0

  constructor(
    store: LmdbStore,
    path: string,
    accounts: ReadonlyMap<string, string>,
    same: (n: number, bytes: Buffer) => boolean,
  ) {
    this.#store = store
    this.#path = path
    this.#accounts = accounts
    this.#same = same
  }

  async read(): Promise<Holdings> {
    for (const [id, login] of this.#accounts) {
      for (const { id: mailbox, name } of await this.#store.mail.list(id)) await this.#mailbox(id, login, mailbox, name)
    }
    await this.#queue()
    this.#bodies()
    return {
      filed: this.#filed,
      notices: this.#notices,
      queued: this.#queued,
      queuedNotices: this.#queuedNotices,
      messages: this.#messages,
      wrong: this.#wrong,
    }
  }

  async #mailbox(account: string, login: string, id: string, name: string): Promise<void> {
    const box = await this.#store.mail.open(account, id)
    const info = await box.info()
    const entries = await box.list()
    let last = 0
    for (const entry of entries) {
      if (entry.uid <= last) this.#wrong.push(`UID ${entry.uid} after ${last} in ${name} of ${login}`)
      last = entry.uid
      const bytes = await box.read(entry)
      if (bytes.length !== entry.size)
        this.#wrong.push(`${bytes.length} of ${entry.size} octets in ${name} of ${login}`)
      this.#message(login, name, bytes)
      this.#refer(entry)
    }
    this.#messages += entries.length
    if (info.uidNext <= last) this.#wrong.push(`UIDNEXT ${info.uidNext} after UID ${last} in ${name} of ${login}`)
    if (info.messages !== entries.length)
      this.#wrong.push(`${name} of ${login} counts ${info.messages} messages and has ${entries.length}`)
  }

  #message(login: string, mailbox: string, bytes: Buffer): void {
    const text = bytes.toString('latin1')
    const n = Number(ID.exec(text)?.[1] ?? -1)
    if (/^Content-Type: multipart\/report/im.test(text.slice(0, text.indexOf('\r\n\r\n')))) {
      for (const [, address, action] of text.matchAll(/^Final-Recipient: rfc822; ?(\S+)\r\nAction: (\w+)/gim))
        add(this.#notices, `${action} ${n} ${address}`)
      return
    }
    if (!this.#same(n, bytes)) this.#wrong.push(`letter ${n} in ${mailbox} of ${login} is not what was sent`)
    add(this.#filed, `${n} ${login}`)
  }

  #refer({ bodyId }: Pick<MailEntry, 'bodyId'>): void {
    add(this.#references, bodyId)
  }

  async #queue(): Promise<void> {
    const audit = await this.#store.queue.audit(Date.now())
    if (audit.adrift > 0) this.#wrong.push(`${audit.adrift} rows of the queue are adrift`)
    if (audit.broken > 0) this.#wrong.push(`${audit.broken} rows of the queue are broken`)
    let rows = 0
    let messages = 0
    for await (const message of this.#store.queue.list()) {
      messages++
      rows += message.rows.length
      this.#refer(message)
      const n = ID.exec(String(message.origin.messageId))?.[1]
      if (n === undefined) this.#queuedNotices++
      else for (const { original } of message.rows) this.#queued.add(`${n} ${original.local}@${original.domain}`)
    }
    const totals = await this.#store.queue.totals()
    if (totals.rows !== rows || totals.messages !== messages)
      this.#wrong.push(`the queue counts ${totals.messages} messages, ${totals.rows} rows and has ${messages}, ${rows}`)
  }

  /** Every body is there as often as it is referred to; what nobody refers to is a draft and will be swept. */
  #bodies(): void {
    const env = openEnvironment({ path: this.#path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
    const drafts = env.database<number, string>('drafts')
    const known = new Set<string>()
    for (const { key, value } of env.database<{ references: number }, string>('bodies').getRange({})) {
      known.add(key)
      const wanted = this.#references.get(key) ?? 0
      if (value.references !== wanted)
        this.#wrong.push(`body ${key} has ${value.references} references and is referred to ${wanted} times`)
      if (wanted === 0 && !drafts.doesExist(key)) this.#wrong.push(`body ${key} is nobody's and stays for ever`)
    }
    for (const id of this.#references.keys()) if (!known.has(id)) this.#wrong.push(`body ${id} is gone`)
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
