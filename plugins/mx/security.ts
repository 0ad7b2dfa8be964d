/**
 * Which security a delivery has to one host: what the message, the policy of the domain and the config ask for, and in words what was had.
 * Pure. In `enforce` a host that the policy does not name, or that cannot prove itself, gets nothing; everything else is told.
 */
import { isIP } from 'node:net'
import type { Outcome } from 'posthouse/api'
import { normaliseDomain, toAsciiDomain } from 'posthouse/text'
import type { Proof } from './client/connection.js'
import type { MailSession, TlsPolicy } from './client/session.js'
import type { Host } from './hosts.js'
import type { TlsDemand } from './outcomes.js'
import { judgeByPins } from './routes/pin.js'
import type { Route } from './routes/route.js'
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
}

type Refusal = Pick<Extract<Outcome, { kind: 'failed' | 'deferred' }>, 'kind' | 'status' | 'text'>

export type Plan =
  /** This host gets nothing. */
  | { readonly kind: 'skip'; readonly outcome: Refusal }
  | {
      readonly kind: 'go'
      readonly tls: TlsPolicy
      readonly proof?: Proof
      /** Whose wish stands behind a proof that is demanded. */
      readonly demand?: TlsDemand
      /** The policy of the domain names this host. */
      readonly named: boolean
      /** What a policy that is not enforced says against the host's name. */
      readonly objection?: string
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

export function isEnforced({ standing, passOver }: SecurityWish): boolean {
  return standing.kind === 'policy' && standing.mode === 'enforce' && !passOver
}

export function planFor(host: Host, wish: SecurityWish): Plan {
  const { secret, standing } = wish
  const policy = standing.kind === 'policy' ? standing : undefined
  const named = policy !== undefined && isNamed(host.name.toLowerCase(), policy.mx)
  // RFC 8689 §4.2.1: a host found by MX is the right one only when the policy names it.
  if (secret && !host.fixed && !named) return skip('failed', '5.7.30', unvouched(host, standing))
  const enforced = isEnforced(wish)
  // RFC 8461 §4.1, §5: as if it could not be reached.
  if (enforced && !named) return skip('deferred', '4.7.0', `${standingName(policy)} does not name ${host.name}`)
  if (secret || enforced) {
    const words = secret ? 'the message asks for TLS all the way' : `${standingName(policy)} asks for proven TLS`
    const demand = { words, final: secret }
    return { kind: 'go', tls: 'required', named, proof: proofOf(host, named, wish), demand }
  }
  if (host.tls?.level === 'verified') {
    const demand = { words: 'the route asks for TLS with a host that proves itself', final: false }
    return { kind: 'go', tls: 'required', named, proof: proofOf(host, false, wish), demand }
  }
  const tls = tlsOf(host, wish.tls)
  if (policy === undefined) return { kind: 'go', tls, named }
  const objection = named ? {} : { objection: `it does not name ${host.name}` }
  return { kind: 'go', tls, named, proof: proof('noted', true, wish), ...objection }
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
  if (pins !== undefined) return { kind: 'demanded', judge: peer => judgeByPins(peer, pins) }
  return proof('demanded', bySts, { ...wish, ...(ca === undefined ? {} : { ca }) })
}

function proof(kind: Proof['kind'], bySts: boolean, { ca }: SecurityWish): Proof {
  return { kind, ...(ca === undefined ? {} : { ca }), ...(bySts ? { wrongName } : {}) }
}

function skip(kind: Refusal['kind'], status: string, text: string): Plan {
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
export function objectionOf(session: MailSession, plan: Going, { standing }: SecurityWish): string | undefined {
  if (standing.kind === 'none' || plan.demand !== undefined) return undefined
  if (plan.objection !== undefined) return plan.objection
  if (session.connection.tls === undefined) return 'it asks for TLS'
  return session.connection.doubt
}

/** `TLS 1.3, verified by MTA-STS`. */
export function securityWords(session: MailSession, plan: Going, wish: SecurityWish, host?: Host): string {
  const { standing } = wish
  if (host?.path !== undefined && session.connection.tls === undefined) return 'over a Unix socket'
  const objection = objectionOf(session, plan, wish)
  const policy = standing.kind === 'policy' ? standing : undefined
  const against = objection === undefined ? '' : `${standingName(policy)}, ${leniency(wish)}, objects: ${objection}`
  const { tls } = session.connection
  if (tls === undefined) {
    const why = session.clear ?? 'the host offers no TLS'
    return `in clear, ${session.downgraded ? 'downgraded: ' : ''}${why}${against === '' ? '' : `; ${against}`}`
  }
  const version = tls.replace(/^TLSv/, 'TLS ')
  if (against !== '') return `${version}, not verified: ${against}`
  if (plan.named) return `${version}, verified by MTA-STS${isEnforced(wish) ? '' : ` (${leniency(wish)})`}`
  if (wish.secret)
    return `${version}, verified by its ${host?.tls?.pins === undefined ? 'certificate' : 'pinned key'} for REQUIRETLS`
  if (host?.tls?.level === 'verified')
    return `${version}, verified by its ${host.tls.pins === undefined ? 'certificate' : 'pinned key'} as the route asks`
  const how =
    plan.tls === 'required' ? `required by ${host?.tls === undefined ? 'config' : 'the route'}` : 'opportunistic'
  return `${version}, ${how}, not verified: ${standing.kind === 'none' ? standing.why : ''}`
}

function leniency({ passOver, standing }: SecurityWish): string {
  if (standing.kind === 'policy' && standing.mode === 'testing') return 'mode testing'
  return passOver ? 'passed over as the message says TLS-Required: No' : 'mode enforce'
}
