/**
 * Filters of the admin with names of people put in. Of what comes from the network, every sign that could be part of the filter is written
 * in hexadecimal. Pure.
 */
import { addressOfKey, formatAddress } from 'posthouse/text'

/** Which names each filter of the config may hold. */
export const PLACES = {
  login_filter: ['login', 'local', 'domain', 'address'],
  address_filter: ['address', 'local', 'domain'],
  list_filter: [],
} as const

export type Values = ReadonlyMap<string, string>

/** To see whether a filter can be read. */
export const SAMPLE: Values = new Map(PLACES.login_filter.map(name => [name, 'x']))

const NAME = /\{([^{}]*)\}/g

/** `{login}` and `{domain}` in it, without braces. */
export function namesIn(text: string): readonly string[] {
  return [...text.matchAll(NAME)].map(([, name]) => name!)
}

export function fillFilter(text: string, values: Values): string {
  return text.replaceAll(NAME, (whole, name: string) => {
    const value = values.get(name)
    return value === undefined ? whole : escaped(value)
  })
}

// RFC 4515 §3: a backslash and two hexadecimal digits are an octet, and every one may be written so; letters beyond ASCII stand for themselves
function escaped(value: string): string {
  // Of half a character it makes a whole one.
  const text = Buffer.from(value).toString()
  return text.replaceAll(/[\x00-\x7f]/g, letter =>
    /[A-Za-z0-9@._-]/.test(letter) ? letter : `\\${letter.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** `home` is the domain of logins that say none. */
export function valuesOfLogin(login: string, home: string | undefined): Values {
  const at = login.lastIndexOf('@')
  const local = at < 1 ? login : login.slice(0, at)
  const domain = at < 1 ? (home ?? '') : login.slice(at + 1).toLowerCase()
  const address = domain === '' ? local : `${local}@${domain}`
  return new Map(Object.entries({ login, local, domain, address }))
}

/** Of a key (`addressKey`); directories write addresses as mail does, with quotes where a local part wants them. `undefined`: it is no address, so nobody has it. */
export function valuesOfAddress(key: string): Values | undefined {
  const parsed = addressOfKey(key)
  if (parsed === undefined) return undefined
  const { local, domain } = parsed
  return new Map(Object.entries({ address: formatAddress(parsed), local, domain }))
}

/** The domain of a login, in lower case; `undefined`: it says none. */
export function domainOf(login: string): string | undefined {
  const at = login.lastIndexOf('@')
  return at < 1 ? undefined : login.slice(at + 1).toLowerCase()
}
