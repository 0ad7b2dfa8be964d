/**
 * The DMARC record that a domain is held to (RFC 7489 §6.6.3): its own, else that of its organisation, else that of the registry above, if that says it is one
 * (RFC 9091, `psd=y`). Looked for while SPF and DKIM are checked. Never throws, unless there is a bug.
 */
import { type DmarcPublished, MailError, type Resolver } from 'posthouse/api'
import { organisationOf, publicSuffixOf } from 'posthouse/text'
import { isDmarcRecord, readDmarcRecord } from './record.js'

export interface PolicyParts {
  readonly dns: Pick<Resolver, 'txt' | 'a' | 'aaaa' | 'mx'>
  readonly signal: AbortSignal
}

export type FoundPolicy =
  | { readonly kind: 'record'; readonly record: DmarcPublished }
  | { readonly kind: 'broken'; readonly at: string; readonly why: string }
  | { readonly kind: 'none' | 'trouble' }

export async function policyOf(domain: string, parts: PolicyParts): Promise<FoundPolicy> {
  try {
    const organisation = organisationOf(domain)
    for (const at of new Set([domain, organisation])) {
      const found = await recordAt(at, parts)
      if (found === 'several') return { kind: 'none' }
      if (found === undefined) continue
      return 'broken' in found
        ? { kind: 'broken', at, why: found.broken }
        : { kind: 'record', record: { ...found, at } }
    }
    return await ofRegistry(organisation, parts)
  } catch (error) {
    if (!(error instanceof MailError) && !parts.signal.aborted) throw error
    return { kind: 'trouble' }
  }
}

/** RFC 9091 §3.3: only a record that says so itself speaks for those who register below it. */
async function ofRegistry(organisation: string, parts: PolicyParts): Promise<FoundPolicy> {
  const at = publicSuffixOf(organisation)
  if (at === undefined || at === organisation) return { kind: 'none' }
  const found = await recordAt(at, parts)
  const speaks = typeof found === 'object' && 'registry' in found && found.registry === 'y'
  return speaks ? { kind: 'record', record: { ...found, at } } : { kind: 'none' }
}

/** §6.6.3: several are as good as none. */
async function recordAt(at: string, { dns, signal }: PolicyParts) {
  const [text, ...others] = (await dns.txt(`_dmarc.${at}`, signal)).filter(isDmarcRecord)
  if (text === undefined) return undefined
  return others.length > 0 ? ('several' as const) : readDmarcRecord(text)
}

/** RFC 9091 §2.7: a name that nothing is known of. Trouble says nothing against it. */
export async function isMissing(domain: string, { dns, signal }: PolicyParts): Promise<boolean> {
  try {
    const found = await Promise.all([dns.a(domain, signal), dns.aaaa(domain, signal), dns.mx(domain, signal)])
    return found.every(({ length }) => length === 0)
  } catch (error) {
    if (!(error instanceof MailError) && !signal.aborted) throw error
    return false
  }
}
