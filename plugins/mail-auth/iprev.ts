/** What the reverse name of a client says of it, in the words of RFC 8601 §2.7.3 (iprev); and the look-up for mail that is read from a file. */
import { isIPv6 } from 'node:net'
import { type IprevFacts, MailError, type Resolver, type ReverseName } from 'posthouse/api'
import { NetworkSet, printable } from 'posthouse/text'

const MAX_NAMES = 10

export function iprevOf(address: string, found: ReverseName): IprevFacts {
  switch (found.kind) {
    case 'confirmed': {
      const name = printable(found.name, 255)
      return { result: 'pass', address, name, why: `${address} is ${name}, which leads back to it` }
    }
    case 'unconfirmed': {
      const names = printable(found.names.slice(0, 3).join(', '), 255)
      return { result: 'fail', address, why: `${address} is said to be ${names}, which does not lead back to it` }
    }
    case 'none':
      return { result: 'permerror', address, why: `${address} has no name` }
    case 'unknown':
      return { result: 'temperror', address, why: `the name of ${address} cannot be looked up now` }
  }
}

/** As `Session.reverse` does for clients. */
export async function lookUpReverse(address: string, dns: Resolver, signal: AbortSignal): Promise<ReverseName> {
  try {
    const names = (await dns.ptr(address, signal)).slice(0, MAX_NAMES)
    const here = new NetworkSet([address])
    for (const name of names) {
      const addresses = await (isIPv6(address) ? dns.aaaa(name, signal) : dns.a(name, signal))
      if (addresses.some(one => here.has(one))) return { kind: 'confirmed', name }
    }
    return names.length === 0 ? { kind: 'none' } : { kind: 'unconfirmed', names }
  } catch (error) {
    if (error instanceof MailError) return { kind: 'unknown', why: error.message }
    throw error
  }
}
