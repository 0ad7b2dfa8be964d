/**
 * All checks of one message, at the same time where they do not stand on each other, within one budget: what is not answered by its end is
 * temperror. Nothing is decided here.
 */
import {
  type ArcLink,
  type AuthFacts,
  checkSignatures,
  type DkimFacts,
  type DmarcFacts,
  type DmarcOverride,
  type IprevFacts,
  type Message,
  type Resolver,
  type SpfFacts,
} from 'posthouse/api'
import { digestOf, organisationOf, toAsciiDomain } from 'posthouse/text'
import type { Terms } from './config.js'
import { authorOf } from './dmarc/author.js'
import { checkDmarc, findPolicies } from './dmarc/check.js'
import { checkHost } from './spf/check.js'

/** How a message came. */
export interface Arrival {
  readonly message: Message
  /** Of the transaction. */
  readonly id: string
  readonly client?: Client
  /** `null`: the null sender. */
  readonly sender: { readonly local: string; readonly domain: string } | null
}

export interface Client {
  readonly address: string
  readonly helo: string
  readonly iprev: () => Promise<IprevFacts>
}

export interface VerifyParts {
  readonly dns: Resolver
  readonly terms: Pick<Terms, 'signatures' | 'forwarders' | 'sealers' | 'enforce'>
  readonly signal: AbortSignal
  readonly now: number
  /** The chain it came with, if it is whole; asked for only when it matters. */
  readonly chain: () => Promise<readonly ArcLink[] | undefined>
}

export async function verifyMessage(arrival: Arrival, given: VerifyParts): Promise<AuthFacts> {
  const counted = counting(given.dns)
  const parts = { ...given, dns: counted.dns }
  const from = authorOf(
    arrival.message.header.filter(({ name }) => name.toLowerCase() === 'from').map(({ raw }) => raw),
  )
  const first = 'domain' in from ? organisationOf(from.domain) : undefined
  const [iprev, policies, { helo, mailFrom }, dkim] = await Promise.all([
    arrival.client?.iprev(),
    findPolicies(from, parts),
    checkSpf(arrival, parts),
    checkSignatures(wanted => digestOf(arrival.message, wanted), { ...parts, most: parts.terms.signatures, first }),
  ])
  // RFC 7489 §3.1.2: of the null sender, HELO.
  const spf = arrival.sender === null ? helo : mailFrom
  const judged = await checkDmarc({ from, policies, spf, dkim, id: arrival.id }, parts)
  const vouching = vouchingFor(spf, dkim)
  const dmarc = followed(await excused(judged, vouching, parts), parts.terms.enforce)
  return {
    ...(iprev === undefined ? {} : { iprev }),
    ...(helo === undefined ? {} : { helo }),
    ...(mailFrom === undefined ? {} : { mailFrom }),
    ...{ dkim, vouching, dmarc, questions: counted.questions() },
  }
}

async function checkSpf({ client, sender }: Arrival, { dns, signal }: VerifyParts) {
  if (client === undefined) return {}
  const { address: ip, helo } = client
  const named = toAsciiDomain(helo)?.includes('.') === true && !/^[0-9.]+$/.test(helo)
  const ofHelo = named ? checkHost({ ip, domain: helo, helo }, { dns, signal }) : undefined
  const domain = sender === null ? undefined : (toAsciiDomain(sender.domain) ?? sender.domain)
  const ofSender = domain && checkHost({ ip, domain, helo, local: sender!.local }, { dns, signal })
  const [heloFound, senderFound] = await Promise.all([ofHelo, ofSender])
  return {
    ...(heloFound === undefined ? {} : { helo: factsOf(heloFound) }),
    ...(senderFound === undefined || senderFound === '' ? {} : { mailFrom: factsOf(senderFound) }),
  }
}

function factsOf({ result, domain, why }: SpfFacts): SpfFacts {
  return { result, domain, why }
}

function vouchingFor(spf: SpfFacts | undefined, dkim: readonly DkimFacts[]): readonly string[] {
  const signers = dkim.filter(({ result }) => result === 'pass').map(({ domain }) => domain)
  return [...new Set([...(spf?.result === 'pass' ? [spf.domain.toLowerCase()] : []), ...signers])]
}

/** RFC 7489 §6.7: what is done about it, as far as the admin follows the domain. */
function followed(dmarc: DmarcFacts, enforce: Terms['enforce']): DmarcFacts {
  const { disposition } = dmarc
  if (disposition === 'none') return dmarc
  const applied = { off: 'none', quarantine: 'quarantine', reject: disposition } as const
  if (applied[enforce] === disposition) return { ...dmarc, applied: disposition }
  return { ...overridden(dmarc, 'local_policy', `enforce is ${enforce} here`), applied: applied[enforce] }
}

function overridden(dmarc: DmarcFacts, kind: DmarcOverride['kind'], why: string): DmarcFacts {
  return { ...dmarc, overrides: [...(dmarc.overrides ?? []), { kind, why }] }
}

/** Lists and forwarders break what DMARC stands on; those the admin knows are no reason to apply a policy. */
async function excused(
  dmarc: DmarcFacts,
  vouching: readonly string[],
  { terms, chain }: VerifyParts,
): Promise<DmarcFacts> {
  if (dmarc.disposition === 'none') return dmarc
  const forwarder = vouching.find(domain => isAmong(domain, terms.forwarders))
  if (forwarder !== undefined)
    return {
      ...overridden(dmarc, 'trusted_forwarder', `it came over ${forwarder}`),
      disposition: 'none',
      why: `${dmarc.why}; it came over ${forwarder}, a forwarder we know`,
    }
  if (terms.sealers.size === 0) return dmarc
  const links = await chain()
  const trusted = links !== undefined && links.length > 0 && links.every(({ sealer }) => terms.sealers.has(sealer))
  // What the first of them saw is what the author sent.
  if (!trusted || !links[0]!.results.some(result => sawPass(result, dmarc.domain))) return dmarc
  return {
    ...overridden(dmarc, 'local_policy', `arc=pass, sealed by ${links[0]!.sealer}`),
    disposition: 'none',
    why: `${dmarc.why}; it passed when ${links[0]!.sealer} sealed it, which we trust (ARC)`,
  }
}

/** Of this domain, where it says of which. */
function sawPass(result: string, domain: string): boolean {
  const from = /\bheader\.from=([^\s;"()]+)/i.exec(result)?.[1]
  return /^dmarc\s*=\s*pass\b/i.test(result) && (from === undefined || toAsciiDomain(from) === domain)
}

function isAmong(domain: string, known: ReadonlySet<string>): boolean {
  const labels = domain.split('.')
  return labels.some((_, i) => known.has(labels.slice(i).join('.')))
}

function counting(dns: Resolver): { readonly dns: Resolver; readonly questions: () => number } {
  let questions = 0
  const counted =
    <A extends readonly unknown[], R>(ask: (...asked: A) => R) =>
    (...asked: A): R => {
      questions += 1
      return ask(...asked)
    }
  return {
    dns: {
      configured: dns.configured,
      mx: counted(dns.mx),
      a: counted(dns.a),
      aaaa: counted(dns.aaaa),
      txt: counted(dns.txt),
      ptr: counted(dns.ptr),
    },
    questions: () => questions,
  }
}
