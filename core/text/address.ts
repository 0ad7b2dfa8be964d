/**
 * Mailbox addresses as SMTP writes them (RFC 5321 §4.1.2, RFC 6531 §3.3): reading, writing, and the key for look-ups.
 * A local part loses its quotes when read and gets them back when written; a domain is lower-cased.
 * Address fields of messages (RFC 5322) are another, looser grammar: see address-list.ts.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { domainKey, normaliseDomain } from './domain.js'
import { ReadError, Reader } from './reader.js'

export { DomainSet, domainKey, normaliseDomain, toAsciiDomain } from './domain.js'

export interface AddressParts {
  readonly local: string
  readonly domain: string
}

export interface Path {
  /** `null` for the null path `<>`; `<postmaster>` has an empty domain. */
  readonly address: AddressParts | null
  /** `@a.example,@b.example`, read and to be ignored. */
  readonly sourceRoute?: string
  /** What follows the closing `>`. */
  readonly rest: string
}

// RFC 6531 §3.3 lets UTF-8 into atext; C1 controls, lone surrogates and U+FFFD (broken UTF-8) are never wanted.
const BEYOND_ASCII = '\\u{a0}-\\u{d7ff}\\u{e000}-\\u{fffc}\\u{10000}-\\u{10ffff}'
const ATEXT = `[A-Za-z0-9!#$%&'*+/=?^_\`{|}~${BEYOND_ASCII}-]`
const DOT_ATOM = new RegExp(`${ATEXT}+(?:\\.${ATEXT}+)*`, 'uy')
const WHOLE_DOT_ATOM = new RegExp(`^${ATEXT}+(?:\\.${ATEXT}+)*$`, 'u')
const QUOTED = new RegExp(`"(?:[ !#-\\[\\]-~${BEYOND_ASCII}]|\\\\[ -~])*"`, 'uy')
const LITERAL = /\[[!-Z^-~]+\]/y
const DOMAIN = new RegExp(`[A-Za-z0-9.${BEYOND_ASCII}-]+`, 'uy')
const ROUTE = /@[A-Za-z0-9.-]+(?:,@[A-Za-z0-9.-]+)*(?=:)/y
const POSTMASTER = /postmaster(?=>)/iy

/** Longest path we look at; source routes included. */
const MAX_PATH = 2048

/** `local@domain` and nothing else; `undefined` when it is not an address. */
export function parseAddress(text: string): AddressParts | undefined {
  if (text.length > 1024) return undefined
  const input = new Reader(text)
  const address = readMailbox(input)
  return input.atEnd ? address : undefined
}

/** A path in angle brackets at the start of `text`, as MAIL and RCPT have it. */
export function readPath(text: string): Path | undefined {
  const input = new Reader(text.length > MAX_PATH ? text.slice(0, MAX_PATH) : text)
  if (input.take('<') === undefined) return undefined
  const sourceRoute = input.take(ROUTE)
  if (sourceRoute !== undefined) input.take(':')
  const address = readPathInside(input, sourceRoute !== undefined)
  if (address === undefined || input.take('>') === undefined) return undefined
  const rest = text.slice(input.column - 1)
  return sourceRoute === undefined ? { address, rest } : { address, sourceRoute, rest }
}

/** Why `readPath` found none at the start of `text`: what was expected, and where. */
export function explainPath(text: string): ReadError {
  const input = new Reader(text.length > MAX_PATH ? text.slice(0, MAX_PATH) : text)
  if (input.take('<') === undefined) return new ReadError(1, 'an address in angle brackets')
  if (input.take(ROUTE) !== undefined) input.take(':')
  const start = input.column
  const local = input.take(DOT_ATOM) ?? input.take(QUOTED)
  if (local === undefined) return new ReadError(start, 'a local part')
  if (Buffer.byteLength(local) > 64) return new ReadError(start, 'a local part of at most 64 octets')
  if (input.take('@') === undefined) return new ReadError(input.column, '@')
  const { column } = input
  const domain = input.take(LITERAL) ?? input.take(DOMAIN) ?? ''
  if (Buffer.byteLength(local) + 1 + Buffer.byteLength(domain) > 254)
    return new ReadError(start, 'an address of at most 254 octets')
  const known = domain.startsWith('[') ? normaliseLiteral(domain) : normaliseDomain(domain)
  if (known === undefined) return new ReadError(column, 'a domain or an address literal')
  return new ReadError(input.column, '>')
}

function readPathInside(input: Reader, routed: boolean): AddressParts | null | undefined {
  if (!routed) {
    if (input.peek('>')) return null
    // RFC 5321 §4.5.1: postmaster without a domain, in any case.
    const postmaster = input.take(POSTMASTER)
    if (postmaster !== undefined) return { local: postmaster, domain: '' }
  }
  return readMailbox(input)
}

function readMailbox(input: Reader): AddressParts | undefined {
  const written = input.take(DOT_ATOM) ?? input.take(QUOTED)
  // RFC 5321 §4.5.3.1.1: 64 octets.
  if (written === undefined || Buffer.byteLength(written) > 64 || input.take('@') === undefined) return undefined
  const local = written.startsWith('"') ? written.slice(1, -1).replace(/\\(.)/gu, '$1') : written
  const literal = input.take(LITERAL)
  const domain = literal === undefined ? normaliseDomain(input.take(DOMAIN) ?? '') : normaliseLiteral(literal)
  if (domain === undefined) return undefined
  // RFC 5321 §4.5.3.1.3: 256 octets with the angle brackets.
  return Buffer.byteLength(written) + 1 + Buffer.byteLength(domain) > 254 ? undefined : { local, domain }
}

/** RFC 5321 §4.1.3: `[192.0.2.1]` and `[IPv6:2001:db8::1]`; no other tag has ever been registered. */
function normaliseLiteral(text: string): string | undefined {
  const literal = text.toLowerCase()
  const inside = literal.slice(1, -1)
  if (inside.startsWith('ipv6:')) return isIPv6(inside.slice(5)) && !inside.includes('%') ? literal : undefined
  return isIPv4(inside) ? literal : undefined
}

/** As it goes over the wire, without angle brackets: the null sender is empty. */
export function formatAddress(address: AddressParts | null): string {
  if (address === null) return ''
  const { local, domain } = address
  const written = WHOLE_DOT_ATOM.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`
  return domain === '' ? written : `${written}@${domain}`
}

/** Two addresses with one key are one mailbox to us: case and the two spellings of an international domain do not matter. */
export function addressKey(address: AddressParts): string {
  const domain = domainKey(address.domain)
  return `${address.local.normalize('NFC').toLowerCase()}@${domain}`
}

/** The address behind a key, which has its local part without quotes; `undefined`: no address has that key. */
export function addressOfKey(key: string): AddressParts | undefined {
  const at = key.lastIndexOf('@')
  return at < 0 ? undefined : parseAddress(formatAddress({ local: key.slice(0, at), domain: key.slice(at + 1) }))
}

/** Whether a peer without SMTPUTF8 can be given this address. */
export function isAscii(address: AddressParts): boolean {
  return /^[\x00-\x7f]*$/.test(address.local + address.domain)
}
