/**
 * Addresses of the Sender Rewriting Scheme: `SRS0=hash=time=domain=local@us` stands for `local@domain`, and `SRS1=hash=first==rest@us` for an
 * address `SRS0=rest@first` of somebody else's, so that a bounce takes at most two steps however long the way was. Writing and reading;
 * pure but for the digest. Case never counts, as servers on the way may change it.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { type AddressParts, formatAddress, toAsciiDomain } from 'posthouse/text'

export interface Scheme {
  /** 32 octets of this install. */
  readonly key: Buffer
  /** Ours; bounces come to it. */
  readonly domain: string
  /** Letters of the hash: five bits each. */
  readonly hashLength: number
  readonly maxAgeDays: number
}

export type Written =
  | { readonly kind: 'rewritten'; readonly sender: AddressParts }
  /** Mail has been here before: its sender is an address that we made. */
  | { readonly kind: 'looped'; readonly sender: AddressParts }
  | { readonly kind: 'too-long' }

export type Read =
  /** Not of this scheme at all. */
  | { readonly kind: 'other' }
  | { readonly kind: 'good'; readonly to: AddressParts; readonly ageDays?: number }
  | { readonly kind: 'forged' }
  | { readonly kind: 'expired' }

const DAY_MS = 86_400_000
/** Two letters of base32. */
const CYCLE_DAYS = 1024
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
/** RFC 5321 §4.5.3.1.1 and §4.5.3.1.3 */
const MAX_LOCAL = 64
const MAX_PATH = 254
const MAX_HASH = 32

const SRS = /^srs([01])([=+-])/i

export function isRewritten(local: string): boolean {
  return SRS.test(local)
}

/** The sender under which mail of `sender` goes on. */
export function rewrite(sender: AddressParts, scheme: Scheme, now: number): Written {
  const kind = SRS.exec(sender.local)
  const rest = sender.local.slice(4)
  if (kind !== null && toAsciiDomain(sender.domain) === scheme.domain) return { kind: 'looped', sender }
  if (kind?.[1] === '0') return fit(first(sender.domain, rest, scheme))
  if (kind?.[1] === '1') {
    const again = /^[^=]+=([^=]+)=([=+-].+)$/.exec(rest.slice(1))
    if (again !== null) return onwards(again[1]!, again[2]!, scheme)
  }
  const domain = toAsciiDomain(sender.domain)
  if (domain === undefined) return { kind: 'too-long' }
  const stamp = stampOf(now)
  const local = `SRS0=${hash(scheme, 'srs0', `${stamp}=${domain}=${sender.local}`)}=${stamp}=${domain}=${sender.local}`
  return fit({ local, domain: scheme.domain })
}

/** The first of the way is kept, the last is us: what was between hears of no bounce. */
function onwards(domain: string, rest: string, scheme: Scheme): Written {
  if (domain.toLowerCase() === scheme.domain)
    return { kind: 'looped', sender: { local: `SRS0${rest}`, domain: scheme.domain } }
  return fit(first(domain, rest, scheme))
}

/** `rest`: what follows `SRS0`, with its separator. */
function first(domain: string, rest: string, scheme: Scheme): AddressParts {
  const ascii = toAsciiDomain(domain) ?? domain
  return { local: `SRS1=${hash(scheme, 'srs1', `${ascii}=${rest}`)}=${ascii}=${rest}`, domain: scheme.domain }
}

function fit(sender: AddressParts): Written {
  const path = formatAddress(sender)
  const local = Buffer.byteLength(path) - Buffer.byteLength(sender.domain) - 1
  return local > MAX_LOCAL || Buffer.byteLength(path) > MAX_PATH ? { kind: 'too-long' } : { kind: 'rewritten', sender }
}

/** Where mail to this local part of ours goes. */
export function read(local: string, scheme: Scheme, now: number): Read {
  const kind = SRS.exec(local)
  if (kind === null) return { kind: 'other' }
  return kind[1] === '0' ? readFirst(local.slice(5), scheme, now) : readOnwards(local.slice(5), scheme)
}

function readFirst(text: string, scheme: Scheme, now: number): Read {
  const found = /^([^=]+)=([^=]+)=([^=]+)=(.+)$/s.exec(text)
  if (found === null) return { kind: 'forged' }
  const [, given, stamp, domain, local] = found as unknown as [string, string, string, string, string]
  if (!same(given, scheme, 'srs0', `${stamp}=${domain}=${local}`)) return { kind: 'forged' }
  const ageDays = ageOf(stamp, now)
  if (ageDays === undefined || ageDays > scheme.maxAgeDays) return { kind: 'expired' }
  return { kind: 'good', to: { local, domain: domain.toLowerCase() }, ageDays }
}

function readOnwards(text: string, scheme: Scheme): Read {
  const found = /^([^=]+)=([^=]+)=([=+-].+)$/s.exec(text)
  if (found === null) return { kind: 'forged' }
  const [, given, domain, rest] = found as unknown as [string, string, string, string]
  if (!same(given, scheme, 'srs1', `${domain}=${rest}`)) return { kind: 'forged' }
  return { kind: 'good', to: { local: `SRS0${rest}`, domain: domain.toLowerCase() } }
}

function hash({ key, hashLength }: Scheme, kind: 'srs0' | 'srs1', text: string): string {
  return digest(key, kind, text).slice(0, hashLength)
}

/** In letters that stay what they are when somebody changes their case. */
function digest(key: Buffer, kind: string, text: string): string {
  const octets = createHmac('sha256', key).update(`${kind} ${text.toLowerCase()}`).digest()
  return Array.from({ length: MAX_HASH }, (_, i) => ALPHABET[octets[i]! & 31]).join('')
}

/** One that is longer than wanted was made under another setting and is good; a shorter one could be guessed. */
function same(given: string, { key, hashLength }: Scheme, kind: 'srs0' | 'srs1', text: string): boolean {
  if (given.length < hashLength || given.length > MAX_HASH) return false
  const [a, b] = [Buffer.from(given.toLowerCase()), Buffer.from(digest(key, kind, text).slice(0, given.length))]
  return a.length === b.length && timingSafeEqual(a, b)
}

function stampOf(now: number): string {
  const day = Math.floor(now / DAY_MS) % CYCLE_DAYS
  return `${ALPHABET[day >> 5]}${ALPHABET[day & 31]}`
}

/** In days, counted round; `undefined`: no time. One from tomorrow is very old. */
function ageOf(stamp: string, now: number): number | undefined {
  const [high, low] = [...stamp.toLowerCase()].map(letter => ALPHABET.indexOf(letter))
  if (stamp.length !== 2 || high === undefined || low === undefined || high < 0 || low < 0) return undefined
  const today = Math.floor(now / DAY_MS) % CYCLE_DAYS
  return (today - (high * 32 + low) + CYCLE_DAYS) % CYCLE_DAYS
}
