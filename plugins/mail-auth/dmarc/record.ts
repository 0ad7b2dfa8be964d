/** DMARC records (RFC 7489 §6.3): which of the TXT records is one, and what it asks for. Pure. */
import type { DmarcPolicy } from 'posthouse/api'
import { readTagList } from 'posthouse/text'

export interface DmarcRecord {
  readonly policy: DmarcPolicy
  /** For subdomains. */
  readonly below: DmarcPolicy
  readonly strictDkim: boolean
  readonly strictSpf: boolean
  /** To how many of a hundred that fail the policy applies. */
  readonly percent: number
  /** `t=y`: the domain is only trying, and wants one step less. */
  readonly testing: boolean
}

export type ReadDmarc = DmarcRecord | { readonly broken: string }

const POLICIES = ['none', 'quarantine', 'reject'] as const

/** RFC 7489 §6.6.3: what does not begin so is none. */
export function isDmarcRecord(text: string): boolean {
  return /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(text)
}

export function readDmarcRecord(text: string): ReadDmarc {
  const tags = readTagList(text)
  if (tags === undefined) return { broken: 'it is no list of tag=value' }
  const asked = policyOf(tags.get('p'))
  const below = policyOf(tags.get('sp'))
  const wrong = asked === undefined || (tags.has('sp') && below === undefined)
  // §6.6.3: a policy that cannot be read is none, as long as reports are wanted.
  if (wrong && !/^\s*mailto:/i.test(tags.get('rua') ?? ''))
    return { broken: 'it has no policy that anybody knows (p=)' }
  const percent = /^[0-9]{1,3}$/.test(tags.get('pct') ?? '') ? Math.min(100, Number(tags.get('pct'))) : 100
  return {
    policy: wrong ? 'none' : asked,
    below: wrong ? 'none' : (below ?? asked),
    strictDkim: tags.get('adkim')?.toLowerCase() === 's',
    strictSpf: tags.get('aspf')?.toLowerCase() === 's',
    percent,
    testing: tags.get('t')?.toLowerCase() === 'y',
  }
}

function policyOf(text: string | undefined): DmarcPolicy | undefined {
  return POLICIES.find(policy => policy === text?.toLowerCase())
}
