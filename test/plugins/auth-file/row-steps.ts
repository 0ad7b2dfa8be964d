/** Changes of accounts for the crash test, made from their numbers alone: the process that is killed and the one that looks on make the same. */

import type { StoredAccount } from '../../../plugins/auth-file/accounts-file.js'
import { NameTaken, refuseTaken, type Turn } from '../../../plugins/auth-file/book.js'

export interface Step {
  readonly add: readonly StoredAccount[]
  readonly ids: readonly string[]
  readonly turn: Turn
}

const ACCOUNTS = 24
const HASH = `{SSHA512}${Buffer.alloc(72, 7).toString('base64')}`
const idOf = (n: number) => `aid${String(n % ACCOUNTS).padStart(8, '0')}`
/** Few, so that one account often wants what another has. */
const nameOf = (n: number) => `name${n % (2 * ACCOUNTS)}`

/** Some come, go, get other names, swap theirs, or change by tens. */
export function stepOf(n: number): Step {
  const dice = (n * 2_654_435_761) >>> 0
  const [one, two] = [idOf(dice >>> 3), idOf(dice >>> 9)]
  const none: Step = { add: [], ids: [], turn: account => account }
  switch (dice % 5) {
    case 0:
      return { ...none, add: [{ id: one, login: nameOf(dice >>> 5), addresses: [nameOf(dice >>> 7)], password: HASH }] }
    case 1:
      return n % 3 === 0 ? { ...none, ids: [one], turn: () => undefined } : none
    case 2:
      return { ...none, ids: [one], turn: was => ({ ...was, login: `x²${nameOf(dice >>> 11)}` }) }
    case 3:
      return {
        ...none,
        ids: [one, two],
        turn: was => ({ ...was, addresses: [nameOf(dice >>> (was.id === one ? 13 : 17)), `${was.id}@example.test`] }),
      }
    default:
      return {
        ...none,
        ids: Array.from({ length: 10 }, (_, at) => idOf(n + at)),
        turn: was => ({ ...was, quotaBytes: n, addresses: [...was.addresses].reverse() }),
      }
  }
}

/** What stands there after a step: all of it, or nothing where it wants what another has. */
export function after(accounts: ReadonlyMap<string, StoredAccount>, { add, ids, turn }: Step): typeof accounts {
  const wanted = new Set(ids)
  const next = new Map([...accounts].filter(([id]) => !wanted.has(id)))
  const fresh = [...add, ...[...wanted].flatMap(id => (accounts.has(id) ? (turn(accounts.get(id)!) ?? []) : []))]
  // An id is made of 100 random bits; here it is one of few.
  if (add.some(({ id }) => accounts.has(id))) return accounts
  try {
    refuseTaken([...next.values()], fresh)
  } catch (error) {
    if (error instanceof NameTaken) return accounts
    throw error
  }
  for (const account of fresh) next.set(account.id, account)
  return next
}
