/**
 * Which security a delivery has to one host: what the message, the policy of the domain and the config ask for, and in words what was had.
 * Pure. In `enforce` a host that the policy does not name, or that cannot prove itself, gets nothing; everything else is told.
 */
import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Outcome, TlsFailure } from 'posthouse/api'
import { normaliseDomain, toAsciiDomain } from 'posthouse/text'
import type { Proof } from './client/connection.js'
import type { MailSession, TlsPolicy } from './client/session.js'
import type { Doubt } from './client/trouble.js'
import { chainOf, doubtOf } from './dane/chain.js'
import type { Dane } from './dane/standing.js'
import { DANE_TA, presented } from './dane/tlsa.js'
import type { Host } from './hosts.js'
import type { TlsDemand } from './outcomes.js'
import { judgeByPins } from './routes/pin.js'
import type { Pin, Route } from './routes/route.js'
import { wrongName } from './sts/fetch.js'
import type { Standing } from './sts/policies.js'
import { isNamed } from './sts/policy.js'

export interface SecurityWish {
  /** RFC 8689: TLS all the way, or not at all. */
  readonly secret: boolean
  readonly standing: Standing
  /** RFC 8689 §3: the sender asks to pass over the policy. */
  readonly passOver: boolean
  readonly tls: TlsPolicy
  readonly ca?: string
  readonly now: () => number
}

type Refusal = Pick<Extract<Outcome, { kind: 'failed' | 'deferred' }>, 'kind' | 'status' | 'text'>

export type Plan =
  /** This host gets nothing. */
  | { readonly kind: 'skip'; readonly outcome: Refusal; readonly failure?: TlsFailure }
  | {
      readonly kind: 'go'
      readonly tls: TlsPolicy
      readonly proof?: Proof
      /** Whose wish stands behind TLS, or a proof, that is demanded. */
      readonly demand?: TlsDemand
      /** The policy of the domain names this host. */
      readonly named: boolean
      /** What a policy that is not enforced says against the host's name. */
      readonly objection?: string
      readonly dane: Dane
      /** What a session was proven to be: under another one it is not used. */
      readonly assurance: string
    }

export type Going = Extract<Plan, { kind: 'go' }>
type StsPolicy = Extract<Standing, { kind: 'policy' }>

/** RFC 8461 §3.4: the domain of the recipients, or the one host that the admin sends them to. Left out: there is none, and why. */
export function policyDomain(
  domain: string,
  route: Route | undefined,
): { readonly name?: string; readonly why: string } {
  const stops = route?.stops ?? []
  const [stop] = stops
  if (route?.tls !== undefined && (stop !== undefined || route.tls.level === 'none'))
    return { why: 'the route says what is asked of TLS' }
  if (stops.length > 1) return { why: 'the route leads to several hosts' }
  const name = stop === undefined ? domain : stop.kind === 'socket' ? 'localhost' : stop.name
  const ascii = isIP(name) !== 0 || name === 'localhost' ? undefined : toAsciiDomain(normaliseDomain(name) ?? '')
  return { why: 'the way goes to an address, which has no policy', ...(ascii === undefined ? {} : { name: ascii }) }
}

export function isEnforced({ standing, passOver }: Pick<SecurityWish, 'standing' | 'passOver'>): boolean {
  return standing.kind === 'policy' && standing.mode === 'enforce' && !passOver
}

