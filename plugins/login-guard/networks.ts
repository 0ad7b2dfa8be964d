/**
 * What counts as one network: an IPv4 address and the /24 around it, an IPv6 /64 and the /48 around it. A host has a whole /64 to itself
 * and moves about in it, and a provider gives a customer up to a /48; with IPv4 the /24 is what one bot herder usually has of a hoster.
 */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export interface Place {
  /** `192.0.2.7`, `2001:db8:1:2::/64` */
  readonly unit: string
  /** `192.0.2.0/24`, `2001:db8:1::/48` */
  readonly wide: string
}

/** `undefined` for what is no address: a socket file. IPv4 mapped into IPv6 is IPv4. */
export function placeOf(ip: string): Place | undefined {
  const bare = ip.split('%', 1)[0]!
  if (isIP(bare) === 0) return undefined
  const address = ipaddr.process(bare)
  const bytes = address.toByteArray()
  if (bytes.length === 4) return { unit: address.toString(), wide: masked(bytes, 3, '/24') }
  return { unit: masked(bytes, 8, '/64'), wide: masked(bytes, 6, '/48') }
}

/** A network as a person types it, as one of those we count by: an address is the unit it stands in. */
export function readNetwork(text: string): { readonly kind: 'network' | 'range'; readonly name: string } | undefined {
  const [ip = '', bits, ...rest] = text.split('/')
  const place = placeOf(ip)
  if (place === undefined || rest.length > 0) return undefined
  const six = isIP(ip) === 6 && place.unit.includes(':')
  if (bits === undefined || bits === (six ? '64' : '32')) return { kind: 'network', name: place.unit }
  return bits === (six ? '48' : '24') ? { kind: 'range', name: place.wide } : undefined
}

/** The range a unit stands in. */
export function rangeOf(unit: string): string | undefined {
  return placeOf(unit.split('/', 1)[0]!)?.wide
}

function masked(bytes: readonly number[], keep: number, bits: string): string {
  const left = bytes.map((byte, at) => (at < keep ? byte : 0))
  return `${ipaddr.fromByteArray(left).toString()}${bits}`
}
