/** Under what things are kept in the state. The first part is the family that a full state counts by; what strangers choose is escaped. */
import { createHash } from 'node:crypto'
import type { Author, Identity } from './identity.js'

export function historyKey({ kind, name }: Identity): string {
  if (kind !== 'address') return `${kind}/${escaped(name)}`
  const at = name.lastIndexOf('@')
  return `address/${addressPart({ local: name.slice(0, at), domain: name.slice(at + 1) })}`
}

/** Domain first, so that all of a domain stand together. */
function addressPart({ local, domain }: Author): string {
  return `${escaped(domain)}/${escaped(local)}`
}

export function knownKey(author: Author): string {
  return `${KNOWN}${addressPart(author)}`
}

/** Every key of somebody our users write to begins so. */
export const KNOWN = 'known/'
/** And of what one account has written to them. */
const PAIRS = 'wrote/'

/** The domain in such a key. */
export function knownDomain(key: string): string {
  return decodeURIComponent(key.slice(KNOWN.length, key.indexOf('/', KNOWN.length)))
}

/** What one account has written to somebody. (`pair` would be of one family with `domain`, which strangers fill.) */
export function pairKey(author: Author, accountId: string): string {
  return `${PAIRS}${addressPart(author)}/${escaped(accountId)}`
}

/** How much one account has said of an identity. */
export function shareKey(identity: Identity, accountId: string): string {
  return `share/${historyKey(identity)}/${escaped(accountId)}`
}

export function markKey(accountId: string, emailId: string): string {
  return `mark/${escaped(accountId)}/${escaped(emailId)}`
}

export function sentKey(messageId: string): string {
  return `sent/${digest(messageId, 18)}`
}

export function digest(text: string, octets: number): string {
  return createHash('sha256').update(text).digest().subarray(0, octets).toString('base64url')
}

/** Every key of an address, or of all addresses of a domain, begins with one of these. */
export function prefixesOf(names: { readonly domain: string; readonly local?: string }): readonly string[] {
  const { domain, local } = names
  const part = local === undefined ? `${escaped(domain)}/` : addressPart({ local, domain })
  const end = local === undefined ? '' : '/'
  return [
    `${PAIRS}${part}${end}`,
    `share/address/${part}${end}`,
    ...(local === undefined ? [`address/${part}`, `known/${part}`] : []),
  ]
}

export function escaped(text: string): string {
  // A lone surrogate has no octets to escape.
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'))
}
