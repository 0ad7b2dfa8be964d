/**
 * DMARC (RFC 7489): does anybody who is shown to stand behind a message belong to the domain that its reader sees in From? The organisation of a
 * domain is found by the Public Suffix List, unless its record says where it ends (`psd`).
 */
import { createHash } from 'node:crypto'
import type { DkimFacts, DmarcFacts, DmarcPolicy, DmarcPublished, SpfFacts } from 'posthouse/api'
import { organisationOf, printable } from 'posthouse/text'
import type { Author } from './author.js'
import { type FoundPolicy, isMissing, type PolicyParts, policyOf } from './policy.js'

/** What can be known before SPF and DKIM are: the policy of each domain that From names. */
export type Policies = readonly { readonly domain: string; readonly found: FoundPolicy }[]

export interface DmarcQuestion {
  readonly from: Author
  readonly policies: Policies
  /** SPF of MAIL FROM; of the null sender, that of HELO (§3.1.2). */
  readonly spf: SpfFacts | undefined
  readonly dkim: readonly DkimFacts[]
  /** Of the message, the same each time it is asked about: for `pct`. */
  readonly id: string
}

export function findPolicies(from: Author, parts: PolicyParts): Promise<Policies> {
  const domains = 'domain' in from ? [from.domain] : from.among
  return Promise.all(domains.map(async domain => ({ domain, found: await policyOf(domain, parts) })))
}

const GRAVITY: readonly DmarcPolicy[] = ['none', 'quarantine', 'reject']

/** Never throws, unless there is a bug. */
export async function checkDmarc(question: DmarcQuestion, parts: PolicyParts): Promise<DmarcFacts> {
  const { from, policies } = question
  const facts = await Promise.all(policies.map(({ domain, found }) => checkOne(domain, found, question, parts)))
  const [first] = facts
  if ('domain' in from && first !== undefined) return first
  const why = 'why' in from ? from.why : ''
  // §6.6.1: whoever is named beside others does not lose his policy by it.
  const [gravest] = facts.toSorted((a, b) => GRAVITY.indexOf(b.disposition) - GRAVITY.indexOf(a.disposition))
  return gravest !== undefined && gravest.disposition !== 'none'
    ? { ...gravest, why: `${why}; ${gravest.why}` }
    : { result: 'permerror', domain: '', disposition: 'none', why }
}

async function checkOne(
  domain: string,
  found: FoundPolicy,
  question: DmarcQuestion,
  parts: PolicyParts,
): Promise<DmarcFacts> {
  const say = (result: DmarcFacts['result'], why: string) => ({ result, domain, disposition: 'none' as const, why })
  switch (found.kind) {
    case 'none':
      return say('none', `${domain} publishes no DMARC policy`)
    case 'trouble':
      return say('temperror', `the DMARC policy of ${domain} cannot be looked up now`)
    case 'broken':
      return say('permerror', `the DMARC record of ${found.at} is broken: ${found.why}`)
    case 'record':
      return judge(question, domain, found.record, parts)
  }
}

async function judge(
  { spf, dkim, id }: DmarcQuestion,
  domain: string,
  record: DmarcPublished,
  parts: PolicyParts,
): Promise<DmarcFacts> {
  const fits = alignment(domain, record)
  const bySpf = spf !== undefined && fits(spf.domain.toLowerCase(), record.strictSpf)
  const byDkim = dkim.filter(one => fits(one.domain, record.strictDkim))
  const signed = byDkim.find(({ result }) => result === 'pass')
  const sent = bySpf && spf.result === 'pass'
  const held = { published: record, aligned: { dkim: signed !== undefined, spf: sent } }
  const passes = signed !== undefined || sent
  const policy = passes ? policyFor(domain, record, false) : await policyOfFailed(domain, record, parts)
  const shown = `From ${domain}${record.at === domain ? '' : ` (by ${record.at})`} publishes p=${policy}`
  const say = (result: DmarcFacts['result'], why: string) =>
    ({ result, domain, policy, disposition: 'none', ...held, why: `${shown}; ${why}` }) as const
  if (signed !== undefined) return say('pass', `${signed.domain} has signed it`)
  if (sent) return say('pass', `SPF passed for ${spf.domain}`)
  const why = [spfWords(spf, bySpf), dkimWords(dkim, byDkim)].join('; ')
  // §6.6.2: who might have passed has not failed.
  const unsure = (bySpf && spf.result === 'temperror') || byDkim.some(({ result }) => result === 'temperror')
  return unsure ? say('temperror', why) : { ...say('fail', why), ...sampled(policy, record, id) }
}

/** §3.1: the same name, or names of one organisation. A record may say that it ends here (`psd=n`), or that all below are others (`psd=y`). */
function alignment(domain: string, { at, registry }: DmarcPublished): (other: string, strict: boolean) => boolean {
  if (registry === undefined)
    return (other, strict) => other === domain || (!strict && organisationOf(other) === organisationOf(domain))
  if (registry === 'y' && at === domain) return other => other === domain
  const labels = at.split('.').length + (registry === 'y' ? 1 : 0)
  const organisation = domain.split('.').slice(-labels).join('.')
  return (other, strict) => other === domain || (!strict && isWithin(other, organisation))
}

function isWithin(name: string, at: string): boolean {
  return name === at || name.endsWith(`.${at}`)
}

function policyFor(domain: string, { at, policy, below, nonexistent }: DmarcPublished, missing: boolean): DmarcPolicy {
  if (at === domain) return policy
  return missing ? (nonexistent ?? below) : below
}

/** RFC 9091 §3.2: for a name that is not there, `np` stands before `sp`. */
async function policyOfFailed(domain: string, record: DmarcPublished, parts: PolicyParts): Promise<DmarcPolicy> {
  const matters = record.at !== domain && record.nonexistent !== undefined && record.nonexistent !== record.below
  return policyFor(domain, record, matters && (await isMissing(domain, parts)))
}

function spfWords(spf: SpfFacts | undefined, aligned: boolean): string {
  if (spf === undefined) return 'there is nobody to ask for SPF'
  const words = `SPF: ${spf.result} for ${printable(spf.domain, 255)}`
  return aligned ? words : `${words}, which is not aligned`
}

function dkimWords(all: readonly DkimFacts[], aligned: readonly DkimFacts[]): string {
  if (all.length === 0) return 'no DKIM signature'
  const [first] = aligned
  if (first !== undefined) return `DKIM: ${first.result} for ${first.domain}`
  return `no aligned DKIM signature (${[...new Set(all.map(({ domain }) => domain))].slice(0, 3).join(', ')})`
}

const MILDER: Readonly<Record<DmarcPolicy, DmarcPolicy>> = { reject: 'quarantine', quarantine: 'none', none: 'none' }

/** §6.6.4: who is not among the hundredths gets the next milder policy; so does everybody while the domain is only trying. */
function sampled(policy: DmarcPolicy, { percent, testing }: DmarcPublished, id: string) {
  const lot = createHash('sha256').update(id).digest().readUInt32BE(0) % 100
  const disposition = testing || lot >= percent ? MILDER[policy] : policy
  if (disposition === policy) return { disposition }
  const why = testing ? 'the domain is only trying (t=y)' : `not among the ${percent} of a hundred (pct)`
  return { disposition, overrides: [{ kind: 'sampled_out' as const, why }] }
}
