/**
 * The directory of accounts in memory, as the `accounts` service sees it. The file is looked at before every answer, so what a command
 * changed counts at once and in every process; no restart, no stale password. That stat is synchronous on purpose: it costs 2 µs, while
 * an asynchronous one would wait for a thread behind the hashing of passwords.
 * A file that broke meanwhile leaves the last good one standing and says so in the log.
 */
import { statSync } from 'node:fs'
import {
  type Account,
  type Accounts,
  type Log,
  MailError,
  type Peer,
  type ScramKeys,
  type ScramShape,
} from 'posthouse/api'
import { FileError, readAccounts, type StoredAccount } from './accounts-file.js'
import { protocolOf } from './protocol.js'

const MISSING = 'missing'

interface Index {
  readonly stamp: string
  readonly all: readonly StoredAccount[]
  readonly byLogin: ReadonlyMap<string, StoredAccount>
  readonly byAddress: ReadonlyMap<string, StoredAccount>
  readonly byId: ReadonlyMap<string, StoredAccount>
}

export class Directory implements Accounts {
  readonly #path: string
  readonly #log: Log
  readonly #shape: ScramShape | undefined
  #index: Index | undefined
  #reading: { readonly stamp: string; readonly done: Promise<Index> } | undefined

  /** `shape`: of SCRAM keys made now; `undefined`: none are made. */
  constructor(path: string, log: Log, shape: ScramShape | undefined) {
    this.#path = path
    this.#log = log
    this.#shape = shape
  }

  async byLogin(login: string): Promise<Account | undefined> {
    return seen(await this.stored(login))
  }

  async byAddress(address: string): Promise<Account | undefined> {
    return seen((await this.#current()).byAddress.get(address.toLowerCase()))
  }

  async byId(id: string): Promise<Account | undefined> {
    return seen((await this.#current()).byId.get(id))
  }

  async list(): Promise<readonly Account[]> {
    return (await this.#current()).all.map(view)
  }

  /** They are made of the account's own password: where that does not count, neither do they. */
  async scramKeys(
    login: string,
    mechanism: ScramKeys['mechanism'],
    protocol?: Peer['protocol'],
  ): Promise<ScramKeys | undefined> {
    const account = await this.stored(login)
    if (account === undefined || account.disabled || !countsFor(account, protocol)) return undefined
    return account.scram?.find(keys => keys.mechanism === mechanism)
  }

  scramShape(): ScramShape | undefined {
    return this.#shape
  }

  /** With its secrets, for checking a password. Mail programs send the address for the login, so an account's own addresses count too. */
  async stored(login: string): Promise<StoredAccount | undefined> {
    const { byLogin, byAddress } = await this.#current()
    const name = login.normalize('NFC').toLowerCase()
    return byLogin.get(name) ?? byAddress.get(name)
  }

  async #current(): Promise<Index> {
    const stamp = this.#stamp()
    if (this.#index?.stamp === stamp) return this.#index
    if (this.#reading?.stamp !== stamp) this.#reading = { stamp, done: this.#read(stamp) }
    return this.#reading.done
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

/** Who does not say for which protocol hears no where it is closed for any. */
function countsFor(
  { mainPasswordNotFor: closed = [] }: StoredAccount,
  protocol: Peer['protocol'] | undefined,
): boolean {
  if (protocol === undefined) return closed.length === 0
  const asked = protocolOf(protocol)
  return asked === undefined || !closed.includes(asked)
}

function makeIndex(stamp: string, all: readonly StoredAccount[]): Index {
  return {
    stamp,
    all,
    byLogin: new Map(all.map(account => [account.login.toLowerCase(), account])),
    byAddress: new Map(all.flatMap(account => account.addresses.map(address => [address.toLowerCase(), account]))),
    byId: new Map(all.map(account => [account.id, account])),
  }
}

/** What others may see of an account: no secrets. */
export function view(account: StoredAccount): Account {
  const { id, login, addresses, quotaBytes, disabled } = account
  return { id, login, addresses, ...(quotaBytes !== undefined && { quotaBytes }), ...(disabled && { disabled }) }
}

function seen(account: StoredAccount | undefined): Account | undefined {
  return account && view(account)
}
