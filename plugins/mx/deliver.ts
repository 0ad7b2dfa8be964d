/**
 * Delivers one job: finds the hosts, goes through them in order, and gathers one outcome per recipient.
 * A host that is down, refuses to talk or says 4xx is followed by the next one; a 5xx for mail offered is final; silence after the
 * final dot ends the attempt, as another host would make a second copy.
 */
import type { DeliveryCall, Job, JobRecipient, Outcome } from 'posthouse/api'
import { reachable } from './addresses/reachable.js'
import { goesOn, isFull, nextBatch, noteBatch } from './batch.js'
import { type Place, remoteOf } from './client/connection.js'
import type { MailSession } from './client/session.js'
import { type RecipientResult, transact } from './client/transaction.js'
import { Refused, Trouble } from './client/trouble.js'
import { type Destination, destinationsOf } from './destinations.js'
import { findHosts, type Host, isBackup } from './hosts.js'
import { Ledger } from './ledger.js'
import { isSpeakable, mailFor, needsUtf8 } from './mail.js'
import { unreachableBecause } from './nowhere.js'
import { type Impossible, mustBeSecret, type Offer, offerTo } from './offer.js'
import { complain, type Errand, localFor, openFor, placeOf, sourceWords } from './opening.js'
import type { DeliveryOptions } from './options.js'
import { outcomeOf, outcomeOfError } from './outcomes.js'
import { Planner } from './planner.js'
import { resultOfSkip } from './results.js'
import { Room, type Shortage } from './room.js'
import type { Going, Plan } from './security.js'
import type { Source } from './sources/pools.js'
import { type Turn, Turns } from './sources/turns.js'

/** One destination after the other; usually there is one. */
export async function deliverJob(job: Job, call: DeliveryCall, options: DeliveryOptions): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const destination of destinationsOf(job, options.hosts.routes, options.sources?.pools)) {
    outcomes.push(...(await new Delivery(job, call, options, destination).run()))
  }
  return outcomes
}

class Delivery {
  readonly #job: Job
  readonly #call: DeliveryCall
  readonly #room: Room
  readonly #options: DeliveryOptions
  readonly #to: Destination
  /** RFC 8689: verified TLS or nothing. Such sessions are not mixed with others. */
  #secret: boolean
  readonly #ledger = new Ledger()
  #utf8 = false
  readonly #planner: Planner
  #attempts = 0
  /** Left out: the system chooses our address. */
  #source: Source | undefined
  /** What a source could not be used for: hosts it has no address for, or it is none of ours. */
  #stuck = 0
  /** Whichever host is asked next is of no use: it would refuse our login too, or bring the mail back. */
  #barred = false
  /** Of best preference. */
  #best: Host | undefined
  /** The place of an open session in which everybody got an answer: it is not asked again at once in another. */
  #answered: string | undefined
  /** Recipients that a peer took, or may have taken. */
  #taken = 0

  constructor(job: Job, call: DeliveryCall, options: DeliveryOptions, to: Destination) {
    this.#job = job
    this.#call = call
    this.#options = options
    this.#to = to
    this.#secret = job.requireTls === true
    this.#room = new Room(call, options.session.now)
    this.#planner = new Planner(job, to, options, call.signal)
    for (const recipient of to.recipients) this.#admit(recipient)
  }

  /** A bug or a store that fails in the middle must not hide what was delivered already. */
  async run(): Promise<readonly Outcome[]> {
    try {
      await this.#all()
    } catch (error) {
      this.#call.log.error({ err: error }, 'delivery broke off')
      this.#ledger.endAll({ kind: 'deferred', status: '4.3.0', text: 'internal error while delivering' })
    }
    await this.#room.end()
    return this.#ledger.close(this.#call.signal.aborted ? 'delivery was cancelled' : 'no mail host could be tried')
  }

