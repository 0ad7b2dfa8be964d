/**
 * The directory of accounts as the `accounts` service sees it, whichever book they are kept in.
 */
import type { Account, Accounts, Peer, ScramCandidate, ScramKeys, ScramShape } from 'posthouse/api'
import { keysOf, type StoredAccount } from './accounts-file.js'
import type { Book } from './book.js'
import { protocolOf } from './protocol.js'
import { isBeside, type StoredKeys } from './scram.js'
import type { Usage } from './usage.js'

export class Directory implements Accounts {
  readonly #book: Book
  readonly #shape: ScramShape | undefined
  readonly #usage: Usage

  /** `shape`: of SCRAM keys made now; `undefined`: none are made. */
  constructor(book: Book, shape: ScramShape | undefined, usage: Usage) {
    this.#book = book
    this.#shape = shape
    this.#usage = usage
  }

  async byLogin(login: string): Promise<Account | undefined> {
    return seen(await this.stored(login))
  }

  async byAddress(address: string): Promise<Account | undefined> {
    return seen(await this.#book.find('address', address.toLowerCase()))
  }

  async byId(id: string): Promise<Account | undefined> {
    return seen(await this.#book.byId(id))
  }

  async list(most?: number): Promise<readonly Account[]> {
    return (await this.#book.list(most)).map(view)
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
    const name = login.normalize('NFC').toLowerCase()
    const kinds = ['login', 'address', 'prepared'] as const
    // All of them each time: whether an account is there is not to be told by how long it takes.
    const found = await Promise.all(kinds.map(kind => this.#book.find(kind, name)))
    return found.find(account => account !== undefined)
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

/** What was seen before: all that comes for somebody asks for the same account. */
const VIEWS = new WeakMap<StoredAccount, Account>()

function seen(account: StoredAccount | undefined): Account | undefined {
  if (account === undefined) return undefined
  const known = VIEWS.get(account)
  if (known !== undefined) return known
  const made = view(account)
  VIEWS.set(account, made)
  return made
}
