/**
 * Thresholds of users: those of plugins.yaml, by login, and those that an admin has set by command, which are kept for good and go before them.
 * A user is found by the mailbox an address stands for; one that stands for several people has the thresholds of its domain.
 */
import { type Account, type Bus, type Clock, MailError, type ServiceTable, type Table } from 'posthouse/api'
import { LINES, type Own, type Source } from './thresholds.js'

const TABLE = 'spam-action'
const TOPIC = 'spam-action/users'
/** News between processes may be lost: so long an old setting may hold. */
const FRESH_MS = 60_000
const MOST_USERS = 100_000

export interface UserParts {
  readonly find: <K extends keyof ServiceTable>(name: K) => ServiceTable[K] | undefined
  readonly clock: Clock
  readonly bus: Bus
  /** By login. */
  readonly configured: Readonly<Record<string, Own>>
}

export class Users {
  readonly #parts: UserParts
  readonly #configured: ReadonlyMap<string, Own>
  #set: ReadonlyMap<string, Own> = new Map()
  #readAt = Number.NEGATIVE_INFINITY
  readonly #forget: () => void

  constructor(parts: UserParts) {
    this.#parts = parts
    this.#configured = new Map(Object.entries(parts.configured).map(([login, own]) => [login.toLowerCase(), own]))
    this.#forget = parts.bus.subscribe(TOPIC, () => {
      this.#readAt = Number.NEGATIVE_INFINITY
    })
  }

  /** Nobody has thresholds of their own, as far as is known without asking. */
  get none(): boolean {
    return this.#isFresh() && this.#configured.size + this.#set.size === 0
  }

  /** Of whoever gets the mail of this address; several are nobody. Throws as the directory does. */
  async sourcesFor(address: { readonly local: string; readonly domain: string }): Promise<readonly Source[]> {
    const set = await this.#all()
    if (this.#configured.size + set.size === 0) return []
    const [id, another] = (await this.#parts.find('local-recipients')?.accountsOf(address)) ?? []
    if (id === undefined || another !== undefined) return []
    return this.sourcesOf(id, await this.#parts.find('accounts')?.byId(id))
  }

  /** The strongest first. */
  async sourcesOf(id: string, account: Account | undefined): Promise<readonly Source[]> {
    const login = account?.login ?? id
    const own = [(await this.#all()).get(id), this.#configured.get(login.toLowerCase())]
    return own.flatMap(one => (one === undefined ? [] : [{ name: `user ${login}`, own: one }]))
  }

  /** By command, by account id. */
  async #all(): Promise<ReadonlyMap<string, Own>> {
    if (this.#isFresh()) return this.#set
    this.#readAt = this.#parts.clock.now()
    this.#set = await this.list()
    return this.#set
  }

  async list(): Promise<ReadonlyMap<string, Own>> {
    const table = this.#table
    const all = new Map<string, Own>()
    for (let after = ''; table !== undefined && all.size < MOST_USERS; ) {
      const page = await table.list('', after)
      for (const { key, value } of page) all.set(key, read(value))
      if (page.length === 0) break
      after = page.at(-1)!.key
    }
    return all
  }

  /** With nothing in `own`, none are set any more. On disk when it resolves. */
  async put(id: string, own: Own): Promise<void> {
    if (this.#table === undefined) throw new MailError('store-unavailable', 'no entry supplies the service "tables"')
    const value = Object.keys(own).length === 0 ? undefined : JSON.stringify(own)
    await this.#table.write([{ key: id, value }])
    this.#readAt = Number.NEGATIVE_INFINITY
    this.#parts.bus.publish(TOPIC, '')
  }

  dispose(): void {
    this.#forget()
  }

  get #table(): Table | undefined {
    return this.#parts.find('tables')?.table(TABLE)
  }

  #isFresh(): boolean {
    return this.#parts.clock.now() - this.#readAt < FRESH_MS
  }
}

function read(value: string): Own {
  const given = JSON.parse(value) as Own
  return Object.fromEntries(LINES.flatMap(line => (given[line] === undefined ? [] : [[line, given[line]]])))
}
