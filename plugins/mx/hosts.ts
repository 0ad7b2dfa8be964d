/**
 * Which hosts take mail for a domain, in which order (RFC 5321 §5.1, RFC 7505). No connection is made here.
 * Static routes first; then MX by preference with random order among equals, A/AAAA when there is no MX. "No" is an answer with a
 * status; trouble with the name service is `deferred`.
 */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Resolver } from 'posthouse/api'
import { normaliseDomain, toAsciiDomain } from 'posthouse/text'
import type { Routes } from './routes.js'

export interface Host {
  readonly name: string
  readonly port: number
  /** Named by the admin: may be private, may be ourselves. */
  readonly fixed: boolean
}

export type Found =
  | { readonly kind: 'hosts'; readonly hosts: readonly Host[] }
  | { readonly kind: 'failed' | 'deferred'; readonly status: string; readonly text: string }

export interface HostOptions {
  readonly routes: Routes
  readonly port: number
  readonly maxHosts: number
  readonly allowPrivate: boolean
  /** Our own name: a host called so is us. */
  readonly ownName: string
  readonly dns: Resolver
  readonly random: () => number
}

export async function findHosts(domain: string, options: HostOptions, signal: AbortSignal): Promise<Found> {
  const route = options.routes.find(domain)
  if (route !== undefined) return { kind: 'hosts', hosts: [{ name: route.host, port: route.port, fixed: true }] }
  const literal = literalAddress(domain)
  if (literal !== undefined) return { kind: 'hosts', hosts: [{ name: literal, port: options.port, fixed: false }] }
  const name = toAsciiDomain(normaliseDomain(domain) ?? '')
  if (name === undefined) return no('failed', '5.1.2', `${domain} is not a domain mail can be sent to`)
  if (!options.dns.configured) {
    return no(
      'deferred',
      '4.4.3',
      'no resolver is configured: set dns.servers in server.yaml, or give the mx plugin a route for this domain',
    )
  }
  try {
    return ranked(name, await options.dns.mx(name, signal), options)
  } catch {
    // The resolver's own text names servers of ours; the sender hears only this.
    return no('deferred', '4.4.3', `the name service did not tell the mail hosts of ${name}`)
  }
}

type Exchanges = Awaited<ReturnType<Resolver['mx']>>

/** Pure but for `random`. */
export function ranked(domain: string, found: Exchanges, options: HostOptions): Found {
  const { port, ownName, random, maxHosts } = options
  const host = (name: string): Host => ({ name, port, fixed: false })
  // RFC 5321 §5.1: no MX, so the domain itself is the host.
  if (found.length === 0) {
    if (domain === ownName) return loop(domain)
    return { kind: 'hosts', hosts: [host(domain)] }
  }
  // RFC 7505 §3: a single empty exchange says that the domain takes no mail.
  const named = found.filter(record => record.exchange !== '' && record.exchange !== '.')
  if (named.length === 0) return no('failed', '5.1.10', `${domain} does not accept mail (null MX)`)
  // RFC 5321 §5.1: when we are in the list ourselves, hosts of our preference and worse would only send the mail back.
  const own = Math.min(...named.filter(record => record.exchange === ownName).map(record => record.preference))
  const usable = named.filter(record => record.preference < own)
  if (usable.length === 0) return loop(domain)
  return {
    kind: 'hosts',
    hosts: shuffled(usable, random)
      .slice(0, maxHosts)
      .map(record => host(record.exchange)),
  }
}

function shuffled(found: Exchanges, random: () => number): Exchanges {
  return found
    .map(record => ({ record, draw: random() }))
    .sort((a, b) => a.record.preference - b.record.preference || a.draw - b.draw)
    .map(({ record }) => record)
}

function loop(domain: string): Found {
  return no('failed', '5.4.6', `mail for ${domain} would come back to this server: we are its best mail host`)
}

function no(kind: 'failed' | 'deferred', status: string, text: string): Found {
  return { kind, status, text }
}

/** RFC 5321 §4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`. */
function literalAddress(domain: string): string | undefined {
  if (!domain.startsWith('[') || !domain.endsWith(']')) return undefined
  const inside = domain.slice(1, -1).replace(/^ipv6:/i, '')
  return isIP(inside) !== 0 ? inside : undefined
}

export type Addresses =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'none' | 'private' | 'trouble' }

/** IPv6 first, then IPv4, a few of each; a host that has one family and trouble with the other is still a host. */
export async function addressesOf(host: Host, options: HostOptions, signal: AbortSignal): Promise<Addresses> {
  const known = isIP(host.name) !== 0 ? [host.name] : host.name === 'localhost' ? ['127.0.0.1', '::1'] : undefined
  if (known !== undefined) return allowed(host, known, options)
  if (!options.dns.configured) return { kind: 'trouble' }
  const [six, four] = await Promise.allSettled([options.dns.aaaa(host.name, signal), options.dns.a(host.name, signal)])
  const found = [...some(six), ...some(four)]
  if (found.length > 0) return allowed(host, found, options)
  return { kind: six.status === 'rejected' || four.status === 'rejected' ? 'trouble' : 'none' }
}

/** Addresses tried per family. */
const MAX_ADDRESSES = 3

function some(answer: PromiseSettledResult<readonly string[]>): readonly string[] {
  return answer.status === 'fulfilled' ? answer.value.slice(0, MAX_ADDRESSES) : []
}

function allowed(host: Host, addresses: readonly string[], options: HostOptions): Addresses {
  if (host.fixed || options.allowPrivate) return { kind: 'addresses', addresses }
  const open = addresses.filter(isPublic)
  return open.length === 0 ? { kind: 'private' } : { kind: 'addresses', addresses: open }
}

/** Global unicast only: a stranger's MX must not make us talk to our own network. */
export function isPublic(address: string): boolean {
  return isIP(address) !== 0 && ipaddr.process(address).range() === 'unicast'
}
