/** What answers mean. Nothing of them is believed before it has been looked at; one that cannot be read is trouble and not "nobody". Pure. */
import { ACCOUNT_LIMITS, type Account, type AccountLimits } from 'posthouse/api'
import { addressKey, parseAddress, printable } from 'posthouse/text'
import type { Answer } from './asking.js'

const MAX_LOGIN = 320
const MOST_ADDRESSES = 500

/** An answer that is none; `message` reads behind the name of the source. */
export class Unreadable extends Error {}

interface Reading {
  /** Begins its ids. */
  readonly name: string
  /** Addresses elsewhere are none of ours. */
  readonly domains: ReadonlySet<string>
}

/** `undefined`: it says that there is nobody. */
export function readAccount(answer: Answer, reading: Reading): Account | undefined {
  if (answer.account === null) return undefined
  return accountOf(answer.account, reading)
}

/** A page of all accounts, and what to ask the next one by. */
export function readPage(
  answer: Answer,
  reading: Reading,
): { readonly accounts: readonly Account[]; readonly next?: string } {
  const { accounts, next = null } = answer
  if (!Array.isArray(accounts)) throw new Unreadable('answers no list of accounts')
  if (next !== null && (typeof next !== 'string' || next.length > 1000))
    throw new Unreadable('answers a "next" that is no text')
  return {
    accounts: accounts.map(one => accountOf(one, reading)),
    ...(next !== null && { next }),
  }
}

/** Whether the password of an account is right. */
export function readRight({ right }: Answer): boolean {
  if (typeof right !== 'boolean') throw new Unreadable('does not say whether the password is "right"')
  return right
}

/** The id as the source knows it; `undefined`: it is none of that source. */
export function ownId(id: string, name: string): string | undefined {
  const own = id.startsWith(`${name}-`) ? id.slice(name.length + 1) : ''
  return isId(own) ? own : undefined
}

function accountOf(value: unknown, { name, domains }: Reading): Account {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unreadable('answers no "account"')
  const given = value as Readonly<Record<string, unknown>>
  const { id, login, addresses = [], disabled = false } = given
  if (typeof id !== 'string' || !isId(id))
    throw new Unreadable('answers an account without an "id" of 1 to 40 letters, digits, dots, dashes and underscores')
  const wrong = (what: string) => new Unreadable(`answers account ${id} with ${what}`)
  if (typeof login !== 'string' || login === '' || login.length > MAX_LOGIN) throw wrong('no "login"')
  if (
    !Array.isArray(addresses) ||
    addresses.length > MOST_ADDRESSES ||
    !addresses.every(one => typeof one === 'string')
  )
    throw wrong('"addresses" that are no list of texts')
  if (typeof disabled !== 'boolean') throw wrong('a "disabled" that is neither true nor false')
  const limits = limitsOf(given.limits)
  if (limits === 'wrong') throw wrong('"limits" that are no texts')
  const { place } = given
  if (place !== undefined && place !== null && typeof place !== 'string') throw wrong('a "place" that is no text')
  const names = given.imapDisable ?? undefined
  if (names !== undefined && !(Array.isArray(names) && names.every(one => typeof one === 'string')))
    throw wrong('an "imapDisable" that is no list of texts')
  return {
    id: `${name}-${id}`,
    login,
    addresses: oursOf(addresses as readonly string[], domains),
    ...amount('quotaBytes', given, wrong),
    ...amount('quotaMessages', given, wrong),
    ...amount('quotaGracePercent', given, wrong),
    ...(typeof place === 'string' && { place }),
    ...(disabled && { disabled }),
    ...(limits !== undefined && { limits }),
    ...(names !== undefined && { imapDisable: names as readonly string[] }),
  }
}

/** The same letters as in the store's keys. */
function isId(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,40}$/.test(text)
}

function oursOf(texts: readonly string[], domains: ReadonlySet<string>): readonly string[] {
  const ours = texts.flatMap(text => {
    const address = parseAddress(text)
    return address !== undefined && domains.has(address.domain) ? [addressKey(address)] : []
  })
  return [...new Set(ours)]
}

type Amount = 'quotaBytes' | 'quotaMessages' | 'quotaGracePercent'

function amount(key: Amount, given: Readonly<Record<string, unknown>>, wrong: (what: string) => Unreadable) {
  const value = given[key] ?? undefined
  if (value === undefined) return {}
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw wrong(`${key} ${printable(JSON.stringify(value), 40)}, which is no whole number`)
  return { [key]: value as number }
}

function limitsOf(value: unknown): AccountLimits | undefined | 'wrong' {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'object') return 'wrong'
  const given = value as Readonly<Record<string, unknown>>
  const named = ACCOUNT_LIMITS.filter(name => given[name] !== undefined)
  if (!named.every(name => typeof given[name] === 'string')) return 'wrong'
  return Object.fromEntries(named.map(name => [name, given[name]])) as AccountLimits
}
