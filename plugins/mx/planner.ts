/**
 * What a delivery may do at each host, as far as security goes: gathers what the domain, its hosts and the message say, and asks `security.ts`. It
 * lives as long as the delivery; what is costly (the header of the message) is read once, and only when it matters.
 */
import type { Job } from 'posthouse/api'
import { type Addresses, addressesOf } from './addresses/addresses.js'
import type { MailSession, SessionOptions } from './client/session.js'
import { type Dane, daneOf } from './dane/standing.js'
import { findHosts, type Host, type HostOptions } from './hosts.js'
import { mayPassOverPolicies } from './mail.js'
import type { Subject } from './results.js'
import type { Route } from './routes/route.js'
import { isEnforced, type Plan, planFor, policyDomain, type SecurityWish, securityWords } from './security.js'
import type { Policies, Standing } from './sts/policies.js'

export interface PlannerOptions {
  readonly hosts: HostOptions
  readonly session: Pick<SessionOptions, 'tls' | 'now'>
  readonly ca?: string
  readonly policies?: Policies
}

export interface Way {
  readonly domain: string
  readonly route: Route | undefined
}

export class Planner {
  readonly #job: Pick<Job, 'requireTls' | 'read'>
  readonly #way: Way
  readonly #options: PlannerOptions
  readonly #signal: AbortSignal
  #standing: Standing = { kind: 'none', why: 'nobody has asked' }
  #secret = false
  /** RFC 8689 §3 */
  #passOver = false
  #mayPassOver: Promise<boolean> | undefined

  constructor(job: Pick<Job, 'requireTls' | 'read'>, way: Way, options: PlannerOptions, signal: AbortSignal) {
    this.#job = job
    this.#way = way
    this.#options = options
    this.#signal = signal
  }

  /** What holds for the domain. `secret`: TLS all the way, or nothing. Throws `Trouble` when the delivery ends. */
  async begin(secret: boolean): Promise<void> {
    this.#secret = secret
    this.#standing = await this.#ofDomain()
    if (this.#isEnforced) await this.#learnWhetherToPassOver()
  }

  get wish(): SecurityWish {
    const { session, ca } = this.#options
    const [secret, standing, passOver] = [this.#secret, this.#standing, this.#passOver]
    return { secret, standing, passOver, tls: session.tls, now: session.now, ...(ca === undefined ? {} : { ca }) }
  }

  /** Of sessions: one that was opened before a policy was known is not used under it. */
  get key(): string {
    const standing = this.#standing
    const policy = this.#isEnforced && standing.kind === 'policy' ? ` by ${standing.domain} ${standing.id}` : ''
    return `${this.#secret ? ' verified' : ''}${policy}`
  }

  get #isEnforced(): boolean {
    return isEnforced({ standing: this.#standing, passOver: this.#passOver })
  }

  /** Of reports about TLS at this host. */
  subjectOf(host: Host): Subject {
    const { name } = policyDomain(this.#way.domain, this.#way.route)
    return { host, wish: this.wish, ...(name === undefined ? {} : { domain: name }) }
  }

  async planOf(host: Host, addresses: Addresses): Promise<Plan> {
    const dane = await this.#daneOf(host, addresses)
    if (dane.kind !== 'none') await this.#learnWhetherToPassOver()
    return planFor(host, this.wish, dane)
  }

  /** Whether sessions may be shared with other domains of the same hosts: where none has a policy of its own. */
  get shares(): boolean {
    return !this.#secret && this.#standing.kind === 'none' && this.#way.route === undefined
  }

  /**
   * The session as it may be used here, if it may. Where hosts publish what their certificates are (DANE), it may have been opened before that was
   * known; and one that was opened for another domain is told of anew, by what holds for this one.
   */
  async suited(session: MailSession): Promise<MailSession | undefined> {
    const { connection, assurance } = session
    const { hosts } = this.#options
    const { domain, route } = this.#way
    const own = session.domain === domain
    if (own && hosts.dns.validated === undefined) return session
    const found = await findHosts(domain, route, hosts, this.#signal)
    const host = found.kind === 'hosts' ? found.hosts.find(({ name }) => name === connection.place.host) : undefined
    if (host === undefined) return undefined
    const plan = await this.planOf(host, await addressesOf(host, hosts, this.#signal))
    if (plan.kind !== 'go' || plan.assurance !== assurance) return undefined
    return own ? session : { ...session, domain, security: securityWords(session, plan, this.wish, host) }
  }

  async #ofDomain(): Promise<Standing> {
    const { policies } = this.#options
    if (policies === undefined) return { kind: 'none', why: 'MTA-STS is not looked at here' }
    const { name, why } = policyDomain(this.#way.domain, this.#way.route)
    return name === undefined ? { kind: 'none', why } : policies.of(name, this.#signal)
  }

  async #daneOf(host: Host, addresses: Addresses): Promise<Dane> {
    const { hosts, session } = this.#options
    const { validated } = hosts.dns
    const { path, tls, fixed } = host
    const wanted = tls?.level === 'dane'
    if ((session.tls === 'never' && !wanted) || validated === undefined)
      return { kind: 'none', why: 'DANE is not looked at here' }
    const settled = tls !== undefined && !wanted && (fixed || tls.level === 'none' || tls.pins !== undefined)
    if (path !== undefined || settled) return { kind: 'none', why: 'DANE is left out, as the route says what is asked' }
    const answer = addresses.kind === 'addresses' ? addresses.answer : undefined
    return daneOf(host, answer, validated, this.#signal)
  }

  async #learnWhetherToPassOver(): Promise<void> {
    this.#mayPassOver ??= mayPassOverPolicies(this.#job)
    this.#passOver = await this.#mayPassOver
  }
}
