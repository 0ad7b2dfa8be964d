/**
 * Which hosts take mail for a domain, in which order (RFC 5321 §5.1, RFC 7505). No connection is made here.
 * A route first; then MX by preference with random order among equals, A/AAAA when there is no MX. "No" is an answer with a
 * status; trouble with the name service is `deferred`. Aliases (CNAME) are the resolver's matter: it follows them, in a bounded number.
 */
import { isIP } from 'node:net'
import type { Resolver } from 'posthouse/api'
import { normaliseDomain, toAsciiDomain } from 'posthouse/text'
import type { Families } from './addresses/families.js'
import type { OwnAddresses } from './addresses/own.js'
import type { Manner } from './client/manner.js'
import type { Route, RouteTls, Stop } from './routes/route.js'
import type { Routes } from './routes/routes.js'

export interface Host {
  readonly name: string
  readonly port: number
  /** Named by the admin: may be private, may be ourselves. */
  readonly fixed: boolean
  /** A Unix socket in place of name and port. */
  readonly path?: string
  /** Found by the MX of this domain, or as the domain itself where there is none. */
  readonly by?: { readonly domain: string; readonly preference: number }
  /** Only where answers are validated: the domain whose MX it is, what that is an alias of, and whether all of it is signed. */
  readonly mx?: { readonly domain: string; readonly name: string; readonly secure: boolean }
  /** The admin named the domain whose mail host it is. */
  readonly mayBePrivate?: true
  /** What a route says of how to talk there. */
  readonly manner?: Manner
  readonly tls?: RouteTls
}

export type Found =
  | {
      readonly kind: 'hosts'
      readonly hosts: readonly Host[]
      /** All that MX records name, also those that are not tried: who has the same is the same site. */
      readonly exchanges?: readonly string[]
    }
  | { readonly kind: 'failed' | 'deferred'; readonly status: string; readonly text: string }

export interface HostOptions {
  readonly routes: Routes
  readonly port: number
  readonly maxHosts: number
  readonly allowPrivate: boolean
  /** Our own name: a host called so is us. */
  readonly ownName: string
  /** Left out: nothing is known of our own addresses. */
  readonly own?: OwnAddresses
  readonly families?: Families
  readonly dns: Resolver
  readonly random: () => number
}

export async function findHosts(
  domain: string,
  route: Route | undefined,
  options: HostOptions,
  signal: AbortSignal,
): Promise<Found> {
  if (route !== undefined && route.stops.length > 0) return routed(route, options, signal)
  const port = route?.port ?? options.port
  const found = await ofDomain(domain, { ...options, port }, signal)
  return route === undefined || found.kind !== 'hosts' ? found : { kind: 'hosts', hosts: mannered(found.hosts, route) }
}

function mannered(hosts: readonly Host[], { manner, tls }: Route): readonly Host[] {
  return hosts.map(host => ({ ...host, manner, ...(tls === undefined ? {} : { tls }) }))
}

/** There is a better one to wait for. */
export function isBackup(by: Host['by'], best: Host['by']): boolean {
  return by !== undefined && best !== undefined && (best.preference < by.preference || best.domain !== by.domain)
}

/** By literal, or by the name service. */
async function ofDomain(domain: string, options: HostOptions, signal: AbortSignal): Promise<Found> {
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
    return await byMx(name, options, signal)
  } catch {
    // The resolver's own text names servers of ours; the sender hears only this.
    return no('deferred', '4.4.3', `the name service did not tell the mail hosts of ${name}`)
  }
}

async function byMx(domain: string, options: HostOptions, signal: AbortSignal): Promise<Found> {
  const { validated } = options.dns
  if (validated === undefined) return ranked(domain, await options.dns.mx(domain, signal), options)
  const { records, secure, name } = await validated.mx(domain, signal)
  const found = ranked(domain, records, options)
  if (found.kind !== 'hosts' || records.length === 0) return found
  return { ...found, hosts: found.hosts.map(host => ({ ...host, mx: { domain, name, secure } })) }
}

/** The stops of a route in their order; one that leads nowhere now is passed over as long as there is another. */
async function routed(route: Route, options: HostOptions, signal: AbortSignal): Promise<Found> {
  const hosts: Host[] = []
  let trouble: Found | undefined
  for (const stop of inOrder(route.stops, options.random)) {
    if (hosts.length >= options.maxHosts) break
    const found = await hostsOf(stop, options, signal)
    if (found.kind === 'hosts') hosts.push(...found.hosts)
    else trouble ??= found
  }
  if (hosts.length > 0 || trouble === undefined)
    return { kind: 'hosts', hosts: mannered(hosts.slice(0, options.maxHosts), route) }
  // A route that leads nowhere is our own mistake: the mail waits until it is mended.
  const { text, status } = trouble as Exclude<Found, { kind: 'hosts' }>
  return no('deferred', `4${status.slice(1)}`, `${route.says}: ${text}`)
}

