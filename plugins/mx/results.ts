/**
 * What a session with a mail host says about TLS there, for reports (RFC 8460): under which policy it stood, and whether it was as that wants. Pure.
 * Connections that never came about, or were lost after their handshake, for reasons that have nothing to do with TLS, say nothing (§4.3.4).
 */
import type { TlsFailure, TlsPolicyFacts, TlsResult } from 'posthouse/api'
import type { Place } from './client/connection.js'
import type { MailSession } from './client/session.js'
import { Trouble } from './client/trouble.js'
import { presented } from './dane/tlsa.js'
import type { Host } from './hosts.js'
import type { Going, Plan, SecurityWish } from './security.js'
import type { Standing } from './sts/policies.js'

/** `domain`: whose policy is looked for; left out: nobody's, and nothing is told. */
export interface Subject {
  readonly domain?: string
  readonly host: Host
  readonly wish: SecurityWish
}

type Failure = NonNullable<TlsResult['failure']>

export function resultOfSession(subject: Subject, plan: Going, session: MailSession): TlsResult | undefined {
  const { connection } = session
  const { local, place } = connection
  const doubt = plan.objection ?? connection.doubt?.words
  const failure = plan.objection === undefined ? connection.doubt?.failure : 'validation-failure'
  // TLS was there, and the connection was lost: what followed in clear says nothing of it.
  if (connection.tls === undefined && session.failure === undefined) return undefined
  const wrong =
    session.failure !== undefined
      ? failed(session.failure, session.clear ?? 'no TLS')
      : failure === undefined
        ? policyFailure(subject.wish.standing, plan)
        : failed(failure, doubt ?? failure)
  return resultOf(subject, plan, wrong, { place, local, helo: session.peerName })
}

export function resultOfError(subject: Subject, plan: Going, place: Place, error: unknown): TlsResult | undefined {
  if (!(error instanceof Trouble) || error.failure === undefined) return undefined
  return resultOf(subject, plan, failed(error.failure, error.message), { place, local: error.local })
}

/** The host was not even asked. */
export function resultOfSkip(subject: Subject, plan: Extract<Plan, { kind: 'skip' }>): TlsResult | undefined {
  if (plan.failure === undefined) return undefined
  return resultOf(subject, plan, failed(plan.failure, plan.outcome.text), {})
}

function resultOf(
  { domain, host, wish }: Subject,
  plan: Plan,
  failure: Failure | undefined,
  { place, local, helo }: { readonly place?: Place; readonly local?: string | undefined; readonly helo?: string },
): TlsResult | undefined {
  // RFC 8689 §3: who passes over a policy has nothing to say of it. A socket of this machine, or no TLS by our own wish, neither.
  if (wish.passOver || host.path !== undefined || (plan.kind === 'go' && plan.tls === 'never')) return undefined
  const held = policyFor(domain, host, plan, wish.standing)
  if (held === undefined) return undefined
  return {
    ...held,
    ...(failure === undefined ? {} : { failure }),
    host: host.name.toLowerCase(),
    ...(helo === undefined ? {} : { helo }),
    ...(place === undefined ? {} : { remote: place.address }),
    ...(local === undefined ? {} : { local }),
  }
}

/** RFC 8460 §1.1: for DANE it is the TLSA base domain that has the policy, for MTA-STS the domain of the recipients. */
function policyFor(
  domain: string | undefined,
  host: Host,
  plan: Plan,
  standing: Standing,
): Pick<TlsResult, 'domain' | 'policy'> | undefined {
  const dane = plan.kind === 'go' ? plan.dane : undefined
  if (dane?.kind === 'records' || dane?.kind === 'unusable')
    return { domain: dane.base, policy: { kind: 'tlsa', lines: dane.records.map(presented), hosts: [host.name] } }
  if (plan.kind === 'skip' && (plan.failure === 'dnssec-invalid' || plan.failure === 'dane-required'))
    return { domain: host.name.toLowerCase(), policy: { kind: 'tlsa', lines: [], hosts: [host.name] } }
  return domain === undefined ? undefined : { domain, policy: stsFacts(standing) }
}

function stsFacts(standing: Standing): TlsPolicyFacts {
  if (standing.kind === 'policy') {
    const { mode, mx, maxAgeSeconds } = standing
    const lines = ['version: STSv1', `mode: ${mode}`, ...mx.map(one => `mx: ${one}`), `max_age: ${maxAgeSeconds}`]
    return { kind: 'sts', lines, hosts: mx }
  }
  const kind = standing.failure === undefined ? 'no-policy-found' : 'sts'
  return { kind, lines: [], hosts: [] }
}

/** The session is encrypted, but a policy that was announced could not be had; or the records were no use. */
function policyFailure(standing: Standing, { dane }: Going): Failure | undefined {
  if (dane.kind === 'unusable') return failed('tlsa-invalid', 'no TLSA record can be used')
  if (dane.kind === 'records' || standing.kind === 'policy' || standing.failure === undefined) return undefined
  return failed(standing.failure, standing.why)
}

function failed(type: TlsFailure, reason: string): Failure {
  return { type, reason }
}
