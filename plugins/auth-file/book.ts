/**
 * Where accounts are kept: in a file that people can read, or in rows of the store for sites with very many. The directory and the commands see no
 * difference but in cost: a file is read whole by every worker after each change, of rows only those that are asked for.
 */
import type { StoredAccount } from './accounts-file.js'

/** What a name is; each in lower case. `prepared`: what RFC 4013 makes of a login or address, where that is something else. */
export type NameKind = 'login' | 'address' | 'prepared'

export interface Book {
  /** Throws a temporary `MailError` when it cannot be known. */
  find(kind: NameKind, name: string): Promise<StoredAccount | undefined>
  byId(id: string): Promise<StoredAccount | undefined>
  list(most?: number): Promise<readonly StoredAccount[]>
  /** All, as they are now; for commands. */
  read(): Promise<readonly StoredAccount[]>
  /** Under a lock. Resolves when it is on disk; what `change` throws leaves all as it was. */
  change(change: (accounts: readonly StoredAccount[]) => readonly StoredAccount[]): Promise<void>
  /** Of these alone, those there are: their names stay. */
  turn(ids: readonly string[], turn: (account: StoredAccount) => StoredAccount): Promise<void>
  /** Nothing has ever been kept there. */
  isNew(): Promise<boolean>
}
