/**
 * Where a recipient goes. Plugins object (`rcpt`) and claim (`route`); the guard here has the last word, whatever they claimed:
 * mail leaves this system only for those who may send, to domains we relay for, or from an alias of ours. So no list, score or
 * exception can open a relay, and an install without plugins relays nothing.
 */
import {
  type Claim,
  type Defer,
  defer,
  type Envelope,
  type Recipient,
  type Reject,
  reject,
  type ServerFacts,
  type Session,
  type Target,
} from '../api/index.js'
import type { AskScope, Routed } from './intake-types.js'
import type { Pipeline } from './pipeline.js'

/** More results of one recipient than this are a fault of a list, not a wish. */
const MAX_CLAIMS = 10_000

/**
 * `user%world.test@relayed.test`, `world.test!user@relayed.test`, `"user@world.test"@relayed.test`: the next server trusts us, and
 * might unpack the address (RFC 1123 §5.2.16) and relay it for the stranger who made it up.
 */
const SENDER_ROUTING = /[@%!]/

export class Router {
  readonly #pipeline: Pipeline
  readonly #targets: ReadonlyMap<string, Target>
  readonly #server: ServerFacts

  constructor(pipeline: Pipeline, targets: ReadonlyMap<string, Target>, server: ServerFacts) {
    this.#pipeline = pipeline
    this.#targets = targets
    this.#server = server
  }

  async route(
    session: Session,
    labels: Set<string>,
    envelope: Envelope,
    recipient: Recipient,
    scope: AskScope,
  ): Promise<Routed | Reject | Defer> {
    const asked = { session, envelope, recipient }
    const objection = await this.#pipeline.ask('rcpt', asked, labels, scope)
    if (objection !== undefined) return objection
    const answer = await this.#pipeline.ask('route', asked, labels, scope)
    if (answer === undefined) return nobodyTakes(recipient, this.#server)
    if (isList(answer)) return this.#guard(session, recipient, answer, scope)
    return answer.kind === 'claim' ? this.#guard(session, recipient, [answer], scope) : answer
  }

  #guard(session: Session, recipient: Recipient, claims: readonly Claim[], scope: AskScope): Routed | Reject | Defer {
    if (claims.length === 0) return nobodyTakes(recipient, this.#server)
    if (claims.length > MAX_CLAIMS) {
      scope.log.error({ claims: claims.length }, 'recipient expands to too many claims')
      return defer('The recipient expands to too many addresses', { code: 451, status: '4.5.3' })
    }
    for (const claim of claims) {
      const target = this.#targets.get(claim.target)
      if (target === undefined) {
        scope.log.error({ target: claim.target }, 'claim names a target that no plugin contributes')
        return defer('Mail system configuration error', { code: 451, status: '4.3.5' })
      }
      if (target.scope === 'remote' && !maySendOut(session, recipient, claim, this.#server)) {
        scope.log.warn({ target: claim.target }, 'claim would have relayed for a stranger')
        return relayDenied()
      }
    }
    return { recipient, claims }
  }
}

/** Pure: may this claim take mail out of this system? */
export function maySendOut(session: Session, recipient: Recipient, claim: Claim, server: ServerFacts): boolean {
  if (session.protocol === 'internal' || session.account !== undefined || session.trusted) return true
  if (server.relayDomains.has(claim.to.domain)) return !SENDER_ROUTING.test(claim.to.local)
  // An alias of ours: asked for at a domain of ours, sent on to somewhere else.
  return isOurs(recipient, server) && !server.domains.has(claim.to.domain)
}

/** RFC 5321 §4.5.1: `<postmaster>` without a domain is ours. */
function isOurs({ address }: Recipient, server: ServerFacts): boolean {
  return address.domain === '' || server.domains.has(address.domain)
}

function nobodyTakes(recipient: Recipient, server: ServerFacts): Reject {
  return isOurs(recipient, server) ? reject('No such recipient here', { code: 550, status: '5.1.1' }) : relayDenied()
}

function relayDenied(): Reject {
  return reject('Relaying denied: not a domain of ours, and you are not logged in', { code: 550, status: '5.7.1' })
}

function isList(answer: unknown): answer is readonly Claim[] {
  return Array.isArray(answer)
}
