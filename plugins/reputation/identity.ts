/**
 * Whom a message comes from, as far as it is proved: nobody's name is better or worse for mail that only claims to be theirs. Pure.
 */
import type { AuthFacts, DmarcFacts, IdentityKind, Message, ReputationFacts } from 'posthouse/api'
import {
  domainKey,
  LOCAL_NETWORKS,
  mailboxOf,
  NetworkSet,
  networkAround,
  organisationOf,
  parseAddressList,
} from 'posthouse/text'

export interface Identity {
  readonly kind: IdentityKind
  readonly name: string
}

export interface Author {
  readonly local: string
  /** A-labels. */
  readonly domain: string
}

/** From the widest to the narrowest. */
export interface Origin {
  readonly author?: Author
  readonly proved: ReputationFacts['proved']
  readonly identities: readonly Identity[]
}

export const SITE: Identity = { kind: 'site', name: 'all' }
/** RFC 5321 §4.5.3.1: 64 octets before the @, 255 behind it. Longer ones are nobody's. */
const LONGEST = 320
const MOST_SIGNERS = 3
const LOCAL = new NetworkSet(LOCAL_NETWORKS)

/** `auth`: what `mail-auth` has found; nothing: nobody checks. */
export function originOf(message: Pick<Message, 'header'>, address: string, auth: AuthFacts | undefined): Origin {
  const author = authorOf(message)
  const proved = auth === undefined ? 'unknown' : provedBy(auth, author)
  const identities = [SITE, ...networkOf(address), ...(auth === undefined ? [] : vouchersOf(auth, author))]
  if (proved === 'yes') identities.push(...namesOf(author!))
  return { ...(author === undefined ? {} : { author }), proved, identities }
}

/** None for addresses of the house: what comes by them (a proxy, a gateway) comes from anywhere. */
export function networkOf(address: string): readonly Identity[] {
  if (LOCAL.has(address)) return []
  const name = networkAround(address, { ipv4: 24, ipv6: 48 })
  return name === undefined ? [] : [{ kind: 'network', name }]
}

/** What an address is one of, and the address. */
export function namesOf(author: Author): readonly Identity[] {
  return [...domainsOf(author.domain), { kind: 'address', name: `${author.local}@${author.domain}` }]
}

export function domainsOf(domain: string): readonly Identity[] {
  const whole = organisationOf(domain)
  const organisation: Identity = { kind: 'organisation', name: whole }
  return whole === domain ? [organisation] : [organisation, { kind: 'domain', name: domain }]
}

/** Nothing where From stands twice or names several: who of them wrote it is not proved by their domain. */
function authorOf({ header }: Pick<Message, 'header'>): Author | undefined {
  const [from, another] = header.filter(({ name }) => name.toLowerCase() === 'from')
  if (from === undefined || another !== undefined) return undefined
  const all = parseAddressList(from.raw).flatMap(item => (item.kind === 'group' ? item.members : [item]))
  return all.filter(({ domain }) => domain !== '').length > 1 ? undefined : plainAuthor(mailboxOf(header, 'from'))
}

/** Neither case nor the spelling of a domain is anybody's identity here. Nothing: it has no domain, or is longer than an address can be. */
export function plainAuthor(address: Author | undefined): Author | undefined {
  if (address === undefined || address.domain === '') return undefined
  const { local, domain } = address
  const plain = { local: local.normalize('NFC').toLowerCase(), domain: domainKey(domain) }
  return Buffer.byteLength(plain.local) + plain.domain.length < LONGEST ? plain : undefined
}

/** By DMARC where there is a policy; else by whoever of the same organisation vouches. Trouble proves nothing, and disproves nothing. */
function provedBy({ dmarc, mailFrom, dkim, vouching }: AuthFacts, author: Author | undefined): Origin['proved'] {
  // Of several authors none is proved.
  if (author === undefined || dmarc.domain !== author.domain) return 'no'
  if (dmarc.result === 'pass') return 'yes'
  if (dmarc.result === 'fail') return isExcused(dmarc) ? 'unknown' : 'no'
  const whole = organisationOf(author.domain)
  if (vouching.some(domain => organisationOf(domain) === whole)) return 'yes'
  const trouble = [dmarc, mailFrom, ...dkim].some(one => one?.result === 'temperror')
  return trouble ? 'unknown' : 'no'
}

/** A list or a sealer that the admin trusts may well carry what the author wrote. Where nothing is enforced, that excuses nobody. */
function isExcused({ disposition, overrides = [] }: DmarcFacts): boolean {
  return disposition === 'none' && overrides.some(({ kind }) => kind !== 'sampled_out')
}

/** Signatures that passed, and the envelope's domain where it is not that of From. */
function vouchersOf({ dkim, mailFrom }: AuthFacts, author: Author | undefined): readonly Identity[] {
  const signers = new Set(dkim.filter(({ result }) => result === 'pass').map(({ domain }) => domain))
  const found: Identity[] = [...signers].slice(0, MOST_SIGNERS).map(name => ({ kind: 'dkim', name }))
  if (mailFrom?.result !== 'pass') return found
  const name = mailFrom.domain.toLowerCase()
  const aligned = author !== undefined && organisationOf(name) === organisationOf(author.domain)
  return aligned || signers.has(name) ? found : [...found, { kind: 'spf', name }]
}
