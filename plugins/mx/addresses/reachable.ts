/**
 * Goes through hosts with their addresses. Those of one preference are looked at together before any of them is tried: when one of them
 * is ourselves, hosts of its preference and worse would only send the mail back (RFC 5321 §5.1). Looks up no more than is asked for.
 */
import type { Host, HostOptions } from '../hosts.js'
import { type Addresses, addressesOf } from './addresses.js'

type Reached = readonly [host: Host, addresses: Addresses]

export async function* reachable(
  hosts: readonly Host[],
  options: HostOptions,
  signal: AbortSignal,
): AsyncGenerator<Reached> {
  for (let at = 0; at < hosts.length; ) {
    const group = equals(hosts, at)
    const reached = await Promise.all(
      group.map(async (host): Promise<Reached> => [host, await addressesOf(host, options, signal)]),
    )
    const own = reached.find(([, { kind }]) => kind === 'own')
    if (own !== undefined) {
      yield own
      // what follows of the same domain is of no better preference
      const domain = own[0].by?.domain
      at = hosts.findIndex((host, i) => i >= at + group.length && host.by?.domain !== domain)
      if (at < 0) return
      continue
    }
    yield* reached
    at += group.length
  }
}

function equals(hosts: readonly Host[], from: number): readonly Host[] {
  const { by } = hosts[from]!
  if (by === undefined) return [hosts[from]!]
  const end = hosts.findIndex(
    (host, at) => at > from && (host.by?.domain !== by.domain || host.by.preference !== by.preference),
  )
  return hosts.slice(from, end < 0 ? undefined : end)
}