async function hostsOf(stop: Stop, options: HostOptions, signal: AbortSignal): Promise<Found> {
  switch (stop.kind) {
    case 'host':
      return { kind: 'hosts', hosts: [{ name: stop.name, port: stop.port, fixed: true }] }
    case 'socket':
      return { kind: 'hosts', hosts: [{ name: stop.path, port: 0, fixed: true, path: stop.path }] }
    case 'mx': {
      const found = await ofDomain(stop.name, { ...options, port: stop.port }, signal)
      if (found.kind !== 'hosts') return found
      return { kind: 'hosts', hosts: found.hosts.map(host => ({ ...host, mayBePrivate: true })) }
    }
  }
}

/** By weight: each place is drawn among those left, in proportion. Weight 0 comes last. */
export function inOrder<T extends { readonly weight?: number }>(
  stops: readonly T[],
  random: () => number,
): readonly T[] {
  if (stops.every(({ weight }) => weight === undefined)) return stops
  return stops
    .map(stop => ({ stop, draw: waitOf(stop.weight ?? 1, random()) }))
    .sort((a, b) => a.draw - b.draw)
    .map(({ stop }) => stop)
}

/** Who waits least goes first: times of events that come `weight` times as often. */
function waitOf(weight: number, draw: number): number {
  return weight === 0 ? Number.MAX_VALUE : -Math.log(1 - draw) / weight
}

type Exchanges = Awaited<ReturnType<Resolver['mx']>>

/** Pure but for `random`. */
export function ranked(domain: string, found: Exchanges, options: HostOptions): Found {
  const { port, ownName, random, maxHosts } = options
  // RFC 5321 §5.1: no MX, so the domain itself is the host, as if by an MX of preference 0.
  if (found.length === 0) {
    if (domain === ownName) return loop(domain)
    return { kind: 'hosts', hosts: [{ name: domain, port, fixed: false, by: { domain, preference: 0 } }] }
  }
  // RFC 7505 §3: a single empty exchange says that the domain takes no mail.
  const named = found.filter(record => record.exchange !== '' && record.exchange !== '.')
  if (named.length === 0) return no('failed', '5.1.10', `${domain} does not accept mail (null MX)`)
  // RFC 1035 §3.3.9: an exchange is a host name; an address in its place names nobody, and would get past every look-up.
  const hostly = named.filter(({ exchange }) => isIP(exchange) === 0)
  if (hostly.length === 0) return no('failed', '5.4.4', `the MX records of ${domain} name addresses and no host`)
  // RFC 5321 §5.1: when we are in the list ourselves, hosts of our preference and worse would only send the mail back.
  const own = Math.min(...hostly.filter(record => record.exchange === ownName).map(record => record.preference))
  const usable = hostly.filter(record => record.preference < own)
  if (usable.length === 0) return loop(domain)
  return {
    kind: 'hosts',
    exchanges: hostly.map(({ exchange }) => exchange),
    hosts: shuffled(usable, random)
      .slice(0, maxHosts)
      .map(({ exchange, preference }) => ({ name: exchange, port, fixed: false, by: { domain, preference } })),
  }
}

function shuffled(found: Exchanges, random: () => number): Exchanges {
  return found
    .map(record => ({ record, draw: random() }))
    .sort((a, b) => a.record.preference - b.record.preference || a.draw - b.draw)
    .map(({ record }) => record)
}

export function loop(domain: string): Exclude<Found, { kind: 'hosts' }> {
  return no('failed', '5.4.6', `mail for ${domain} would come back to this server: we are its best mail host`)
}

function no(kind: 'failed' | 'deferred', status: string, text: string): Exclude<Found, { kind: 'hosts' }> {
  return { kind, status, text }
}

/** RFC 5321 §4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`. */
function literalAddress(domain: string): string | undefined {
  if (!domain.startsWith('[') || !domain.endsWith(']')) return undefined
  const inside = domain.slice(1, -1).replace(/^ipv6:/i, '')
  return isIP(inside) !== 0 ? inside : undefined
}
