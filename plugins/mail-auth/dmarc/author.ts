/** Whose name the reader of a message sees in From (RFC 7489 §6.6.1). Pure. */
import { parseAddressList, toAsciiDomain } from 'posthouse/text'

/** `among`: the domains that it could be, the first few of them. */
export type Author = { readonly domain: string } | { readonly why: string; readonly among: readonly string[] }

const MAX_FIELDS = 10
const MAX_WRITTEN = 20
/** Domains that are looked at where From names several. */
const MAX_DOMAINS = 5

/** One From field, of one domain. `fields`: the From fields as they stand there. */
export function authorOf(fields: readonly string[]): Author {
  if (fields.length === 0) return { why: 'there is no From', among: [] }
  const domains = [...new Set(fields.slice(0, MAX_FIELDS).flatMap(domainsIn))]
  const known = domains.filter(domain => domain !== undefined)
  const unclear = (why: string): Author => ({ why, among: known.slice(0, MAX_DOMAINS) })
  if (fields.length > 1) return unclear(`there are ${fields.length} From fields`)
  if (domains.length > 1) return unclear('From names several domains')
  const [domain] = known
  return domain === undefined ? unclear('From has no address that can be read') : { domain }
}

function domainsIn(field: string): readonly (string | undefined)[] {
  const items = parseAddressList(field).flatMap(item => (item.kind === 'group' ? item.members : [item]))
  const written = [...new Set(items.map(({ domain }) => domain))].slice(0, MAX_WRITTEN)
  return written.map(domain => nameOf(Buffer.from(domain, 'latin1').toString()))
}

/** With underscores too: no host is called so, but somebody could write below a domain that publishes a policy. */
function nameOf(domain: string): string | undefined {
  const plain = domain.replaceAll('_', '-')
  return plain === domain || toAsciiDomain(plain) !== plain.toLowerCase() ? toAsciiDomain(domain) : domain.toLowerCase()
}
