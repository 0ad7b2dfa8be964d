/** Whom a command means by a login: somebody of the file, or else a sentence that names the source that has them. */
import { type Account, CommandError, MailError, type Services } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { StoredAccount } from './accounts-file.js'
import type { Book } from './book.js'
import { findLogin } from './reading.js'

export interface OwnParts {
  readonly book: Book
  readonly services: Services
}

/** Throws `CommandError`. */
export async function ownAccount({ book, services }: OwnParts, who: string): Promise<StoredAccount> {
  const accounts = await book.read()
  try {
    return findLogin(accounts, who)
  } catch (error) {
    const other = await elsewhere(services, who)
    if (other === undefined) throw error
    const own = accounts.find(({ id }) => id === other.id)
    if (own !== undefined) return own
    throw new CommandError(
      `${printable(other.login, 80)} is an account of ${other.source ?? 'another source'} and not of auth-file; it can only be changed there`,
    )
  }
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