/** DANE goes first: RFC 8461 §2 lets no policy of MTA-STS make up for a certificate that does not match. */
export function planFor(host: Host, wish: SecurityWish, published: Dane): Plan {
  const { secret, standing } = wish
  // What our own admin asks for stands, whatever the message says.
  const wanted = host.tls?.level === 'dane'
  const dane = wish.passOver && !wanted ? passedOver(published) : published
  // RFC 7672 §2.1.2: as if it could not be reached.
  if (dane.kind === 'trouble') return { ...skip('deferred', '4.4.3', dane.why), failure: 'dnssec-invalid' }
  if (dane.kind === 'records') return byDane(dane, wish)
  // RFC 7672 §6
  if (wanted) {
    const text = `the route asks for DANE at ${host.name}: ${noDane({ dane }).join()}`
    return { ...skip('deferred', '4.7.0', text), failure: 'dane-required' }
  }
  if (host.manner?.login !== undefined && !isTheOneMeant(host))
    return skip(
      'deferred',
      '4.7.0',
      `the route logs in, and nobody vouches that ${host.name} is the mail host that is meant`,
    )
  const policy = standing.kind === 'policy' ? standing : undefined
  const named = policy !== undefined && isNamed(host.name.toLowerCase(), policy.mx)
  // RFC 8689 §4.2.1: a host found by MX is the right one only when the policy names it, or the MX record is signed.
  const vouched = host.fixed || named || host.mx?.secure === true
  if (secret && !vouched) return skip('failed', '5.7.30', unvouched(host, standing))
  const enforced = isEnforced(wish)
  // RFC 8461 §4.1, §5: as if it could not be reached.
  if (enforced && !named) {
    const outcome = skip('deferred', '4.7.0', `${standingName(policy)} does not name ${host.name}`)
    return { ...outcome, failure: 'validation-failure' }
  }
  const going = { kind: 'go', ...encryption(host, dane, wish), named, dane, assurance: assuranceOf(dane) } as const
  if (secret || enforced) {
    const words = secret ? ALL_THE_WAY : `${standingName(policy)} asks for proven TLS`
    return { ...going, tls: 'required', proof: proofOf(host, named, wish), demand: { words, final: secret } }
  }
  if (host.tls?.level === 'verified') {
    const demand = { words: 'the route asks for TLS with a host that proves itself', final: false }
    return { ...going, tls: 'required', proof: proofOf(host, false, wish), demand }
  }
  if (policy === undefined) return going
  const objection = named ? {} : { objection: `it does not name ${host.name}` }
  return { ...going, proof: proof('noted', true, wish), ...objection }
}

const ALL_THE_WAY = 'the message asks for TLS all the way'

function byDane(dane: Extract<Dane, { kind: 'records' }>, { secret, now }: SecurityWish): Plan {
  const anchors = { records: dane.usable, names: dane.names }
  const judge = (peer: TLSSocket) => doubtOf(chainOf(peer), anchors, now())
  const words = secret ? ALL_THE_WAY : `the DANE records of ${dane.base} ask for a certificate that matches`
  const demand = { words, final: secret }
  const proof = { kind: 'demanded', called: dane.base, judge } as const
  return { kind: 'go', tls: 'required', proof, demand, named: false, dane, assurance: assuranceOf(dane) }
}

/** A certificate proves a name, and a name out of unsigned MX records is whosever. What the admin has named, or will recognise, is the right one. */
function isTheOneMeant({ fixed, name, by, mx, tls, manner }: Host): boolean {
  const recognised = tls?.level === 'verified' && (tls.pins !== undefined || manner?.serverName !== undefined)
  return fixed || recognised || mx?.secure === true || name === by?.domain
}

/** RFC 7672 §2.2: records that are no use still promise TLS. */
function encryption(host: Host, dane: Dane, wish: SecurityWish): Pick<Going, 'tls' | 'demand'> {
  if (dane.kind !== 'unusable') return { tls: tlsOf(host, wish.tls) }
  return { tls: 'required', demand: { words: `the DANE records of ${dane.base} ask for TLS`, final: false } }
}

function passedOver(dane: Dane): Dane {
  if (dane.kind === 'none') return dane
  return { kind: 'none', why: 'DANE is passed over as the message says TLS-Required: No' }
}

function assuranceOf(dane: Dane): string {
  if (dane.kind === 'none' || dane.kind === 'trouble') return ''
  const records = dane.records.map(presented).sort()
  // Names only matter below an authority: a host with a key of its own serves all its domains by one session.
  const names = dane.kind === 'records' && dane.usable.some(({ usage }) => usage === DANE_TA) ? dane.names : []
  return ['dane', dane.base, ...names, ...records].join(' ')
}

/** What the route says goes before what the plugin says of all hosts. */
function tlsOf({ tls, manner, path }: Host, usual: TlsPolicy): TlsPolicy {
  if (manner?.implicitTls) return 'required'
  if (tls !== undefined)
    return tls.level === 'none' ? 'never' : tls.level === 'opportunistic' ? 'opportunistic' : 'required'
  // nobody listens to a socket of this machine, and no certificate has its path for a name
  return path === undefined ? usual : 'never'
}

/** By the key that is pinned, or by authorities: those of the route, then those of the plugin. */
function proofOf({ tls }: Host, bySts: boolean, wish: SecurityWish): Proof {
  const { ca = wish.ca, pins } = tls ?? {}
  if (pins !== undefined) return { kind: 'demanded', judge: peer => doubtByPins(peer, pins) }
  return proof('demanded', bySts, { ...wish, ...(ca === undefined ? {} : { ca }) })
}

