/**
 * Accounts as rows of the store's tables: one for each account, and one for each of its names, which says whose it is. All of a change is one write. What
 * stands in the accounts file is taken over once, the first time that there are no rows yet.
 */
import { stat } from 'node:fs/promises'
import { type Log, MAX_TABLE_KEY, MailError, type Table } from 'posthouse/api'
import { parseAccount, readAccounts, type StoredAccount } from './accounts-file.js'
import { type Book, type NameKind, NameTaken, namesOf, type Turn } from './book.js'
import { lockFile } from './lock-file.js'

export interface RowBookParts {
  /** Asked for when it is wanted: the store may be set up later. */
  table(): Table | undefined
  /** The accounts file, for taking over and for the lock beside it. */
  readonly path: string
  readonly log: Log
}

const ACCOUNT = 'account/'
/** There once was something here; and what the file looked like when it was last the same as the rows. */
const BEGUN = 'begun'
/** Of older rows, which say nothing of the file. */
const UNKNOWN = '1'
const NO_FILE = 'none'
const PAGE = 1000

export class RowBook implements Book {
  readonly #parts: RowBookParts
  #taken: Promise<void> | undefined

  constructor(parts: RowBookParts) {
    this.#parts = parts
  }

  async find(kind: NameKind, name: string): Promise<StoredAccount | undefined> {
    const key = keyOf(kind, name.toLowerCase())
    if (Buffer.byteLength(key) > MAX_TABLE_KEY) return undefined
    const [ids] = await (await this.#table()).get([key])
    return ids === undefined ? undefined : this.byId(idsOf(ids)[0]!)
  }

  async byId(id: string): Promise<StoredAccount | undefined> {
    return (await this.#byIds([id]))[0]
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

  /** What the file held is taken over, for which the lock is wanted: whoever holds it may read afterwards. */
  async begin(): Promise<void> {
    await this.#table()
  }

  /** Ids have no order that says anything to people. */
  async read(): Promise<readonly StoredAccount[]> {
    return [...(await this.list())].sort((one, two) => (one.login < two.login ? -1 : 1))
  }

  async add(accounts: readonly StoredAccount[]): Promise<void> {
    await this.#locked(() => this.#write([], accounts))
  }

  async change(ids: readonly string[], turn: Turn): Promise<void> {
    await this.#locked(async () => {
      const before = await this.#byIds([...new Set(ids)])
      const turned = before.map(account => [account, turn(account)] as const).filter(([was, is]) => was !== is)
      await this.#write(
        turned.map(([was]) => was),
        turned.flatMap(([, is]) => is ?? []),
      )
    })
  }

  async replace(accounts: () => Promise<readonly StoredAccount[]>): Promise<void> {
    await this.#locked(async () => this.#write(await this.list(), await accounts(), await this.#fileStamp()))
  }

  async isNew(): Promise<boolean> {
    return (await (await this.#table()).get([BEGUN]))[0] === undefined
  }

  /** From here on the file is known to hold what stands here. */
  async fileIsAlike(): Promise<void> {
    await (await this.#table()).write([{ key: BEGUN, value: await this.#fileStamp() }])
  }

  async #byIds(ids: readonly string[]): Promise<readonly StoredAccount[]> {
    const keys = ids.map(id => `${ACCOUNT}${id}`).filter(key => Buffer.byteLength(key) <= MAX_TABLE_KEY)
    const rows = await (await this.#table()).get(keys)
    return rows.flatMap(row => (row === undefined ? [] : readable(row)))
  }

  /** In place of `before`; under the lock. Throws `NameTaken`. */
  async #write(
    before: readonly StoredAccount[],
    after: readonly StoredAccount[],
    stamp: string | undefined = undefined,
  ): Promise<void> {
    if (before.length + after.length === 0 && stamp === undefined) return
    const table = this.#open()
    const keys = [...new Set([...before, ...after].flatMap(nameKeysOf))]
    const owners = await table.get(keys)
    const names = new Map(keys.map((key, at) => [key, new Set(idsOf(owners[at]))]))
    for (const account of before) for (const key of nameKeysOf(account)) names.get(key)!.delete(account.id)
    for (const account of after)
      for (const [kind, name] of namesOf(account)) {
        const ids = names.get(keyOf(kind, name))!
        const [owner] = ids
        if (owner !== undefined && kind !== 'prepared') throw await this.#clash(kind, name, owner, after)
        ids.add(account.id)
      }
    const [begun] = await table.get([BEGUN])
    await table.write([
      { key: BEGUN, value: stamp ?? begun ?? (await this.#fileStamp()) },
      ...before.map(({ id }) => ({ key: `${ACCOUNT}${id}`, value: undefined })),
      ...after.map(account => ({ key: `${ACCOUNT}${account.id}`, value: JSON.stringify(account) })),
      ...[...names].map(([key, ids]) => ({ key, value: ids.size === 0 ? undefined : [...ids].join(' ') })),
    ])
  }

  async #clash(kind: NameKind, name: string, owner: string, fresh: readonly StoredAccount[]): Promise<NameTaken> {
    const account = fresh.find(({ id }) => id === owner) ?? (await this.byId(owner))
    return new NameTaken(kind, name, account?.login ?? owner)
  }

  /** With what the file held, if that was never taken over. */
  async #table(): Promise<Table> {
    this.#taken ??= this.#takeOver().catch((error: unknown) => {
      this.#taken = undefined
      if (error instanceof MailError) throw error
      this.#parts.log.error({ file: this.#parts.path, err: error }, 'accounts of the file cannot be taken over')
      throw new MailError('directory-unavailable', 'the accounts file cannot be taken over', error)
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
    const { path, log } = this.#parts
    if (await this.#hasBegun()) return
    await locked(path, async () => {
      if (await this.#hasBegun()) return
      const accounts = await readAccounts(path)
      if (accounts.length === 0) return
      await this.#write([], accounts)
      log.info({ accounts: accounts.length, file: path }, 'accounts of the file stand in the store now')
    })
  }

  async #hasBegun(): Promise<boolean> {
    const [stamp] = await this.#open().get([BEGUN])
    if (stamp === undefined) return false
    const { path, log } = this.#parts
    const now = await this.#fileStamp()
    if (stamp !== UNKNOWN && now !== NO_FILE && now !== stamp)
      log.warn({ file: path }, 'the accounts file was changed since it was taken over; those of the store count')
    return true
  }

  async #fileStamp(): Promise<string> {
    try {
      const { size, mtimeMs } = await stat(this.#parts.path)
      return `${size} ${Math.floor(mtimeMs)}`
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NO_FILE
      throw error
    }
  }

  async #locked(work: () => Promise<void>): Promise<void> {
    await this.#table()
    await locked(this.#parts.path, work)
  }
}

async function locked(path: string, work: () => Promise<void>): Promise<void> {
  const unlock = await lockFile(`${path}.lock`)
  try {
    await work()
  } finally {
    await unlock()
  }
}

function keyOf(kind: NameKind, name: string): string {
  return `${kind}/${name}`
}

function nameKeysOf(account: StoredAccount): readonly string[] {
  return namesOf(account).map(([kind, name]) => keyOf(kind, name))
}

/** Whose a name is; several may have one that was prepared. */
function idsOf(row: string | undefined): readonly string[] {
  return row === undefined ? [] : row.split(' ')
}

/** A row that is none of ours is a store that was damaged: mail waits. */
function readable(row: string): StoredAccount {
  try {
    return parseAccount(row)
  } catch (error) {
    throw new MailError('directory-unavailable', 'a row of the accounts cannot be read', error)
  }
}
