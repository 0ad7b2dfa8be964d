/**
 * What a mail host has published about its certificate (RFC 7672 §2.2), found by look-ups that say whether DNSSEC vouches for them. A look-up
 * that fails is never "nothing there": whoever can make the name service fail must not be able to make us careless.
 */
import { isIP } from 'node:net'
import type { TlsaRecord, Validated, ValidatedResolver } from 'posthouse/api'
import type { Host } from '../hosts.js'
import { usableRecords } from './tlsa.js'

export type Dane =
  /** Nothing holds. */
  | { readonly kind: 'none'; readonly why: string }
  /** RFC 7672 §2.2: TLS and a certificate that matches. */
  | (Published & {
      readonly kind: 'records'
      readonly usable: readonly TlsaRecord[]
      readonly names: readonly string[]
    })
  /** TLS, as something was published; but nothing that could be checked. */
  | (Published & { readonly kind: 'unusable' })
  /** The host cannot be used. */
  | { readonly kind: 'trouble'; readonly why: string }

interface Published {
  /** The TLSA base domain: the first reference name, and SNI (RFC 7672 §8.1). */
  readonly base: string
  readonly records: readonly TlsaRecord[]
}

/** The addresses of a host, as they were found. */
export type HostAnswer = Pick<Validated<string>, 'secure' | 'name'>

export async function daneOf(
  host: Host,
  found: HostAnswer | undefined,
  dns: ValidatedResolver,
  signal: AbortSignal,
): Promise<Dane> {
  // RFC 7672 §2.2: not for addresses.
  if (isIP(host.name) !== 0 || found === undefined)
    return none('the way goes to an address, for which there is no DANE')
  const name = host.name.toLowerCase()
  if (host.mx !== undefined && !host.mx.secure)
    return none(`the MX records of ${host.mx.domain} are not signed, so there is no DANE`)
  try {
    const candidates = await candidatesOf(name, found, dns, signal)
    if (candidates.length === 0) return none(`${name} is not signed, so there is no DANE`)
    for (const base of candidates) {
      const { records, secure } = await dns.tlsa(`_${host.port}._tcp.${base}`, signal)
      if (secure && records.length > 0) return standingOf(base, records, host)
    }
    return none(`${name} has no TLSA records`)
  } catch {
    // The resolver's own text names servers of ours.
    return { kind: 'trouble', why: `the name service did not tell whether ${name} has TLSA records` }
  }
}

/** RFC 7672 §2.2.2, §2.2.3 */
async function candidatesOf(
  name: string,
  found: HostAnswer,
  dns: ValidatedResolver,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (found.name === name) return found.secure ? [name] : []
  if (found.secure) return [found.name, name]
  // An alias out of what is signed: what counts is whether it is signed itself.
  const alias = await dns.cname(name, signal)
  return alias.secure && alias.records.length > 0 ? [name] : []
}

function standingOf(base: string, records: readonly TlsaRecord[], host: Host): Dane {
  const usable = usableRecords(records)
  if (usable.length === 0) return { kind: 'unusable', base, records }
  // RFC 7672 §3.2.2: the domain that MX was asked for, and what it is an alias of; of other hosts the name we were given.
  const next = host.mx === undefined ? [host.name.toLowerCase()] : [host.mx.domain, host.mx.name]
  return { kind: 'records', base, records, usable, names: [...new Set([base, ...next])] }
}

function none(why: string): Dane {
  return { kind: 'none', why }
}
