/**
 * The first address of an address field of a message: whom a reader takes for its author, or where answers go. Bounded; never throws.
 */
import { parseAddressList } from './address-list.js'
import { toAsciiDomain } from './domain.js'
import { decodeWords } from './words.js'

export interface FieldMailbox {
  /** Display name, encoded words decoded; '' when there is none. */
  readonly name: string
  readonly local: string
  /** A-labels in lower case; as written, in lower case, when it cannot be a domain. */
  readonly domain: string
}

const MAX_RAW = 4000
const MAX_NAME = 300

/** Of the first field of that name, in lower case; nothing: there is none, or nobody in it has a domain. */
export function mailboxOf(
  header: readonly { readonly name: string; readonly raw: string }[],
  field: string,
): FieldMailbox | undefined {
  const raw = header.find(({ name }) => name.toLowerCase() === field)?.raw
  if (raw === undefined) return undefined
  const item = parseAddressList(raw.slice(0, MAX_RAW))
    .flatMap(entry => (entry.kind === 'group' ? entry.members : [entry]))
    .find(({ domain }) => domain !== '')
  if (item === undefined) return undefined
  const written = utf8(item.domain)
  return {
    name: decodeWords(item.name).slice(0, MAX_NAME),
    local: utf8(item.local),
    domain: toAsciiDomain(written) ?? written.toLowerCase(),
  }
}

/** Fields hold octets as Latin-1 (RFC 6532 §3.2: what is beyond ASCII is UTF-8). */
function utf8(raw: string): string {
  return Buffer.from(raw, 'latin1').toString()
}
