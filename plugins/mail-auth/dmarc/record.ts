/** DMARC records (RFC 7489 §6.3, RFC 9091 §3.2): which of the TXT records is one, and what it asks for. Pure. */
import type { DmarcPolicy, DmarcPublished } from 'posthouse/api'
import { readTagList } from 'posthouse/text'

export type DmarcRecord = Omit<DmarcPublished, 'at'>

export type ReadDmarc = DmarcRecord | { readonly broken: string }

const DAY_SECONDS = 86_400
const MAX_REPORTS_TO = 2000

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
  const nonexistent = policyOf(tags.get('np'))
  const registry = tags.get('psd')?.toLowerCase()
  const wrong = asked === undefined || (tags.has('sp') && below === undefined)
  // §6.6.3: a policy that cannot be read is none, as long as reports are wanted.
  if (wrong && !/^\s*mailto:/i.test(tags.get('rua') ?? ''))
    return { broken: 'it has no policy that anybody knows (p=)' }
  const percent = /^[0-9]{1,3}$/.test(tags.get('pct') ?? '') ? Math.min(100, Number(tags.get('pct'))) : 100
  return {
    policy: wrong ? 'none' : asked,
    below: wrong ? 'none' : (below ?? asked),
    ...(wrong || nonexistent === undefined ? {} : { nonexistent }),
    ...(registry === 'y' || registry === 'n' ? { registry } : {}),
    strictDkim: tags.get('adkim')?.toLowerCase() === 's',
    strictSpf: tags.get('aspf')?.toLowerCase() === 's',
    percent,
    testing: tags.get('t')?.toLowerCase() === 'y',
    failureOptions: /^[01ds:\s]{1,20}$/i.test(tags.get('fo') ?? '') ? tags.get('fo')! : '0',
    // Half an address would be another one.
    reportsTo: (tags.get('rua') ?? '').length > MAX_REPORTS_TO ? '' : (tags.get('rua') ?? ''),
    reportsEvery: /^[0-9]{1,10}$/.test(tags.get('ri') ?? '') ? Number(tags.get('ri')) : DAY_SECONDS,
  }
}

function policyOf(text: string | undefined): DmarcPolicy | undefined {
  return POLICIES.find(policy => policy === text?.toLowerCase())
}
