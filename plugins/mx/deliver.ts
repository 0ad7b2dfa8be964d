/**
 * Delivers one job: finds the hosts, goes through them in order, and gathers one outcome per recipient.
 * A host that is down, refuses to talk or says 4xx is followed by the next one; a 5xx for mail offered is final; silence after the
 * final dot ends the attempt, as another host would make a second copy.
 */
import type { Call, Job, JobRecipient, Outcome } from 'posthouse/api'
import { reachable } from './addresses/reachable.js'
import { type Place, remoteOf } from './client/connection.js'
import { type MailSession, openSession, type SessionOptions } from './client/session.js'
import { transact } from './client/transaction.js'
import { Refused, Trouble } from './client/trouble.js'
import { findHosts, type Host, type HostOptions } from './hosts.js'
import { type ForAll, Ledger } from './ledger.js'
import {
  type Impossible,
  impossible,
  isSpeakable,
  mailFor,
  mayPassOverPolicies,
  mustBeSecret,
  needsUtf8,
} from './mail.js'
import { unreachableBecause } from './nowhere.js'
import { outcomeOf, outcomeOfError } from './outcomes.js'
import type { SessionPool } from './pool.js'
import type { Route } from './routes/route.js'
import type { Routes } from './routes/routes.js'
import {
  type Going,
  isEnforced,
  objectionOf,
  planFor,
  policyDomain,
  type SecurityWish,
  securityWords,
} from './security.js'
import type { Policies, Standing } from './sts/policies.js'

export interface DeliveryOptions {
  readonly hosts: HostOptions
  readonly session: SessionOptions
  /** Authorities to believe where certificates are looked at, in PEM; left out: those Node.js knows. */
  readonly ca?: string
  /** Left out: policies of domains are not looked at. */
  readonly policies?: Policies
  readonly pool: SessionPool
  /** Connection attempts for one job, over all hosts and addresses. */
  readonly maxAttempts: number
}

/** Recipients of one destination; usually all of the job. */
interface Destination {
  readonly domain: string
  readonly route: Route | undefined
  readonly recipients: JobRecipient[]
}

export async function deliverJob(job: Job, call: Call, options: DeliveryOptions): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const destination of destinations(job, options.hosts.routes)) {
    outcomes.push(...(await new Delivery(job, call, options, destination).run()))
  }
  return outcomes
}

/** A route to certain hosts leads there whichever the domain is. */
function destinations(job: Job, routes: Routes): Iterable<Destination> {
  const found = new Map<string, Destination>()
  for (const recipient of job.recipients) {
    const { domain } = recipient.to
    const route = routes.find(domain, job)
    const key = keyOf(domain, route)
    const known = found.get(key)
    if (known === undefined) found.set(key, { domain, route, recipients: [recipient] })
    else known.recipients.push(recipient)
  }
  return found.values()
}

/** What sessions are kept under: those of a route are not those of another, which may ask for something else. */
function keyOf(domain: string, route: Route | undefined): string {
  if (route === undefined) return domain.toLowerCase()
  return route.stops.length > 0 ? route.id : `${route.id} ${domain.toLowerCase()}`
}

class Delivery {
  readonly #job: Job
  readonly #call: Call
  readonly #options: DeliveryOptions
  readonly #domain: string
  readonly #route: Route | undefined
  /** RFC 8689: verified TLS or nothing. Such sessions are not mixed with others. */
  #secret: boolean
  readonly #ledger = new Ledger()
  #utf8 = false
  #standing: Standing = { kind: 'none', why: 'nobody has asked' }
  /** RFC 8689 §3 */
  #passOver = false
  #attempts = 0

  constructor(job: Job, call: Call, options: DeliveryOptions, { domain, route, recipients }: Destination) {
    this.#job = job
    this.#call = call
    this.#options = options
    this.#domain = domain
    this.#route = route
    this.#secret = job.requireTls === true
    for (const recipient of recipients) this.#admit(recipient)
  }

  /** A bug or a store that fails in the middle must not hide what was delivered already. */
  async run(): Promise<readonly Outcome[]> {
    try {
      await this.#all()
    } catch (error) {
      this.#call.log.error({ err: error }, 'delivery broke off')
      this.#ledger.endAll({ kind: 'deferred', status: '4.3.0', text: 'internal error while delivering' })
    }
    return this.#ledger.close(this.#call.signal.aborted ? 'delivery was cancelled' : 'no mail host could be tried')
  }

