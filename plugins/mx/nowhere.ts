/**
 * What it means that no host of a domain has an address to connect to. Pure. Our own mistakes and trouble with the name service put the
 * mail off; what the domain itself says is final.
 */
import { type Host, loop } from './hosts.js'
import type { ForAll } from './ledger.js'

/** Hosts without an address to connect to, by what was wrong. */
export type Tally = Readonly<Record<'none' | 'private' | 'trouble' | 'own', number>>
export function unreachableBecause(domain: string, hosts: readonly Host[], tally: Tally): ForAll {
  const [host] = hosts
  // A route that leads nowhere is our own mistake: the mail waits until it is mended.
  if (host?.fixed || host?.mayBePrivate) {
    const why = tally.own > 0 ? 'leads back to this server' : 'is not known (see dns.servers in server.yaml)'
    const text = `the address of ${host.name}, the route of ${domain}, ${why}`
    return { kind: 'deferred', status: '4.4.4', text }
  }
  if (tally.trouble > 0) {
    const text = `the name service did not tell the addresses of the mail hosts of ${domain}`
    return { kind: 'deferred', status: '4.4.3', text }
  }
  if (tally.own > 0) return loop(domain)
  if (tally.private > 0) {
    return { kind: 'failed', status: '5.4.4', text: `the mail hosts of ${domain} have only private addresses` }
  }
  if (hosts.length === 1 && host?.name === domain) {
    return { kind: 'failed', status: '5.1.2', text: `the domain ${domain} has no mail host` }
  }
  return { kind: 'failed', status: '5.4.4', text: `the mail hosts of ${domain} have no address` }
}
