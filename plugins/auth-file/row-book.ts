/**
 * Accounts as rows of the store's tables: one for each account, and one for each of its names, which says whose it is. All of a change is one write. What
 * stands in the accounts file is taken over once, the first time that there are no rows yet.
 */
import { type Log, MAX_TABLE_KEY, MailError, type Table, type TableChange } from 'posthouse/api'
import {
  lockFile,
  parseAccount,
  preparedNames,
  readAccounts,
  refuseTwice,
  type StoredAccount,
} from './accounts-file.js'
import type { Book, NameKind } from './book.js'

export interface RowBookParts {
  /** Asked for when it is wanted: the store may be set up later. */
  table(): Table | undefined
  /** The accounts file, for taking over and for the lock beside it. */
  readonly path: string
  readonly log: Log
}

const ACCOUNT = 'account/'
/** There once was something here. */
const BEGUN = 'begun'
const PAGE = 1000

export class RowBook implements Book {
  readonly #parts: RowBookParts
  #taken: Promise<void> | undefined

  constructor(parts: RowBookParts) {
    this.#parts = parts
  }

  async find(kind: NameKind, name: string): Promise<StoredAccount | undefined> {
    const key = keyOf(kind, name)
    if (Buffer.byteLength(key) > MAX_TABLE_KEY) return undefined
    const [id] = await this.#get([key])
    return id === undefined ? undefined : this.byId(id)
  }

  async byId(id: string): Promise<StoredAccount | undefined> {
    const key = `${ACCOUNT}${id}`
    if (Buffer.byteLength(key) > MAX_TABLE_KEY) return undefined
    const [row] = await this.#get([key])
    return row === undefined ? undefined : readable(row)
  }

  async list(most = Number.POSITIVE_INFINITY): Promise<readonly StoredAccount[]> {
    const table = await this.#table()
    const found: StoredAccount[] = []
    for (let after: string | undefined; found.length < most; ) {
      const page = await table.list(ACCOUNT, after, Math.min(PAGE, most - found.length))
      for (const { value } of page) found.push(readable(value))
      after = page.at(-1)?.key
      if (after === undefined) break
    }
    return found
  }

  read(): Promise<readonly StoredAccount[]> {
    return this.list()
  }

  async change(change: (accounts: readonly StoredAccount[]) => readonly StoredAccount[]): Promise<void> {
    await this.#table()
    await this.#locked(async () => {
      const before = await this.list()
      const after = change(before)
      refuseTwice(after)
      await this.#write(before, after)
    })
  }

  async turn(ids: readonly string[], turn: (account: StoredAccount) => StoredAccount): Promise<void> {
    await this.#table()
    await this.#locked(async () => {
      const before: StoredAccount[] = []
      for (const id of ids) {
        const account = await this.byId(id)
        if (account !== undefined) before.push(account)
      }
      await this.#write(before, before.map(turn))
    })
  }

  async isNew(): Promise<boolean> {
    return (await this.#get([BEGUN]))[0] === undefined
  }

  async #write(before: readonly StoredAccount[], after: readonly StoredAccount[]): Promise<void> {
    const rows = new Map<string, string | undefined>()
    const stays = new Map(after.map(account => [account.id, account]))
    for (const account of before) {
      if (stays.get(account.id) === account) continue
      for (const key of keysOf(account)) rows.set(key, undefined)
    }
    const known = new Set(before)
    for (const account of after) {
      if (known.has(account)) continue
      for (const key of keysOf(account)) rows.set(key, account.id)
      rows.set(`${ACCOUNT}${account.id}`, JSON.stringify(account))
    }
    if (rows.size === 0) return
    const changes: TableChange[] = [...rows].map(([key, value]) => ({ key, value }))
    await this.#open().write([{ key: BEGUN, value: '1' }, ...changes])
  }

  async #get(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    return (await this.#table()).get(keys)
  }

  /** With what the file held, if that was never taken over. */
  async #table(): Promise<Table> {
    this.#taken ??= this.#takeOver().catch((error: unknown) => {
      this.#taken = undefined
      throw error
    })
    await this.#taken
    return this.#open()
  }

  #open(): Table {
    const table = this.#parts.table()
    if (table === undefined)
      throw new MailError(
        'directory-unavailable',
        'accounts are kept in the store, and no entry supplies the service "tables"',
      )
    return table
  }

  async #takeOver(): Promise<void> {
    const begun = async () => (await this.#open().get([BEGUN]))[0] !== undefined
    if (await begun()) return
    await this.#locked(async () => {
      if (await begun()) return
      const accounts = await readAccounts(this.#parts.path)
      if (accounts.length === 0) return
      await this.#write([], accounts)
      this.#parts.log.info(
        { accounts: accounts.length, file: this.#parts.path },
        'accounts of the file stand in the store now',
      )
    })
  }

  async #locked(work: () => Promise<void>): Promise<void> {
    const unlock = await lockFile(`${this.#parts.path}.lock`)
    try {
      await work()
    } finally {
      await unlock()
    }
  }
}

function keyOf(kind: NameKind, name: string): string {
  return `${kind}/${name.toLowerCase()}`
}

/** All rows of an account. */
function keysOf(account: StoredAccount): readonly string[] {
  const { id, login, addresses } = account
  return [
    `${ACCOUNT}${id}`,
    keyOf('login', login),
    ...addresses.map(address => keyOf('address', address)),
    ...preparedNames(account).map(name => keyOf('prepared', name)),
  ]
}

/** A row that is none of ours is a store that was damaged: mail waits. */
function readable(row: string): StoredAccount {
  try {
    return parseAccount(row)
  } catch (error) {
    throw new MailError('directory-unavailable', 'a row of the accounts cannot be read', error)
  }
}