function doubtByPins(peer: TLSSocket, pins: readonly Pin[]): Doubt | undefined {
  const words = judgeByPins(peer, pins)
  return words === undefined ? undefined : { words, failure: 'validation-failure' }
}

function proof(kind: Proof['kind'], bySts: boolean, { ca }: SecurityWish): Proof {
  return { kind, ...(ca === undefined ? {} : { ca }), ...(bySts ? { wrongName } : {}) }
}

function skip(kind: Refusal['kind'], status: string, text: string): Extract<Plan, { kind: 'skip' }> {
  return { kind: 'skip', outcome: { kind, status, text } }
}

function unvouched(host: Host, standing: Standing): string {
  const why = standing.kind === 'none' ? standing.why : `${standingName(standing)} does not name it`
  return `the message asks for TLS all the way, and nobody vouches for the mail host ${host.name}: ${why}`
}

function standingName(policy: StsPolicy | undefined): string {
  return policy === undefined ? 'config' : `the MTA-STS policy of ${policy.domain}`
}

/** What a policy that is not enforced would have refused, if anything. */
export function objectionOf(session: MailSession, plan: Going, wish: SecurityWish): string | undefined {
  const { standing, secret } = wish
  if (standing.kind === 'none' || plan.proof?.kind !== 'noted' || secret) return undefined
  if (plan.objection !== undefined) return plan.objection
  if (session.connection.tls === undefined) return 'it asks for TLS'
  return session.connection.doubt?.words
}

/** `TLS 1.3, verified by MTA-STS`. */
export function securityWords(session: MailSession, plan: Going, wish: SecurityWish, host?: Host): string {
  const { tls } = session.connection
  if (host?.path !== undefined && tls === undefined) return 'over a Unix socket'
  const objection = objectionOf(session, plan, wish)
  const against =
    objection === undefined ? undefined : `${standingName(policyOf(wish))}, ${leniency(wish)}, objects: ${objection}`
  if (tls === undefined) {
    const why = session.clear ?? 'the host offers no TLS'
    if (plan.tls === 'never') return `in clear, ${why}`
    const downgraded = session.downgraded ? 'downgraded: ' : ''
    return [`in clear, ${downgraded}${why}`, against ?? noPolicy(wish), ...noDane(plan)].join('; ')
  }
  const version = tls.replace(/^TLSv/, 'TLS ')
  const verified = against === undefined ? verification(plan, wish, host) : undefined
  if (verified !== undefined)
    return [`${version}, ${verified}`, ...(plan.dane.kind === 'unusable' ? noDane(plan) : [])].join('; ')
  const asked = against === undefined ? `${askedBy(plan, host)}, ` : ''
  return [`${version}, ${asked}not verified: ${against ?? noPolicy(wish)}`, ...noDane(plan)].join('; ')
}

/** By what it was, if it was. */
function verification(plan: Going, wish: SecurityWish, host?: Host): string | undefined {
  const proven = host?.tls?.pins === undefined ? 'certificate' : 'pinned key'
  if (plan.dane.kind === 'records') return 'verified by DANE'
  if (plan.named) return `verified by MTA-STS${isEnforced(wish) ? '' : ` (${leniency(wish)})`}`
  if (wish.secret) return `verified by its ${proven} for REQUIRETLS`
  return host?.tls?.level === 'verified' ? `verified by its ${proven} as the route asks` : undefined
}

function askedBy({ tls, dane }: Going, host?: Host): string {
  if (dane.kind === 'unusable') return 'required by DANE'
  return tls === 'required' ? `required by ${host?.tls === undefined ? 'config' : 'the route'}` : 'opportunistic'
}

function policyOf({ standing }: SecurityWish): StsPolicy | undefined {
  return standing.kind === 'policy' ? standing : undefined
}

function noPolicy({ standing }: SecurityWish): string {
  return standing.kind === 'none' ? standing.why : `${standingName(standing)} was not looked at`
}

/** What might have been known beside that. */
export function noDane({ dane }: Pick<Going, 'dane'>): readonly string[] {
  if (dane.kind === 'unusable') return [`the DANE records of ${dane.base} are unusable`]
  return dane.kind === 'none' || dane.kind === 'trouble' ? [dane.why] : []
}

function leniency({ passOver, standing }: SecurityWish): string {
  if (standing.kind === 'policy' && standing.mode === 'testing') return 'mode testing'
  return passOver ? 'passed over as the message says TLS-Required: No' : 'mode enforce'
}
