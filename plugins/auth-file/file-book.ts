/**
 * Accounts of a file, with all of them in memory. The file is looked at before the first answer of each turn of the event loop, so what a command
 * changed counts at once and in every process; no restart, no stale password. That stat is synchronous on purpose: it costs some microseconds, while
 * an asynchronous one would wait for a thread behind the hashing of passwords.
 * A file that broke meanwhile leaves the last good one standing and says so in the log.
 */
import { statSync } from 'node:fs'
import { type Log, MailError } from 'posthouse/api'
import { changeAccounts, readAccounts, type StoredAccount } from './accounts-file.js'
import { type Book, type NameKind, namesOf, refuseTaken, type Turn } from './book.js'
import { FileError } from './file-error.js'

const MISSING = 'missing'

interface Index extends Readonly<Record<NameKind, ReadonlyMap<string, StoredAccount>>> {
  readonly stamp: string
  readonly all: readonly StoredAccount[]
  readonly byId: ReadonlyMap<string, StoredAccount>
}

export class FileBook implements Book {
  readonly #path: string
  readonly #log: Log
  #index: Index | undefined
  #reading: { readonly stamp: string; readonly done: Promise<Index> } | undefined
  /** Of this turn of the event loop. */
  #seen: string | undefined

  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  async find(kind: NameKind, name: string): Promise<StoredAccount | undefined> {
    return (await this.#current())[kind].get(name)
  }

  async byId(id: string): Promise<StoredAccount | undefined> {
    return (await this.#current()).byId.get(id)
  }

  async list(most?: number): Promise<readonly StoredAccount[]> {
    return (await this.#current()).all.slice(0, most)
  }

  read(): Promise<readonly StoredAccount[]> {
    return readAccounts(this.#path)
  }

  add(accounts: readonly StoredAccount[]): Promise<void> {
    return changeAccounts(this.#path, there => {
      refuseTaken(there, accounts)
      return [...there, ...accounts]
    })
  }

  change(ids: readonly string[], turn: Turn): Promise<void> {
    const wanted = new Set(ids)
    return changeAccounts(this.#path, there => {
      const turned = new Map(there.filter(({ id }) => wanted.has(id)).map(account => [account.id, turn(account)]))
      refuseTaken(
        there.filter(({ id }) => !turned.has(id)),
        [...turned.values()].filter(account => account !== undefined),
      )
      return there.flatMap(account => (turned.has(account.id) ? (turned.get(account.id) ?? []) : account))
    })
  }

  replace(accounts: () => Promise<readonly StoredAccount[]>): Promise<void> {
    return changeAccounts(this.#path, accounts)
  }

  async isNew(): Promise<boolean> {
    return this.#stamp() === MISSING
  }

  async #current(): Promise<Index> {
    const stamp = this.#look()
    if (this.#index?.stamp === stamp) return this.#index
    if (this.#reading?.stamp !== stamp) this.#reading = { stamp, done: this.#read(stamp) }
    return this.#reading.done
  }

  #look(): string {
    if (this.#seen === undefined) {
      this.#seen = this.#stamp()
      setImmediate(() => {
        this.#seen = undefined
      })
    }
    return this.#seen
  }

  #stamp(): string {
    try {
      const facts = statSync(this.#path, { throwIfNoEntry: false, bigint: true })
      return facts === undefined ? MISSING : `${facts.ino} ${facts.mtimeNs} ${facts.size}`
    } catch (error) {
      throw new MailError('directory-unavailable', 'cannot look at the accounts file', error)
    }
  }

  async #read(stamp: string): Promise<Index> {
    try {
      const all = await readAccounts(this.#path)
      // A file that was there is not deleted to say that nobody lives here: a disk has gone away, and mail must wait and not bounce.
      if (all.length === 0 && stamp === MISSING && this.#index !== undefined && this.#index.all.length > 0)
        throw new FileError('the accounts file is gone')
      this.#index = makeIndex(stamp, all)
    } catch (error) {
      if (this.#index === undefined)
        throw new MailError('directory-unavailable', 'cannot read the accounts file', error)
      this.#log.error({ file: this.#path, err: error }, 'accounts file is wrong, the last good one still counts')
      this.#index = { ...this.#index, stamp }
    } finally {
      if (this.#reading?.stamp === stamp) this.#reading = undefined
    }
    return this.#index
  }
}

function makeIndex(stamp: string, all: readonly StoredAccount[]): Index {
  const index = {
    stamp,
    all,
    login: new Map<string, StoredAccount>(),
    address: new Map<string, StoredAccount>(),
    prepared: new Map<string, StoredAccount>(),
    byId: new Map(all.map(account => [account.id, account])),
  }
  for (const account of all)
    for (const [kind, name] of namesOf(account)) if (!index[kind].has(name)) index[kind].set(name, account)
  return index
}
