/** What an alias leads to: written once, meant for whatever address it is asked for. */
import { type AddressParts, parseAddress } from 'posthouse/text'

/** A bare name takes the domain it is asked for. `$1` in the local part stands for what a pattern has found. */
export interface AliasTarget {
  readonly local: string
  readonly domain?: string
}

// Only a domain to read a bare local part with.
const BARE = 'bare.invalid'
const PLACE = /\$([1-9])/g
/** RFC 5321 §3.6.1: routes are not asked for any more; but by such a name old servers send mail on to whom the sender wants. */
const ROUTE = /[@%!]/
/** RFC 5321 §4.5.3.1.1, in octets. */
const MAX_LOCAL = 64

export function bareLocal(text: string): string | undefined {
  return parseAddress(`${text}@${BARE}`)?.local
}

export function readTarget(text: string): AliasTarget | undefined {
  if (!text.includes('@')) {
    const local = bareLocal(text)
    return local === undefined ? undefined : { local }
  }
  return parseAddress(text)
}

/** Highest number of a place in it; 0: it has none. */
export function placesIn({ local }: AliasTarget): number {
  return Math.max(0, ...[...local.matchAll(PLACE)].map(([, number]) => Number(number)))
}

/** `found`: what a pattern has found, `$1` first. `undefined`: nothing that could be an address. */
export function addressFrom(
  { local, domain }: AliasTarget,
  asked: AddressParts,
  found: readonly string[] = [],
): AddressParts | undefined {
  if (found.some(text => ROUTE.test(text)) && local.search(PLACE) >= 0) return undefined
  const filled =
    found.length === 0 ? local : local.replace(PLACE, (_, number: string) => found[Number(number) - 1] ?? '')
  if (filled === '' || Buffer.byteLength(filled) > MAX_LOCAL) return undefined
  return { local: filled, domain: domain ?? asked.domain }
}

export function writtenTarget({ local, domain }: AliasTarget): string {
  return domain === undefined ? local : `${local}@${domain}`
}
