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
  type ScramCandidate,
  type ScramKeys,
  type ScramShape,
} from 'posthouse/api'
import { prepareName } from 'posthouse/text'
import { FileError, keysOf, readAccounts, type StoredAccount } from './accounts-file.js'
import { protocolOf } from './protocol.js'
import { isBeside, type StoredKeys } from './scram.js'
import type { Usage } from './usage.js'

const MISSING = 'missing'

interface Index {
  readonly stamp: string
  readonly all: readonly StoredAccount[]
  readonly byLogin: ReadonlyMap<string, StoredAccount>
  readonly byAddress: ReadonlyMap<string, StoredAccount>
  /** Logins and addresses by what RFC 4013 makes of them, where that is something else: clients' names come so. */
  readonly byPrepared: ReadonlyMap<string, StoredAccount>
  readonly byId: ReadonlyMap<string, StoredAccount>
}

export class Directory implements Accounts {
  readonly #path: string
  readonly #log: Log
  readonly #shape: ScramShape | undefined
  readonly #usage: Usage
  #index: Index | undefined
  #reading: { readonly stamp: string; readonly done: Promise<Index> } | undefined

  /** `shape`: of SCRAM keys made now; `undefined`: none are made. */
  constructor(path: string, log: Log, shape: ScramShape | undefined, usage: Usage) {
    this.#path = path
    this.#log = log
    this.#shape = shape
    this.#usage = usage
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

  async list(most?: number): Promise<readonly Account[]> {
    return (await this.#current()).all.slice(0, most).map(view)
  }

  /** Of the passwords that count there. Where none does, or the account is disabled, the salt is told all the same: it looks like any other. */
  async scramKeys(
    login: string,
    mechanism: ScramKeys['mechanism'],
    protocol?: Peer['protocol'],
  ): Promise<ScramKeys | undefined> {
    const account = await this.stored(login)
    const first = account && keysOf(account).find(keys => keys.mechanism === mechanism)
    if (account === undefined || first === undefined) return undefined
    const { salt, iterations } = first
    return { mechanism, salt, iterations, candidates: candidatesOf(account, first, protocol) }
  }

  scramProven({ id }: Account, name: string, peer: Peer): void {
    this.#usage.note(id, name, peer)
  }

  scramShape(): ScramShape | undefined {
    return this.#shape
  }

  /** With its secrets, for checking a password. Mail programs send the address for the login, so an account's own addresses count too. */
  async stored(login: string): Promise<StoredAccount | undefined> {
    const { byLogin, byAddress, byPrepared } = await this.#current()
    const name = login.normalize('NFC').toLowerCase()
    return byLogin.get(name) ?? byAddress.get(name) ?? byPrepared.get(name)
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

/** Those of the salt that the client hears; a file that somebody has edited may hold others. App passwords go by their tags. */
function candidatesOf(
  account: StoredAccount,
  salted: StoredKeys,
  protocol: Peer['protocol'] | undefined,
): readonly ScramCandidate[] {
  if (account.disabled) return []
  const asked = protocol && protocolOf(protocol)
  const fitting = (keys: readonly StoredKeys[] = []) => keys.filter(one => isBeside(one, salted))
  const own = countsFor(account, protocol) ? fitting(account.scram) : []
  const apps = (account.appPasswords ?? []).filter(({ protocols }) => asked !== undefined && protocols.includes(asked))
  return [
    ...own.map(({ storedKey, serverKey }) => ({ storedKey, serverKey })),
    ...apps.flatMap(({ scram, tag }) =>
      fitting(scram).map(({ storedKey, serverKey }) => ({ storedKey, serverKey, name: tag })),
    ),
  ]
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
    byPrepared: preparedOf(all),
    byId: new Map(all.map(account => [account.id, account])),
  }
}

function preparedOf(all: readonly StoredAccount[]): ReadonlyMap<string, StoredAccount> {
  const found = new Map<string, StoredAccount>()
  for (const account of all) {
    for (const text of [account.login, ...account.addresses]) {
      const name = prepareName(text)
      if (name !== undefined && name !== text) found.set(name.toLowerCase(), account)
    }
  }
  return found
}

/** What others may see of an account: no secrets. */
export function view(account: StoredAccount): Account {
  const { id, login, addresses, quotaBytes, quotaMessages, quotaGracePercent, place, disabled, limits, imapDisable } =
    account
  return {
    id,
    login,
    addresses,
    ...(quotaBytes !== undefined && { quotaBytes }),
    ...(quotaMessages !== undefined && { quotaMessages }),
    ...(quotaGracePercent !== undefined && { quotaGracePercent }),
    ...(place !== undefined && { place }),
    ...(disabled && { disabled }),
    ...(limits && { limits }),
    ...(imapDisable && { imapDisable }),
  }
}

function seen(account: StoredAccount | undefined): Account | undefined {
  return account && view(account)
}
