/**
 * Where accounts are kept: in a file that people can read, or in rows of the store for sites with very many. The directory and the commands see no
 * difference but in cost: a file is read whole by every worker after each change, of rows only those that are asked for.
 */
import { preparedNames, type StoredAccount } from './accounts-file.js'

/** What a name is; each in lower case. `prepared`: what RFC 4013 makes of a login or address, where that is something else. */
export type NameKind = 'login' | 'address' | 'prepared'

/** `undefined`: the account goes. */
export type Turn = (account: StoredAccount) => StoredAccount | undefined

export interface Book {
  /** Throws a temporary `MailError` when it cannot be known. */
  find(kind: NameKind, name: string): Promise<StoredAccount | undefined>
  byId(id: string): Promise<StoredAccount | undefined>
  list(most?: number): Promise<readonly StoredAccount[]>
  /** All, as they are now; for commands. */
  read(): Promise<readonly StoredAccount[]>
  /** Under a lock, as all changes. Resolves when it is on disk; `NameTaken`, and then none of them is there. */
  add(accounts: readonly StoredAccount[]): Promise<void>
  /** Of these alone, those there are. `NameTaken`, and what `turn` throws, leaves all as it was. */
  change(ids: readonly string[], turn: Turn): Promise<void>
  /** Those, and nobody else. They are read under the lock, which is the same for every book of this place: nobody comes or goes in between. */
  replace(accounts: () => Promise<readonly StoredAccount[]>): Promise<void>
  /** Nothing has ever been kept there. */
  isNew(): Promise<boolean>
}

/** Only one account can have a login or an address. */
export class NameTaken extends Error {
  constructor(kind: NameKind, name: string, owner: string) {
    super(kind === 'login' ? `there is already an account ${name}` : `${name} already belongs to ${owner}`)
    this.name = 'NameTaken'
  }
}

export type Named = Pick<StoredAccount, 'login' | 'addresses'>

/** All it is found by. Several accounts may look alike when their names are prepared. */
export function namesOf(account: Named): readonly (readonly [NameKind, string])[] {
  return [...ownNamesOf(account), ...preparedNames(account).map(name => ['prepared', name.toLowerCase()] as const)]
}

/** Those that only one can have. */
export function ownNamesOf({ login, addresses }: Named): readonly (readonly [NameKind, string])[] {
  return [
    ['login', login.toLowerCase()],
    ...[...new Set(addresses.map(address => address.toLowerCase()))].map(address => ['address', address] as const),
  ]
}

/** Throws `NameTaken` where one of `fresh` has a name of another, or of one of `there`. */
export function refuseTaken(there: readonly StoredAccount[], fresh: readonly StoredAccount[]): void {
  const owners = new Map<string, string>()
  for (const account of there)
    for (const [kind, name] of ownNamesOf(account)) owners.set(`${kind}/${name}`, account.login)
  for (const account of fresh)
    for (const [kind, name] of ownNamesOf(account)) {
      const owner = owners.get(`${kind}/${name}`)
      if (owner !== undefined) throw new NameTaken(kind, name, owner)
      owners.set(`${kind}/${name}`, account.login)
    }
}

/** The same before anything is made; throws `NameTaken`. */
export async function refuseNames(book: Pick<Book, 'find'>, named: Named): Promise<void> {
  for (const [kind, name] of ownNamesOf(named)) {
    const owner = await book.find(kind, name)
    if (owner !== undefined) throw new NameTaken(kind, name, owner.login)
  }
}
