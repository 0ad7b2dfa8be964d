/**
 * Where a recipient goes. Plugins object (`rcpt`) and claim (`route`); the guard here has the last word, whatever they claimed:
 * mail leaves this system only for those who may send, to domains we relay for, or from an alias of ours. So no list, score or
 * exception can open a relay, and an install without plugins relays nothing.
 */
import {
  type Address,
  type Because,
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
import { signed, tellObjection } from './objection.js'
import type { Pipeline } from './pipeline.js'

/** More results of one recipient than this are a fault of a list, not a wish. */
const MAX_CLAIMS = 10_000

/**
 * `user%world.test@relayed.test`, `world.test!user@relayed.test`, `"user@world.test"@relayed.test`: the next server trusts us, and
 * might unpack the address (RFC 1123 §5.2.16) and relay it for the stranger who made it up.
 */
const SENDER_ROUTING = /[@%!]/

/** The rule by which mail for an address of ours is refused that no plugin claims. */
export const NO_ROUTE = 'no-route'

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
    if (answer !== undefined && !isList(answer) && answer.kind !== 'claim') return answer
    const claims = answer === undefined ? [] : isList(answer) ? answer : [answer]
    const guarded = this.#guard(session, recipient, claims, scope)
    if (!('kind' in guarded)) return guarded
    // Said as an objection of a plugin is: with an id, and a line in the log that explains it.
    tellObjection(scope.log, { plugin: 'core', hook: 'route', observed: false }, asked, guarded)
    return signed('route', asked, guarded, 'core')
  }

  #guard(session: Session, recipient: Recipient, claims: readonly Claim[], scope: AskScope): Routed | Reject | Defer {
    if (claims.length === 0) return nobodyTakes(session, recipient, this.#server)
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
        return relayDenied(session, recipient)
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
  return isOurs(recipient.address, server) && !isOurs(claim.to, server)
}

/** RFC 5321 §4.5.1: `<postmaster>` without a domain is ours, and so is the one at our name, whom notices of ours come from. */
function isOurs({ local, domain }: Address, server: ServerFacts): boolean {
  if (domain === '' || server.domains.has(domain)) return true
  return domain === server.name && local.toLowerCase() === 'postmaster'
}

function nobodyTakes(session: Session, recipient: Recipient, server: ServerFacts): Reject {
  if (!isOurs(recipient.address, server)) return relayDenied(session, recipient)
  const because = {
    rule: NO_ROUTE,
    evidence: 'no plugin takes mail for it',
    exception: 'an entry as mda in plugins.yaml',
  }
  return reject('No such recipient here', { code: 550, status: '5.1.1', because })
}

function relayDenied(session: Session, recipient: Recipient): Reject {
  const text = 'Relaying denied: not a domain of ours, and you are not logged in'
  return reject(text, { code: 550, status: '5.7.1', because: whyNoRelay(session, recipient) })
}

function whyNoRelay({ remote, account, trusted }: Session, { address }: Recipient): Because {
  const { local, domain } = address
  if (account !== undefined || trusted) {
    return {
      rule: NO_ROUTE,
      evidence: `no plugin takes mail for ${domain}`,
      exception: 'an entry as mx in plugins.yaml',
    }
  }
  if (SENDER_ROUTING.test(local)) {
    return {
      rule: 'sender-routing',
      evidence: 'the local part may hold another address, which the next server would unpack',
    }
  }
  return {
    rule: 'no-relay',
    evidence: `${domain} is not ours, and ${remote.address} has not logged in and is not trusted`,
    exception: 'log in; or in server.yaml: the domain under relay_domains, or the network under trusted',
  }
}

function isList(answer: unknown): answer is readonly Claim[] {
  return Array.isArray(answer)
}
