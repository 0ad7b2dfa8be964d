/**
 * The names of an address, confirmed forward (RFC 8601 §2.7.3, "iprev"): only a name that leads back to the address says anything of it.
 * Never throws: a resolver that has trouble is an answer of its own, so that nobody is punished for what is not known.
 */
import { isIP, isIPv6 } from 'node:net'
import { MailError, type Resolver, type ReverseName } from '../api/index.js'
import { NetworkSet, plainIp } from '../text/index.js'
import { MAX_RECORDS } from './engine.js'

/** RFC 7208 §5.5 has the same bound: more PTR records than this are noise. */
const MAX_NAMES = 10
const WITHIN_MS = 10_000

export async function reverseName(dns: Resolver, address: string): Promise<ReverseName> {
  if (!dns.configured) return { kind: 'unknown', why: 'no name servers are configured' }
  if (isIP(address) === 0) return { kind: 'none' }
  const signal = AbortSignal.timeout(WITHIN_MS)
  try {
    const all = await dns.ptr(address, signal)
    const names = all.slice(0, MAX_NAMES)
    if (names.length === 0) return { kind: 'none' }
    const leads = await Promise.allSettled(names.map(name => leadsTo(dns, name, address, signal)))
    const found = leads.findIndex(lead => lead.status === 'fulfilled' && lead.value)
    if (found >= 0) return { kind: 'confirmed', name: names[found]! }
    const trouble = leads.find(lead => lead.status === 'rejected')
    if (trouble !== undefined) return unknown(trouble.reason)
    // One of those that were not looked at might lead back.
    if (all.length > MAX_NAMES) return unknown(`${all.length} names, none of the first ${MAX_NAMES} leads back`)
    return { kind: 'unconfirmed', names }
  } catch (error) {
    return unknown(error)
  }
}

async function leadsTo(dns: Resolver, name: string, address: string, signal: AbortSignal): Promise<boolean> {
  const six = isIPv6(plainIp(address))
  const found = await (six ? dns.aaaa(name, signal) : dns.a(name, signal))
  const here = new NetworkSet([address])
  if (found.some(one => here.has(one))) return true
  if (found.length >= MAX_RECORDS) throw new MailError('dns-unavailable', `${name} has too many addresses`)
  return false
}

function unknown(error: unknown): ReverseName {
  return { kind: 'unknown', why: error instanceof Error ? error.message : String(error) }
}
