/** Whom a command means by a login: somebody of the file, or else a sentence that names the source that has them. */
import { type Account, CommandError, MailError, type Services } from 'posthouse/api'
import { closest, printable } from 'posthouse/text'
import type { StoredAccount } from './accounts-file.js'
import type { Book } from './book.js'

export interface OwnParts {
  readonly book: Book
  readonly services: Services
}

/** Throws `CommandError`. */
export async function ownAccount({ book, services }: OwnParts, who: string): Promise<StoredAccount> {
  const name = who.normalize('NFC').toLowerCase()
  const found = (await book.find('login', name)) ?? (await book.find('address', name))
  if (found !== undefined) return found
  const other = await elsewhere(services, who)
  if (other === undefined) throw nobody(await book.read(), who)
  const own = await book.byId(other.id)
  if (own !== undefined) return own
  throw new CommandError(
    `${printable(other.login, 80)} is an account of ${other.source ?? 'another source'} and not of auth-file; it can only be changed there`,
  )
}

/** As it is in the moment of the change; the account after it. Throws `CommandError` where somebody else has removed it meanwhile. */
export async function changeOwn(
  book: Book,
  { id, login }: StoredAccount,
  turn: (account: StoredAccount) => StoredAccount,
): Promise<StoredAccount> {
  let changed: StoredAccount | undefined
  await book.change([id], account => {
    changed = turn(account)
    return changed
  })
  if (changed === undefined) throw new CommandError(`${login} was removed meanwhile`)
  return changed
}

function nobody(accounts: readonly StoredAccount[], who: string): CommandError {
  const near = closest(
    who.toLowerCase(),
    accounts.map(({ login }) => login),
  )
  return new CommandError(`no account "${printable(who, 80)}"${near === undefined ? '' : `; did you mean ${near}?`}`)
}

/** A source that is down says nothing of it. */
async function elsewhere(services: Services, who: string): Promise<Account | undefined> {
  const accounts = services.find('accounts')
  try {
    return (await accounts?.byLogin(who)) ?? (await accounts?.byAddress(who.toLowerCase()))
  } catch (error) {
    if (error instanceof MailError) return undefined
    throw error
  }
}
