/**
 * DMARC (RFC 7489): does anybody who is shown to stand behind a message belong to the domain that its reader sees in From? The organisation of a
 * domain is found by the Public Suffix List.
 */
import { createHash } from 'node:crypto'
import {
  type DkimFacts,
  type DmarcFacts,
  type DmarcPolicy,
  MailError,
  type Resolver,
  type SpfFacts,
} from 'posthouse/api'
import { organisationOf, parseAddressList, printable, toAsciiDomain } from 'posthouse/text'
import { type DmarcRecord, isDmarcRecord, readDmarcRecord } from './record.js'

export interface DmarcQuestion {
  readonly from: Author
  /** SPF of MAIL FROM; of the null sender, that of HELO (§3.1.2). */
  readonly spf: SpfFacts | undefined
  readonly dkim: readonly DkimFacts[]
  /** Of the message, the same each time it is asked about: for `pct`. */
  readonly id: string
}

export interface DmarcParts {
  readonly dns: Pick<Resolver, 'txt'>
  readonly signal: AbortSignal
}

/** Whose name a reader sees. */
export type Author = { readonly domain: string } | { readonly why: string }

/** §6.6.1: one From field, of one domain. `fields`: the From fields as they stand there. */
export function authorOf(fields: readonly string[]): Author {
  const [field] = fields
  if (field === undefined) return { why: 'there is no From' }
  if (fields.length > 1) return { why: `there are ${fields.length} From fields` }
  const items = parseAddressList(field).flatMap(item => (item.kind === 'group' ? item.members : [item]))
  const written = [...new Set(items.map(({ domain }) => domain))].slice(0, 20)
  const domains = new Set(written.map(domain => nameOf(Buffer.from(domain, 'latin1').toString())))
  const [domain] = domains
  if (domains.size > 1) return { why: 'From names several domains' }
  return domain === undefined ? { why: 'From has no address that can be read' } : { domain }
}

/** With underscores too: no host is called so, but somebody could write below a domain that publishes a policy. */
function nameOf(domain: string): string | undefined {
  const plain = domain.replaceAll('_', '-')
  return plain === domain || toAsciiDomain(plain) !== plain.toLowerCase() ? toAsciiDomain(domain) : domain.toLowerCase()
}

/** Never throws, unless there is a bug. */
export async function checkDmarc(question: DmarcQuestion, parts: DmarcParts): Promise<DmarcFacts> {
  const { from } = question
  if ('why' in from) return { result: 'permerror', domain: '', disposition: 'none', why: from.why }
  const { domain } = from
  const say = (result: DmarcFacts['result'], why: string) => ({ result, domain, disposition: 'none' as const, why })
  try {
    const found = await recordOf(domain, parts)
    if (found === undefined) return say('none', `${domain} publishes no DMARC policy`)
    const record = readDmarcRecord(found.text)
    if ('broken' in record) return say('permerror', `the DMARC record of ${found.at} is broken: ${record.broken}`)
    return judge(question, domain, record, found.at)
  } catch (error) {
    if (!(error instanceof MailError) && !parts.signal.aborted) throw error
    return say('temperror', `the DMARC policy of ${domain} cannot be looked up now`)
  }
}

/** §6.6.3: of the domain itself, else of its organisation. */
async function recordOf(domain: string, { dns, signal }: DmarcParts) {
  for (const at of new Set([domain, organisationOf(domain)])) {
    const [text, ...others] = (await dns.txt(`_dmarc.${at}`, signal)).filter(isDmarcRecord)
    // Several are as good as none.
    if (text !== undefined) return others.length > 0 ? undefined : { at, text }
  }
  return undefined
}

function judge({ spf, dkim, id }: DmarcQuestion, domain: string, record: DmarcRecord, at: string): DmarcFacts {
  const policy = at === domain ? record.policy : record.below
  const shown = `From ${domain}${at === domain ? '' : ` (by ${at})`} publishes p=${policy}`
  const fits = (other: string, strict: boolean) =>
    strict ? other === domain : organisationOf(other) === organisationOf(domain)
  const bySpf = spf !== undefined && fits(spf.domain.toLowerCase(), record.strictSpf)
  const byDkim = dkim.filter(one => fits(one.domain, record.strictDkim))
  const signed = byDkim.find(({ result }) => result === 'pass')
  const sent = bySpf && spf.result === 'pass'
  const held = { published: { ...record, at }, aligned: { dkim: signed !== undefined, spf: sent } }
  const say = (result: DmarcFacts['result'], why: string) =>
    ({ result, domain, policy, disposition: 'none', ...held, why: `${shown}; ${why}` }) as const
  if (signed !== undefined) return say('pass', `${signed.domain} has signed it`)
  if (sent) return say('pass', `SPF passed for ${spf.domain}`)
  const why = [spfWords(spf, bySpf), dkimWords(dkim, byDkim)].join('; ')
  // §6.6.2: who might have passed has not failed.
  const unsure = (bySpf && spf.result === 'temperror') || byDkim.some(({ result }) => result === 'temperror')
  return unsure ? say('temperror', why) : { ...say('fail', why), ...sampled(policy, record, id) }
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
function sampled(policy: DmarcPolicy, { percent, testing }: DmarcRecord, id: string) {
  const lot = createHash('sha256').update(id).digest().readUInt32BE(0) % 100
  const disposition = testing || lot >= percent ? MILDER[policy] : policy
  if (disposition === policy) return { disposition }
  const why = testing ? 'the domain is only trying (t=y)' : `not among the ${percent} of a hundred (pct)`
  return { disposition, overrides: [{ kind: 'sampled_out' as const, why }] }
}
