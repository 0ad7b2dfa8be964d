/**
 * Addresses that a stranger's MX may lead us to: those that can be reached in the Internet (RFC 6890 and the registries of special
 * addresses it began). Everything else is our own network, nobody's, or many at once, and mail would be a way to talk to it.
 */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

type Range = [ipaddr.IPv6, number]
const range = (text: string): Range => ipaddr.IPv6.parseCIDR(text) as Range

/** RFC 4291 §2.5.4: of IPv6 only this is given to anybody. */
const GLOBAL = range('2000::/3')
/** Within it: RFC 2928 (with 2001::/32, 2001:2::/48, 2001:10::/28, 2001:20::/28), RFC 3849, RFC 9637. */
const SPECIAL = ['2001::/23', '2001:db8::/32', '3fff::/20'].map(range)
/** RFC 6052 §2.1: an IPv4 address as it is reached through NAT64; where such addresses come from DNS64 they are all there is. */
const NAT64 = range('64:ff9b::/96')
/** RFC 3056 §2: the IPv4 address stands behind the prefix. */
const SIX_TO_FOUR = range('2002::/16')

export function isPublic(address: string): boolean {
  // a zone (fe80::1%eth0) is of this machine alone
  if (isIP(address) === 0 || address.includes('%')) return false
  // RFC 4291 §2.5.5.2: mapped addresses are the IPv4 address they hold
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv4' ? isPublic4(parsed as ipaddr.IPv4) : isPublic6(parsed as ipaddr.IPv6)
}

function isPublic4(address: ipaddr.IPv4): boolean {
  return address.range() === 'unicast'
}

function isPublic6(address: ipaddr.IPv6): boolean {
  const octets = address.toByteArray()
  if (address.match(NAT64)) return isPublic4(new ipaddr.IPv4(octets.slice(12)))
  if (address.match(SIX_TO_FOUR)) return isPublic4(new ipaddr.IPv4(octets.slice(2, 6)))
  return address.match(GLOBAL) && !SPECIAL.some(special => address.match(special))
}
