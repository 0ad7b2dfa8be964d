/**
 * What an entry of the directory says of an account, and ids for accounts: an attribute that never changes, behind the name of the source. An entry
 * that does not say what it must is trouble and not "nobody": a right that was taken away must not bounce mail.
 */
import { type Entry, EqualityFilter, type Filter } from 'ldapts'
import { type Account, MailError } from 'posthouse/api'
import { addressKey, parseAddress, parseSize } from 'posthouse/text'
import type { Settings } from './settings.js'
import { namesIn } from './template.js'

/** Values are 16 octets, no text. */
const BINARY = new Set(['objectguid', 'ms-ds-consistencyguid'])
const MAX_ID = 64
const MOST_ADDRESSES = 500

type Wanted = Pick<Settings, 'name' | 'attributes' | 'quota_unit' | 'disabled_values' | 'disabled_bits'>

/** What is asked of an entry. */
export interface Asked {
  readonly attributes: readonly string[]
  readonly binary: readonly string[]
}

export function askedOf({ attributes }: Wanted): Asked {
  const { id, login, addresses, quota, quota_messages, disabled } = attributes
  const made = addresses.flatMap(text => (text.includes('{') ? namesIn(text) : [text]))
  const all = [id, login, ...made, quota, quota_messages, disabled].filter(name => name !== undefined)
  return { attributes: [...new Set(all)], binary: isBinary(id) ? [id] : [] }
}

/** `domains`: addresses elsewhere are none of ours. Throws a temporary `MailError`. */
export function accountOf(entry: Entry, wanted: Wanted, domains: ReadonlySet<string>): Account {
  const values = valuesOf(entry)
  const { attributes, disabled_bits: bits } = wanted
  const of = (name: string | undefined) => (name === undefined ? [] : (values.get(name.toLowerCase()) ?? []))
  const addresses = addressesOf(attributes.addresses, of, domains)
  // Of several, in whatever order the server tells them, always the same.
  const login = of(attributes.login).toSorted()[0] ?? addresses[0]
  if (login === undefined) throw unreadable(entry, `neither ${attributes.login} nor an address of ours`)
  const quotaBytes = quotaOf(of(attributes.quota)[0], wanted.quota_unit)
  const quotaMessages = quotaOf(of(attributes.quota_messages)[0], 'B')
  const closed = new Set(wanted.disabled_values.map(value => value.toLowerCase()))
  const disabled = of(attributes.disabled).some(
    value => closed.has(value.toLowerCase()) || (bits !== undefined && (Number(value) & bits) !== 0),
  )
  return {
    id: idOf(entry, wanted),
    login,
    addresses,
    ...(quotaBytes !== undefined && { quotaBytes }),
    ...(quotaMessages !== undefined && { quotaMessages }),
    ...(disabled && { disabled }),
  }
}

/** As a filter; `undefined`: such an id is none of this source. */
export function filterOfId(id: string, { name, attributes }: Wanted): Filter | undefined {
  if (!id.startsWith(`${name}-`) || id.length > MAX_ID) return undefined
  const text = id.slice(name.length + 1)
  if (text === '') return undefined
  if (isBinary(attributes.id))
    return /^[0-9a-f]{32}$/.test(text) ? equals(attributes.id, Buffer.from(text, 'hex')) : undefined
  const value = unwritten(text)
  return value === undefined ? undefined : equals(attributes.id, value)
}

function equals(attribute: string, value: string | Buffer): Filter {
  return new EqualityFilter({ attribute, value })
}

function idOf(entry: Entry, { name, attributes }: Wanted): string {
  const key = Object.keys(entry).find(one => one.toLowerCase() === attributes.id.toLowerCase())
  const [value] = key === undefined ? [] : [entry[key]!].flat()
  if (value === undefined || value.length === 0) throw unreadable(entry, `no ${attributes.id} that we may read`)
  const text = isBinary(attributes.id) ? Buffer.from(value as Buffer).toString('hex') : written(value.toString())
  const id = `${name}-${text}`
  if (id.length > MAX_ID) throw unreadable(entry, `a ${attributes.id} that is too long for an id`)
  return id
}

/** Directories compare such values in any case of letters. What could be more than a letter of a name is written as `_2f`. */
function written(value: string): string {
  const octets = [...Buffer.from(value.toLowerCase())]
  return octets
    .map(octet => {
      const letter = String.fromCharCode(octet)
      return /[a-z0-9.-]/.test(letter) ? letter : `_${octet.toString(16).padStart(2, '0')}`
    })
    .join('')
}

/** `undefined`: nothing is written so. */
function unwritten(text: string): string | undefined {
  if (!/^(?:[a-z0-9.-]|_[0-9a-f]{2})+$/.test(text)) return undefined
  const octets = text.replaceAll(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const value = Buffer.from(octets, 'latin1').toString('utf8')
  return written(value) === text ? value : undefined
}

function isBinary(attribute: string): boolean {
  return BINARY.has(attribute.toLowerCase())
}

function valuesOf(entry: Entry): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(entry).map(([name, given]) => [
      name.toLowerCase(),
      [given]
        .flat()
        .map(value => value.toString())
        .filter(value => value !== ''),
    ]),
  )
}

function addressesOf(
  wanted: readonly string[],
  of: (name: string) => readonly string[],
  domains: ReadonlySet<string>,
): readonly string[] {
  const texts = wanted.flatMap(text => {
    const [name] = namesIn(text)
    return name === undefined ? of(text) : of(name).map(value => text.replaceAll(`{${name}}`, () => value))
  })
  const ours = texts.flatMap(text => {
    // Active Directory writes `SMTP:ann@example.org` in proxyAddresses.
    const address = parseAddress(text.replace(/^smtp:/i, ''))
    return address !== undefined && domains.has(address.domain) ? [addressKey(address)] : []
  })
  return [...new Set(ours)].slice(0, MOST_ADDRESSES)
}

/** A value that is no amount is no bound. */
function quotaOf(text: string | undefined, unit: Settings['quota_unit']): number | undefined {
  if (text === undefined) return undefined
  return parseSize(/^\d+$/.test(text.trim()) ? `${text.trim()}${unit}` : text)
}

function unreadable(entry: Entry, what: string): MailError {
  return new MailError('directory-unavailable', `the entry ${entry.dn} has ${what}`)
}
