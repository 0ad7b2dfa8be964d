/**
 * Under which name log-ins are counted: the account's id when somebody has that login (or that address of his), and else a digest of
 * what was typed, which has no bounds and may be anything.
 */
import { createHash } from 'node:crypto'
import type { Account, Accounts } from 'posthouse/api'
import type { Suspect } from './ledger.js'

export async function whoIs(
  login: string,
  accounts: Accounts | undefined,
): Promise<Pick<Suspect, 'account' | 'exists'>> {
  if (login === '') return { account: undefined, exists: true }
  const found = await findAccount(login, accounts)
  return found === undefined ? { account: nobody(login), exists: false } : { account: found.id, exists: true }
}

export async function findAccount(login: string, accounts: Accounts | undefined): Promise<Account | undefined> {
  return (await accounts?.byLogin(login)) ?? (login.includes('@') ? accounts?.byAddress(login) : undefined)
}

export function nobody(login: string): string {
  const name = login.normalize('NFC').toLowerCase()
  return `?${createHash('sha256').update(name).digest('base64url').slice(0, 22)}`
}
