/**
 * Addresses of one mail host, in the order they are tried, and which of them a stranger may lead us to. IPv6 first, unless it has just been
 * seen that it does not work from here; a few of each; a host that has one family and trouble with the other is still a host.
 */
import { isIP } from 'node:net'
import type { Host, HostOptions } from '../hosts.js'
import { isPublic } from './public.js'

export type Addresses =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  /** `own`: it leads to a door of ours. */
  | { readonly kind: 'none' | 'private' | 'trouble' | 'own' }

/** Addresses tried per family. */
const MAX_ADDRESSES = 3
/** Looked at for our own: where one is hidden behind many, the peer's greeting shows it. */
const MAX_LOOKED_AT = 50

export async function addressesOf(host: Host, options: HostOptions, signal: AbortSignal): Promise<Addresses> {
  // the path is the place
  if (host.path !== undefined) return { kind: 'addresses', addresses: [host.path] }
  const known = isIP(host.name) !== 0 ? [host.name] : host.name === 'localhost' ? ['127.0.0.1', '::1'] : undefined
  if (known !== undefined) return allowed(host, [known], options)
  if (!options.dns.configured) return { kind: 'trouble' }
  const [six, four] = await Promise.allSettled([options.dns.aaaa(host.name, signal), options.dns.a(host.name, signal)])
  const found = [some(six), some(four)]
  if (found.some(family => family.length > 0)) return allowed(host, found, options)
  return { kind: six.status === 'rejected' || four.status === 'rejected' ? 'trouble' : 'none' }
}

function some(answer: PromiseSettledResult<readonly string[]>): readonly string[] {
  return answer.status === 'fulfilled' ? answer.value.slice(0, MAX_LOOKED_AT) : []
}

function allowed(host: Host, families: readonly (readonly string[])[], options: HostOptions): Addresses {
  const { own, allowPrivate, families: memory } = options
  // RFC 5321 §5.1: that it is us shows by address too.
  if (!host.fixed && families.flat().some(address => own?.has(address, host.port))) return { kind: 'own' }
  const anyWill = host.fixed || host.mayBePrivate || allowPrivate
  const open = families.flatMap(family => family.filter(one => anyWill || isPublic(one)).slice(0, MAX_ADDRESSES))
  if (open.length === 0) return { kind: 'private' }
  return { kind: 'addresses', addresses: memory?.inOrder(open) ?? open }
}
