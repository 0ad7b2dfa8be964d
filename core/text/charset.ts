/**
 * Octets to text in whatever charset a mail claims. TextDecoder knows the usual ones, iconv-lite
 * the old ones such as UTF-7 and CP850. Never throws: a charset nobody knows is UTF-8 when the octets are, else windows-1252.
 */
import { createRequire } from 'node:module'
import { TextDecoder } from 'node:util'

interface Iconv {
  encodingExists(name: string): boolean
  decode(bytes: Buffer, name: string): string
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
// Node 20's TextDecoder takes windows-1252 for Latin-1, so 0x80 to 0x9f are mapped here.
const WESTERN = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ'
/** Keyed by names from the network, so only names TextDecoder knows get in: there are few of those. */
const decoders = new Map<string, TextDecoder>()
const ALWAYS_KNOWN = new Set(['utf-8', 'us-ascii', 'ascii', 'iso-8859-1', 'windows-1252'])
const NO_CHARSETS = /^(?:base64|hex|binary|internal|cesu|ucs2?$)/
/** Loaded with the first rare charset; few processes ever need it. */
let iconv: Iconv | undefined

export function decodeCharset(bytes: Buffer, charset: string): string {
  const name = canonicalCharset(charset)
  // "US-ASCII" with eighth bits is a lie; find out what it is.
  if (name === '' || name === 'us-ascii' || name === 'ascii') return decodeUnknown(bytes)
  const decoder = decoderOf(name)
  if (decoder !== undefined) return decoder.encoding === 'windows-1252' ? decodeWestern(bytes) : decoder.decode(bytes)
  return decodeRare(bytes, name) ?? decodeUnknown(bytes)
}

/** UTF-8 when it is, else windows-1252. */
export function decodeUnknown(bytes: Buffer): string {
  return tryUtf8(bytes) ?? decodeWestern(bytes)
}

export function decodeWestern(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\x80-\x9f]/g, char => WESTERN[char.charCodeAt(0) - 0x80]!)
}

export function tryUtf8(bytes: Buffer): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** As it is looked up: lower case, with the usual misspellings put right. */
export function canonicalCharset(charset: string): string {
  const name = charset
    .slice(0, 40)
    .trim()
    .toLowerCase()
    .replace(/^["']|["']$/g, '')
  if (/^cp-?125\d$/.test(name)) return `windows-${name.slice(-4)}`
  if (/^iso\d{4}/.test(name)) return `iso-${name.slice(3)}`
  return name === 'utf8mb4' || name === 'utf8' ? 'utf-8' : name
}

function decoderOf(name: string): TextDecoder | undefined {
  const known = decoders.get(name)
  if (known !== undefined) return known
  try {
    const decoder = new TextDecoder(name)
    decoders.set(name, decoder)
    return decoder
  } catch {
    return undefined
  }
}

/** `name` as `canonicalCharset` gives it. */
export function knowsCharset(name: string): boolean {
  return ALWAYS_KNOWN.has(name) || decoderOf(name) !== undefined || rareExists(name)
}

function decodeRare(bytes: Buffer, name: string): string | undefined {
  if (!rareExists(name)) return undefined
  try {
    return rare().decode(bytes, name)
  } catch {
    return undefined
  }
}

function rareExists(name: string): boolean {
  // iconv-lite takes transfer encodings for charsets.
  return !NO_CHARSETS.test(name) && rare().encodingExists(name)
}

function rare(): Iconv {
  iconv ??= createRequire(import.meta.url)('iconv-lite') as Iconv
  return iconv
}
