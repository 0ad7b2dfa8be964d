/**
 * What lists of hashes are asked for: mail addresses and short links, brought into the one form their list knows and hashed, so that
 * whoever runs the list does not learn of addresses it does not have. Pure.
 */
import { createHash } from 'node:crypto'

export const HASHES = ['md5', 'sha1', 'sha256'] as const

export interface HashTerms {
  readonly hash: (typeof HASHES)[number]
  readonly encoding: 'hex' | 'base32'
  readonly cutTags: boolean
  readonly foldGmail: boolean
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const GMAIL = new Set(['gmail.com', 'googlemail.com'])

/** A mail address as its list has it: case does not matter, and what mail services pass over is left out. */
export function canonicalEmail(
  local: string,
  domain: string,
  { cutTags, foldGmail }: Pick<HashTerms, 'cutTags' | 'foldGmail'>,
): string {
  const host = domain.toLowerCase()
  const gmail = foldGmail && GMAIL.has(host)
  const plus = cutTags ? local.indexOf('+') : -1
  const name = (plus > 0 ? local.slice(0, plus) : local).toLowerCase()
  return gmail ? `${name.replaceAll('.', '')}@gmail.com` : `${name}@${host}`
}

/** A link as lists of short links have it: host and path, without scheme, port, query and fragment, nor the final dot of a host. */
export function hostAndPath(url: Pick<URL, 'hostname' | 'pathname'>): string {
  return `${url.hostname.replace(/\.$/, '')}${url.pathname}`
}

/** One label for a question. */
export function hashed(text: string, { hash, encoding }: Pick<HashTerms, 'hash' | 'encoding'>): string {
  const digest = createHash(hash).update(text)
  return encoding === 'hex' ? digest.digest('hex') : base32(digest.digest())
}

/** RFC 4648 §6, in lower case and without padding: names of the name service have neither. */
function base32(bytes: Buffer): string {
  let out = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      out += BASE32[(held >> bits) & 31]
    }
    held &= (1 << bits) - 1
  }
  return bits === 0 ? out : out + BASE32[(held << (5 - bits)) & 31]
}