  async #all(): Promise<void> {
    if (this.#ledger.left === 0) return
    this.#utf8 = await needsUtf8(this.#job)
    const { choice } = this.#to
    const { sources } = this.#options
    if (choice === undefined || sources === undefined) return this.#asWished()
    const turns = new Turns(choice.pool, sources)
    for await (const turn of turns) {
      if (!(await this.#bySource(turn))) return
    }
    if (!this.#ledger.heard) this.#ledger.noteAll(turns.nobody)
  }

  /** True when the next source should be asked: nothing could go out by this one at all, or its limit is reached. */
  async #bySource({ source, leave }: Turn): Promise<boolean> {
    this.#source = source
    this.#attempts = 0
    this.#stuck = 0
    this.#room.turn()
    try {
      await this.#asWished()
    } finally {
      if (this.#taken === 0) await leave.giveBack()
    }
    const elsewhere = this.#room.short === 'own' || this.#stuck > 0
    return this.#ledger.left > 0 && elsewhere && this.#attempts === 0 && this.#answered === undefined
  }

  async #asWished(): Promise<void> {
    await this.#try()
    if (!this.#secret || mustBeSecret(this.#job) || !this.#ledger.noSecretWay) return
    // RFC 8689 §5: a notification goes the safe way where there is one, and another where there is none.
    this.#secret = false
    this.#ledger.forget()
    this.#attempts = 0
    await this.#try()
  }

  async #try(): Promise<void> {
    try {
      await this.#planner.begin(this.#secret)
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      const { status, message: text } = error
      this.#ledger.noteAll({ kind: 'deferred', status, text })
      return
    }
    await this.#overIdle()
    if (this.#ledger.left > 0) await this.#overHosts()
  }

  /** Sessions with the same proof: one that was opened before a policy was known is not used under it. */
  get #pooled(): string {
    const site = this.#planner.shares ? this.#options.sites?.of(this.#job.lane) : undefined
    const shared = site === undefined ? this.#to.key : `site ${site} by ${this.#to.choice?.pool.name ?? ''}`
    return `${shared}${this.#source === undefined ? '' : ` ${this.#source.says}`}${this.#planner.key}`
  }

  #admit(recipient: JobRecipient): void {
    this.#ledger.admit(recipient)
    if (!isSpeakable(recipient))
      this.#ledger.end({ kind: 'failed', row: recipient.row, status: '5.1.3', text: 'the address cannot be written' })
  }

  /** A session of an earlier job may still be open. If it has died meanwhile, nothing is lost but a moment. */
  async #overIdle(): Promise<void> {
    const session = this.#options.pool.take(this.#pooled)
    if (session === undefined) return
    const suited = await this.#planner.suited(session)
    if (suited === undefined) session.connection.quit()
    else await this.#use(suited, true)
  }

  async #overHosts(): Promise<void> {
    const { hosts: options } = this.#options
    const { domain, route } = this.#to
    const refused = route === undefined ? undefined : this.#options.logins?.of(route.id)
    if (refused !== undefined) {
      this.#ledger.noteAll({ kind: 'deferred', status: '4.7.0', text: refused })
      return
    }
    const found = await findHosts(domain, route, options, this.#call.signal)
    if (found.kind !== 'hosts') {
      this.#ledger.endAll(found)
      return
    }
    if (route === undefined) this.#options.sites?.learn(this.#job.lane, found.exchanges ?? [])
    this.#best = found.hosts[0]
    const tally = { none: 0, private: 0, trouble: 0, own: 0 }
    for await (const [host, addresses] of reachable(found.hosts, options, this.#call.signal)) {
      const plan = await this.#planner.planOf(host, addresses)
      if (addresses.kind === 'own') tally.own += 1
      else if (plan.kind === 'skip') this.#skip(host, plan)
      else if (addresses.kind === 'addresses') await this.#overAddresses(host, addresses.addresses, plan)
      else tally[addresses.kind] += 1
      if (this.#ledger.left === 0 || this.#spent) return
    }
    // Not one address to connect to.
    if (this.#attempts === 0 && !this.#ledger.heard) this.#ledger.endAll(unreachableBecause(domain, found.hosts, tally))
  }

  get #spent(): boolean {
    const stopped = this.#call.signal.aborted || this.#barred || this.#room.short !== undefined
    return stopped || this.#attempts >= this.#options.maxAttempts
  }

  /** RFC 8461 §8.4: the order of the hosts stays, and such a one counts as one that cannot be reached. */
  #skip(host: Host, plan: Extract<Plan, { kind: 'skip' }>): void {
    const { outcome } = plan
    const result = resultOfSkip(this.#planner.subjectOf(host), plan)
    if (result !== undefined) this.#options.results?.note(result)
    if (outcome.kind === 'deferred') this.#ledger.hope()
    this.#ledger.noteAll(outcome)
    this.#call.log.info({ remote: host.name, why: outcome.text }, 'mail host cannot be used')
  }

  async #overAddresses(host: Host, addresses: readonly string[], plan: Going): Promise<void> {
    const unasked = addresses.map(address => placeOf(host, address)).filter(place => remoteOf(place) !== this.#answered)
    const places = unasked.filter(place => this.#fits(place))
    for (const [at, place] of places.entries()) {
      if (this.#ledger.left === 0 || this.#spent) return
      const later = places.slice(at + 1).map(({ address }) => address)
      const errand = { host, place, later, plan, subject: this.#planner.subjectOf(host) }
      const { chunkless } = this.#options.offer
      const chunks = !chunkless.has(remoteOf(place))
      await this.#attempt(errand)
      // BDAT turned out not to work there, and nothing was taken: once more, by DATA.
      const again = chunks && chunkless.has(remoteOf(place)) && this.#ledger.left > 0 && !this.#call.signal.aborted
      if (again) await this.#attempt(errand)
    }
  }

  /** Whether our source can go there. */
  #fits(place: Place): boolean {
    const source = this.#source
    if (source === undefined || place.path !== undefined || localFor(source, place) !== undefined) return true
    this.#stuck += 1
    const text = `${remoteOf(place)} cannot be reached from ${source.says}, which has no address of that family`
    // RFC 3463 §3.4: 4.3.5. It is our pool that lacks something, and not the host.
    if (!this.#ledger.heard) this.#ledger.remarkAll({ kind: 'deferred', status: '4.3.5', text, source: source.says })
    return false
  }

  async #attempt(plain: Errand): Promise<void> {
    const errand = { ...plain, ...(this.#source === undefined ? {} : { source: this.#source }) }
    const remote = remoteOf(errand.place)
    if (!(await this.#mayConnect(errand.place))) return
    this.#attempts += 1
    try {
      const session = { ...(await openFor(errand, this.#options, this.#call)), domain: this.#to.domain }
      if (!errand.host.fixed && this.#isOurs(session.peerName)) this.#looped(session, errand.host)
      else await this.#use(session, false)
    } catch (error) {
      const untrusted = this.#secret && error instanceof Trouble && error.kind === 'untrusted'
      if (!untrusted && !(error instanceof Refused && error.reply.code >= 500)) this.#ledger.hope()
      const source = sourceWords(errand)
      for (const { row } of this.#ledger.pending) {
        const outcome = outcomeOfError(row, error, remote, errand.plan.demand)
        this.#ledger.note(source === undefined ? outcome : { ...outcome, source })
      }
      this.#remember(error)
      complain(error, { remote, route: this.#to.route?.id, source }, this.#call)
    }
  }

  /** Nobody is called only to hear that there is no room for the message. */
  async #mayConnect(place: Place): Promise<boolean> {
    const local = this.#localFor(place)
    const message = { kind: 'message', recipients: this.#ledger.left, bytes: this.#job.size } as const
    return this.#orLater(
      (await this.#room.reserve(message, local)) ?? (await this.#room.ask({ kind: 'connection' }, local)),
    )
  }

  #localFor(place: Place): string | undefined {
    return this.#source === undefined ? undefined : localFor(this.#source, place)
  }

  /** False: a limit is reached, and all of whom no host has said anything come later. */
  #orLater(short: Shortage | undefined): boolean {
    if (short === undefined) return true
    this.#ledger.hope()
    // RFC 3463 §3.5: 4.4.5, too much to carry just now.
    this.#ledger.remarkAll({ kind: 'deferred', status: '4.4.5', ...short, untried: true })
    return false
  }

  #remember(error: unknown): void {
    if (!(error instanceof Trouble)) return
    const { route } = this.#to
    if (error.kind === 'login' && route !== undefined) {
      this.#options.logins?.note(route.id, error.message)
      this.#barred = true
    }
    if (error.kind !== 'bind' || this.#source === undefined) return
    this.#options.sources?.rests.note(this.#source.says, error.message)
    this.#stuck += 1
    this.#attempts -= 1
  }

  #isOurs(peerName: string): boolean {
    const name = peerName.toLowerCase()
    const { hosts, session, sources } = this.#options
    return name === hosts.ownName || name === session.helo.toLowerCase() || (sources?.pools.helos.has(name) ?? false)
  }

  /** Transactions in this session until everybody is served or the peer takes no more. */
  async #use(session: MailSession, idle: boolean): Promise<void> {
    const wish = { utf8: this.#utf8, secret: this.#secret, now: this.#options.session.now() }
    const offer = await offerTo(session, this.#job, wish, this.#options.offer)
    if (offer.kind === 'offer' || !offer.elsewhere) this.#ledger.hope()
    if (offer.kind === 'impossible') this.#refuse(session, offer)
    else if (offer.converted) this.#call.log.info({ remote: session.connection.remote }, 'converted to 7 bits')
    let going = this.#ledger.left > 0
    // RFC 9422 §4.1: no more messages than the peer takes in one session; who is left over waits for the next attempt.
    const most = session.extensions.maxMessages ?? Number.POSITIVE_INFINITY
    const answered = new Set<number>()
    while (offer.kind === 'offer' && going && session.uses < most)
      going = await this.#once(session, offer, idle, answered)
    this.#options.pool.give(this.#pooled, session)
  }

  #refuse({ connection: { remote } }: MailSession, { elsewhere, status, text }: Impossible): void {
    const outcome = { kind: 'failed', status, text, remote } as const
    if (elsewhere) this.#ledger.noteAll(outcome)
    else this.#ledger.endAll(outcome)
  }

  #noteChunkless(remote: string): void {
    this.#options.offer.chunkless.note(remote)
    this.#call.log.info({ remote }, 'CHUNKING does not work at this mail host')
  }

  /**
   * True when the same session should be offered the rest: it took some and put off others (RFC 5321 §4.5.3.1.10).
   * `answered`: rows it has said something of; they are not offered to it again.
   */
  async #once(
    session: MailSession,
    { job, extensions }: Offer,
    idle: boolean,
    answered: Set<number>,
  ): Promise<boolean> {
    const { session: options, paces } = this.#options
    const pending = this.#ledger.pending.filter(({ row }) => !answered.has(row))
    const recipients = nextBatch(pending, session, paces.atOnce(this.#to.key))
    if (recipients.length === 0) return false
    const more = recipients.length < pending.length
    const message = { kind: 'message', recipients: recipients.length, bytes: job.size } as const
    const local = this.#localFor(session.connection.place)
    if (!this.#orLater(await this.#room.reserve(message, local))) return false
    const mail = mailFor(job, recipients, extensions, this.#utf8, options.now(), this.#secret)
    const done = await transact(session, mail, options.limits, this.#call.signal, options.now)
    const { results, stale, chunkless, paceMs } = done
    if (idle && stale) return false
    this.#room.spent()
    noteBatch(recipients, session)
    if (paceMs !== undefined) paces.note(this.#to.key, paceMs)
    if (chunkless) this.#noteChunkless(session.connection.remote)
    for (const [row, result] of results) {
      const outcome = this.#asOurs(outcomeOf(row, result, session), result)
      const unknown = result.kind === 'broken' && result.unknown
      if (result.kind === 'accepted' || unknown) this.#taken += 1
      if (!isFull(result)) answered.add(row)
      if (outcome.kind !== 'deferred' || unknown) this.#ledger.end(outcome)
      else this.#ledger.note(outcome)
    }
    const { quiet, remote } = session.connection
    if (idle && quiet && !more && ![...results.values()].some(isFull)) this.#answered = remote
    return goesOn(results.values(), more) && quiet
  }

  /** RFC 4954 §6: a smarthost that wants a login, or another one, has something against us and not against the mail. */
  #asOurs(outcome: Outcome, result: RecipientResult): Outcome {
    const { route } = this.#to
    const about = result.kind === 'refused' && [530, 534, 535, 538].includes(result.reply.code)
    if (!about || outcome.kind !== 'failed' || route === undefined || route.stops.length === 0) return outcome
    const { row, remote, source, text } = outcome
    const facts = { ...(remote === undefined ? {} : { remote }), ...(source === undefined ? {} : { source }) }
    this.#call.log.error({ ...facts, route: route.id, why: text }, 'cannot log in at the mail host')
    // Without the reply: what it says of mail is not meant.
    return { kind: 'deferred', row, status: '4.7.0', text, ...facts }
  }

  /** RFC 5321 §5.1: hosts of our preference and worse would only send the mail back. Where there are better ones it waits for them. */
  #looped({ connection }: MailSession, { by }: Host): void {
    const { remote } = connection
    const text = `${remote} calls itself by our own name: mail loop`
    this.#barred = true
    if (isBackup(by, this.#best?.by)) this.#ledger.remarkAll({ kind: 'deferred', status: '4.4.6', text, remote })
    else this.#ledger.endAll({ kind: 'failed', status: '5.4.6', text, remote })
    connection.quit()
  }
}
