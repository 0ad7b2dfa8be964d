/**
 * Delivers one job: finds the hosts, goes through them in order, and gathers one outcome per recipient.
 * A host that is down, refuses to talk or says 4xx is followed by the next one; a 5xx for mail offered is final; silence after the
 * final dot ends the attempt, as another host would make a second copy.
 */
import type { Call, Job, JobRecipient, Outcome } from 'posthouse/api'
import type { Place } from './client/connection.js'
import { type MailSession, openSession, type SessionOptions } from './client/session.js'
import { transact } from './client/transaction.js'
import { Refused, Trouble } from './client/trouble.js'
import { addressesOf, findHosts, type Host, type HostOptions } from './hosts.js'
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
  lane(domain: string): string
}

/** Recipients of one destination; usually all of the job. */
export async function deliverJob(job: Job, call: Call, options: DeliveryOptions): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const [lane, recipients] of grouped(job, options)) {
    outcomes.push(...(await new Delivery(job, call, options, lane, recipients).run()))
  }
  return outcomes
}

function grouped(job: Job, options: DeliveryOptions): ReadonlyMap<string, readonly JobRecipient[]> {
  const groups = new Map<string, JobRecipient[]>()
  for (const recipient of job.recipients) {
    const lane = options.lane(recipient.to.domain)
    const group = groups.get(lane)
    if (group === undefined) groups.set(lane, [recipient])
    else group.push(recipient)
  }
  return groups
}

class Delivery {
  readonly #job: Job
  readonly #call: Call
  readonly #options: DeliveryOptions
  readonly #lane: string
  /** RFC 8689: verified TLS or nothing. Such sessions are not mixed with others. */
  #secret: boolean
  readonly #ledger = new Ledger()
  #utf8 = false
  #standing: Standing = { kind: 'none', why: 'nobody has asked' }
  /** RFC 8689 §3 */
  #passOver = false
  #attempts = 0

  constructor(job: Job, call: Call, options: DeliveryOptions, lane: string, recipients: readonly JobRecipient[]) {
    this.#job = job
    this.#call = call
    this.#options = options
    this.#lane = lane
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
    const [first] = this.#ledger.pending
    if (first === undefined) return
    this.#utf8 = await needsUtf8(this.#job)
    await this.#try(first.to.domain)
    if (!this.#secret || mustBeSecret(this.#job) || !this.#noSecretWay) return
    // RFC 8689 §5: a notification goes the safe way where there is one, and another where there is none.
    this.#secret = false
    this.#ledger.forget()
    this.#attempts = 0
    await this.#try(first.to.domain)
  }

  async #try(domain: string): Promise<void> {
    try {
      this.#standing = await this.#standingOf(domain)
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      const { status, message: text } = error
      this.#ledger.noteAll({ kind: 'deferred', status, text })
      return
    }
    this.#passOver = isEnforced(this.#wish) && (await mayPassOverPolicies(this.#job))
    await this.#overIdle()
    if (this.#ledger.left > 0) await this.#overHosts(domain)
  }

  /** Nothing but the wish for TLS all the way stands between those who are left and their mail. */
  get #noSecretWay(): boolean {
    const { hopeful, last } = this.#ledger
    return !hopeful && last.length > 0 && last.every(one => one !== undefined && isAboutTls(one))
  }

  async #standingOf(domain: string): Promise<Standing> {
    const { policies, hosts } = this.#options
    if (policies === undefined) return { kind: 'none', why: 'MTA-STS is not looked at here' }
    const name = policyDomain(domain, hosts.routes)
    if (name === undefined) return { kind: 'none', why: 'the way goes to an address, which has no policy' }
    return policies.of(name, this.#call.signal)
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
    return `${this.#lane}${this.#secret ? ' verified' : ''}${policy}`
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

  async #overHosts(domain: string): Promise<void> {
    const found = await findHosts(domain, this.#options.hosts, this.#call.signal)
    if (found.kind !== 'hosts') {
      const { kind, status, text } = found
      this.#ledger.endAll({ kind, status, text })
      return
    }
    const tally = { none: 0, private: 0, trouble: 0 }
    for (const host of found.hosts) {
      const plan = planFor(host, this.#wish)
      if (plan.kind === 'skip') {
        this.#skip(host, plan.outcome)
        continue
      }
      const addresses = await addressesOf(host, this.#options.hosts, this.#call.signal)
      if (addresses.kind === 'addresses') await this.#overAddresses(host, addresses.addresses, plan)
      else tally[addresses.kind] += 1
      if (this.#ledger.left === 0 || this.#spent) return
    }
    // Not one address to connect to.
    if (this.#attempts === 0 && !this.#ledger.heard) this.#ledger.endAll(unreachableBecause(domain, found.hosts, tally))
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
    for (const address of addresses) {
      if (this.#ledger.left === 0 || this.#spent) return
      this.#attempts += 1
      await this.#attempt({ host: host.name, address, port: host.port }, host.fixed, plan)
    }
  }

  async #attempt(place: Place, fixed: boolean, plan: Going): Promise<void> {
    const remote = `${place.host} [${place.address}]:${place.port}`
    try {
      const session = await this.#open(place, plan, remote)
      if (!fixed && session.peerName.toLowerCase() === this.#options.hosts.ownName) this.#looped(session)
      else await this.#use(session, false)
    } catch (error) {
      const untrusted = this.#secret && error instanceof Trouble && error.kind === 'untrusted'
      if (!untrusted && !(error instanceof Refused && error.reply.code >= 500)) this.#ledger.hope()
      for (const { row } of this.#ledger.pending) this.#ledger.note(outcomeOfError(row, error, remote, plan.demand))
      this.#call.log.info({ remote, why: describe(error) }, 'mail host cannot be used')
    }
  }

  async #open(place: Place, plan: Going, remote: string): Promise<MailSession> {
    const { tls, proof } = plan
    const options = { ...this.#options.session, tls, ...(proof === undefined ? {} : { proof }) }
    const { log, signal } = this.#call
    const session = await openSession(place, options, signal)
    if (session.downgraded) log.warn({ remote, why: session.clear }, 'sending in clear after a TLS failure')
    const objection = objectionOf(session, plan, this.#wish)
    if (objection !== undefined) log.info({ remote, why: objection }, 'sending although an MTA-STS policy objects')
    return { ...session, security: securityWords(session, plan, this.#wish) }
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
