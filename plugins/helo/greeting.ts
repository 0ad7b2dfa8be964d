/** What stands behind HELO and EHLO (RFC 5321 §4.1.1.1, §4.1.3): a domain, an address literal, or neither. Pure. */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { toAsciiDomain } from 'posthouse/text'

export type Greeting =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'literal'; readonly address: string }
  | { readonly kind: 'malformed'; readonly why: string }

export function readGreeting(text: string): Greeting {
  if (text.startsWith('[')) return readLiteral(text)
  if (isIP(text) !== 0) return { kind: 'malformed', why: 'an address without brackets' }
  const bare = text.endsWith('.') ? text.slice(0, -1) : text
  // U-labels are against RFC 5321 and do no harm: what has an A-label form can be asked for.
  const name = toAsciiDomain(bare)
  return name === undefined ? { kind: 'malformed', why: whyNoName(bare) } : { kind: 'name', name }
}

function readLiteral(text: string): Greeting {
  if (!text.endsWith(']')) return { kind: 'malformed', why: 'an address literal without its end' }
  const inside = text.slice(1, -1)
  if (isIPv4(inside)) return { kind: 'literal', address: inside }
  const six = /^ipv6:/i.test(inside) ? inside.slice(5) : undefined
  if (six !== undefined && isIPv6(six) && !six.includes('%')) return { kind: 'literal', address: six }
  return { kind: 'malformed', why: isIPv6(inside) ? 'an IPv6 literal without its tag' : 'no address in the literal' }
}

function whyNoName(text: string): string {
  if (text.includes('_')) return 'an underscore in a host name'
  if (text.includes('..') || text.startsWith('.')) return 'an empty label'
  if (text.split('.').some(label => label.length > 63)) return 'a label of more than 63 octets'
  return 'characters that are not of a host name'
}
