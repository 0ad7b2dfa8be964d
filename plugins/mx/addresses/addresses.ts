/**
 * Addresses of one mail host, in the order they are tried, and which of them a stranger may lead us to. IPv6 first, unless it has just been
 * seen that it does not work from here; a few of each; a host that has one family and trouble with the other is still a host.
 */
import { isIP } from 'node:net'
import type { Validated, ValidatedResolver } from 'posthouse/api'
import type { Host, HostOptions } from '../hosts.js'
import { isPublic } from './public.js'

export type Addresses =
  | {
      readonly kind: 'addresses'
      readonly addresses: readonly string[]
      /** Where answers are validated: whether what led to them is signed, and where it ended. */
      readonly answer?: Pick<Validated<string>, 'secure' | 'name'>
    }
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
  const { validated } = options.dns
  if (validated !== undefined) return validatedOf(host, options, validated, signal)
  const [six, four] = await Promise.allSettled([options.dns.aaaa(host.name, signal), options.dns.a(host.name, signal)])
  const found = [some(six), some(four)]
  if (found.some(family => family.length > 0)) return allowed(host, found, options)
  return { kind: six.status === 'rejected' || four.status === 'rejected' ? 'trouble' : 'none' }
}

/** RFC 7672 §2.2.2 */
async function validatedOf(
  host: Host,
  options: HostOptions,
  dns: ValidatedResolver,
  signal: AbortSignal,
): Promise<Addresses> {
  const asked = await Promise.allSettled([dns.aaaa(host.name, signal), dns.a(host.name, signal)])
  const answers = asked.flatMap(one => (one.status === 'fulfilled' && one.value.records.length > 0 ? [one.value] : []))
  const [first] = answers
  if (first === undefined) return { kind: asked.some(({ status }) => status === 'rejected') ? 'trouble' : 'none' }
  const families = answers.map(({ records }) => records.slice(0, MAX_LOOKED_AT))
  const found = allowed(host, families, options)
  if (found.kind !== 'addresses') return found
  // One way for both families, or none that could be relied on.
  const secure = answers.every(one => one.secure && one.name === first.name)
  return { ...found, answer: { secure, name: first.name } }
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