  async #all(): Promise<void> {
    if (this.#ledger.left === 0) return
    this.#utf8 = await needsUtf8(this.#job)
    await this.#try()
    if (!this.#secret || mustBeSecret(this.#job) || !this.#noSecretWay) return
    // RFC 8689 §5: a notification goes the safe way where there is one, and another where there is none.
    this.#secret = false
    this.#ledger.forget()
    this.#attempts = 0
    await this.#try()
  }

  async #try(): Promise<void> {
    try {
      this.#standing = await this.#standingOf()
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      const { status, message: text } = error
      this.#ledger.noteAll({ kind: 'deferred', status, text })
      return
    }
    this.#passOver = isEnforced(this.#wish) && (await mayPassOverPolicies(this.#job))
    await this.#overIdle()
    if (this.#ledger.left > 0) await this.#overHosts()
  }

  /** Nothing but the wish for TLS all the way stands between those who are left and their mail. */
  get #noSecretWay(): boolean {
    const { hopeful, last } = this.#ledger
    return !hopeful && last.length > 0 && last.every(one => one !== undefined && isAboutTls(one))
  }

  async #standingOf(): Promise<Standing> {
    const { policies } = this.#options
    if (policies === undefined) return { kind: 'none', why: 'MTA-STS is not looked at here' }
    const { name, why } = policyDomain(this.#domain, this.#route)
    return name === undefined ? { kind: 'none', why } : policies.of(name, this.#call.signal)
  }

  get #wish(): SecurityWish {
    const { session, ca } = this.#options
    const [secret, standing, passOver] = [this.#secret, this.#standing, this.#passOver]
    return { secret, standing, passOver, tls: session.tls, ...(ca === undefined ? {} : { ca }) }
  }

  /** Sessions with the same proof: one that was opened before a policy was known is not used under it. */
  get #pooled(): string {
    const standing = this.#standing
    const policy = isEnforced(this.#wish) && standing.kind === 'policy' ? ` by ${standing.domain} ${standing.id}` : ''
    return `${keyOf(this.#domain, this.#route)}${this.#secret ? ' verified' : ''}${policy}`
  }

  #admit(recipient: JobRecipient): void {
    this.#ledger.admit(recipient)
    if (!isSpeakable(recipient))
      this.#ledger.end({ kind: 'failed', row: recipient.row, status: '5.1.3', text: 'the address cannot be written' })
  }

  /** A session of an earlier job may still be open. If it has died meanwhile, nothing is lost but a moment. */
  async #overIdle(): Promise<void> {
    const session = this.#options.pool.take(this.#pooled)
    if (session !== undefined) await this.#use(session, true)
  }

  async #overHosts(): Promise<void> {
    const { hosts: options } = this.#options
    const found = await findHosts(this.#domain, this.#route, options, this.#call.signal)
    if (found.kind !== 'hosts') {
      this.#ledger.endAll(found)
      return
    }
    const tally = { none: 0, private: 0, trouble: 0, own: 0 }
    for await (const [host, addresses] of reachable(found.hosts, options, this.#call.signal)) {
      const plan = planFor(host, this.#wish)
      if (addresses.kind === 'own') tally.own += 1
      else if (plan.kind === 'skip') this.#skip(host, plan.outcome)
      else if (addresses.kind === 'addresses') await this.#overAddresses(host, addresses.addresses, plan)
      else tally[addresses.kind] += 1
      if (this.#ledger.left === 0 || this.#spent) return
    }
    // Not one address to connect to.
    if (this.#attempts === 0 && !this.#ledger.heard)
      this.#ledger.endAll(unreachableBecause(this.#domain, found.hosts, tally))
  }

  get #spent(): boolean {
    return this.#call.signal.aborted || this.#attempts >= this.#options.maxAttempts
  }

  /** RFC 8461 §8.4: the order of the hosts stays, and such a one counts as one that cannot be reached. */
  #skip(host: Host, outcome: ForAll): void {
    if (outcome.kind === 'deferred') this.#ledger.hope()
    this.#ledger.noteAll(outcome)
    this.#call.log.info({ remote: host.name, why: outcome.text }, 'mail host cannot be used')
  }

  async #overAddresses(host: Host, addresses: readonly string[], plan: Going): Promise<void> {
    for (const [at, address] of addresses.entries()) {
      if (this.#ledger.left === 0 || this.#spent) return
      this.#attempts += 1
      await this.#attempt(host, address, addresses.slice(at + 1), plan)
    }
  }

  async #attempt(host: Host, address: string, later: readonly string[], plan: Going): Promise<void> {
    const { name, port, path, fixed } = host
    const place: Place = { host: name, address, port, ...(path === undefined ? {} : { path }) }
    const remote = remoteOf(place)
    try {
      const session = await this.#open(host, place, later, plan)
      if (!fixed && session.peerName.toLowerCase() === this.#options.hosts.ownName) this.#looped(session)
      else await this.#use(session, false)
    } catch (error) {
      const untrusted = this.#secret && error instanceof Trouble && error.kind === 'untrusted'
      if (!untrusted && !(error instanceof Refused && error.reply.code >= 500)) this.#ledger.hope()
      for (const { row } of this.#ledger.pending) this.#ledger.note(outcomeOfError(row, error, remote, plan.demand))
      this.#complain(remote, error)
    }
  }

  /** A login that fails is our admin's matter, and nobody else's. */
  #complain(remote: string, error: unknown): void {
    const { log } = this.#call
    if (error instanceof Trouble && error.kind === 'login')
      log.error({ remote, route: this.#route?.id, why: error.message }, 'cannot log in at the mail host')
    else log.info({ remote, why: describe(error) }, 'mail host cannot be used')
  }

  async #open(host: Host, place: Place, later: readonly string[], plan: Going): Promise<MailSession> {
    const { tls, proof } = plan
    const { session: usual, hosts } = this.#options
    const { manner } = host
    const { log, signal } = this.#call
    const connectMs = hosts.families?.patience(place.address, later, usual.limits.connectMs) ?? usual.limits.connectMs
    const options: SessionOptions = {
      ...usual,
      tls,
      limits: { ...usual.limits, connectMs },
      ...(proof === undefined ? {} : { proof }),
      ...(manner === undefined ? {} : { manner }),
    }
    const session = await this.#watched(place, openSession(place, options, signal))
    const remote = remoteOf(place)
    if (session.downgraded) log.warn({ remote, why: session.clear }, 'sending in clear after a TLS failure')
    const objection = objectionOf(session, plan, this.#wish)
    if (objection !== undefined) log.info({ remote, why: objection }, 'sending although an MTA-STS policy objects')
    return { ...session, security: securityWords(session, plan, this.#wish, host) }
  }

  /** What becomes of the connection says something of its family too. */
  async #watched(place: Place, opening: Promise<MailSession>): Promise<MailSession> {
    const families = place.path === undefined ? this.#options.hosts.families : undefined
    try {
      const session = await opening
      families?.answered(place.address)
      return session
    } catch (error) {
      if (error instanceof Trouble) families?.failed(place.address, error)
      throw error
    }
  }

  /** Transactions in this session until everybody is served or the peer takes no more. */
  async #use(session: MailSession, idle: boolean): Promise<void> {
    const now = this.#options.session.now()
    const no = impossible(this.#job, session.extensions, this.#utf8, now, this.#secret)
    if (no === undefined || !no.elsewhere) this.#ledger.hope()
    if (no !== undefined) this.#refuse(session, no)
    let going = this.#ledger.left > 0 && no === undefined
    // RFC 9422 §4.1: no more messages than the peer takes in one session; who is left over waits for the next attempt.
    const most = session.extensions.maxMessages ?? Number.POSITIVE_INFINITY
    while (going && session.uses < most) going = await this.#once(session, idle)
    this.#options.pool.give(this.#pooled, session)
  }

  #refuse({ connection: { remote } }: MailSession, { elsewhere, status, text }: Impossible): void {
    const outcome = { kind: 'failed', status, text, remote } as const
    if (elsewhere) this.#ledger.noteAll(outcome)
    else this.#ledger.endAll(outcome)
  }

  /** True when the same session should be offered the rest: it took some and put off others (RFC 5321 §4.5.3.1.10). */
  async #once(session: MailSession, idle: boolean): Promise<boolean> {
    const { limits } = this.#options.session
    const { extensions } = session
    const now = this.#options.session.now()
    // RFC 9422 §4.2: as many recipients as the peer takes at a time.
    const recipients = this.#ledger.pending.slice(0, extensions.maxRecipients)
    const more = recipients.length < this.#ledger.left
    const mail = mailFor(this.#job, recipients, extensions, this.#utf8, now, this.#secret)
    const { results, stale } = await transact(session, mail, limits, this.#call.signal)
    if (idle && stale) return false
    let accepted = 0
    let full = 0
    for (const [row, result] of results) {
      const outcome = outcomeOf(row, result, session)
      const unknown = result.kind === 'broken' && result.unknown
      if (result.kind === 'accepted') accepted += 1
      if (result.kind === 'refused' && result.stage === 'RCPT' && result.reply.code === 452) full += 1
      if (outcome.kind !== 'deferred' || unknown) this.#ledger.end(outcome)
      else this.#ledger.note(outcome)
    }
    return accepted > 0 && (full > 0 || more) && session.connection.quiet
  }

  #looped(session: MailSession): void {
    const { remote } = session.connection
    const text = `${remote} calls itself by our own name: mail loop`
    this.#ledger.endAll({ kind: 'failed', status: '5.4.6', text, remote })
    session.connection.quit()
  }
}

function isAboutTls(outcome: Outcome): boolean {
  return outcome.kind === 'failed' && (outcome.status === '5.7.30' || outcome.status === '5.7.10')
}

function describe(error: unknown): string {
  return error instanceof Trouble || error instanceof Refused ? error.message : 'unexpected'
}
