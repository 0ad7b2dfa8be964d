/**
 * Which MTA-STS policy holds for a domain now (RFC 8461 §5.1). Policies are kept in the plugin's state, so that they last over restarts and
 * are known to all workers. One that has not expired holds whatever the name service and the policy host say or fail to say: somebody
 * who can make them silent must not be able to make us careless.
 */
import type { Clock, Log, Metrics, Resolver, State, TlsFailure } from 'posthouse/api'
import { ReadError } from 'posthouse/text'
import { Trouble } from '../client/trouble.js'
import { type FetchOptions, fetchPolicy, PolicyTrouble } from './fetch.js'
import { type Mode, type Policy, readPolicy, readRecord } from './policy.js'

/** What holds for mail to a domain. */
export type Standing =
  /** `failure`: there should be one. */
  | { readonly kind: 'none'; readonly why: string; readonly failure?: TlsFailure }
  | {
      readonly kind: 'policy'
      readonly domain: string
      readonly id: string
      readonly mode: Exclude<Mode, 'none'>
      readonly mx: readonly string[]
      readonly maxAgeSeconds: number
    }

export interface PoliciesOptions extends FetchOptions {
  readonly dns: Resolver
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Fires when the plugin ends. */
  readonly signal: AbortSignal
}

interface Kept extends Policy {
  readonly id: string
  /** When it was fetched. */
  readonly at: number
}

interface Failure {
  readonly id: string
  readonly why: string
  readonly failure: TlsFailure
}

/** RFC 8461 §3.3: policies are fetched anew before they expire. */
const REFRESH_MS = 24 * 3_600_000
/** RFC 8461 §3.3: no sooner after a failure, for the same id. */
const FAILURE_MS = 5 * 60_000
/** A policy that is not to be kept at all still serves the mails of a moment. */
const LEAST_MS = 60_000

export class Policies {
  readonly #options: PoliciesOptions
  readonly #looking = new Map<string, Promise<Standing>>()

  constructor(options: PoliciesOptions) {
    this.#options = options
  }

  /** `domain`: A-labels, lower case. Throws `Trouble` when the delivery or the plugin ends. Mails to one domain share a look-up; each leaves it when its own signal fires. */
  async of(domain: string, signal: AbortSignal): Promise<Standing> {
    const under = this.#looking.get(domain)
    if (under !== undefined) return leaveOn(signal, under)
    const looking = this.#look(domain).finally(() => this.#looking.delete(domain))
    this.#looking.set(domain, looking)
    return leaveOn(signal, looking)
  }

  async #look(domain: string): Promise<Standing> {
    const { clock } = this.#options
    const kept = await this.#kept(domain)
    const published = await this.#published(domain)
    if (published.id === undefined) return kept === undefined ? none(published.why) : standing(domain, kept)
    if (kept?.id === published.id && clock.now() - kept.at < REFRESH_MS) return standing(domain, kept)
    const failed = await this.#failure(domain)
    if (failed?.id === published.id)
      return kept === undefined ? none(failed.why, failed.failure) : standing(domain, kept)
    return this.#renewed(domain, published.id, kept)
  }

  async #renewed(domain: string, id: string, kept: Kept | undefined): Promise<Standing> {
    const { state, clock, log, metrics, signal } = this.#options
    try {
      const policy = readPolicy(await fetchPolicy(domain, this.#options, signal))
      const fresh: Kept = { ...policy, id, at: clock.now() }
      await state.put(policyKey(domain), JSON.stringify(fresh), fresh.at + Math.max(LEAST_MS, maxAgeMs(policy)))
      metrics.count('mx.sts-fetched')
      log.info({ domain, id, mode: policy.mode, mx: policy.mx.length }, 'MTA-STS policy fetched')
      return standing(domain, fresh)
    } catch (error) {
      if (!(error instanceof PolicyTrouble || error instanceof ReadError)) throw error
      // That we end is no failure of theirs: the mail is tried again with all that belongs to it.
      if (signal.aborted) throw cancelled()
      const why = `the MTA-STS policy of ${domain} could not be had: ${error.message}`
      const failure = error instanceof PolicyTrouble ? error.failure : 'sts-policy-invalid'
      const noted: Failure = { id, why, failure }
      await state.put(failureKey(domain), JSON.stringify(noted), clock.now() + FAILURE_MS)
      metrics.count('mx.sts-failed')
      const facts = { domain, id, why: error.message, kept: kept?.mode ?? 'nothing' }
      // RFC 8461 §3.3: an admin is to hear when the policy that protects mail cannot be renewed.
      if (kept !== undefined && kept.mode !== 'none') log.warn(facts, 'MTA-STS policy cannot be renewed')
      else log.info(facts, 'MTA-STS policy cannot be fetched')
      return kept === undefined ? none(why, failure) : standing(domain, kept)
    }
  }

  async #published(domain: string): Promise<{ readonly id?: string; readonly why: string }> {
    const { dns, signal } = this.#options
    try {
      const id = readRecord(await dns.txt(`_mta-sts.${domain}`, signal))
      return { why: `${domain} has no MTA-STS policy`, ...(id === undefined ? {} : { id }) }
    } catch {
      return { why: `the name service did not say whether ${domain} has an MTA-STS policy` }
    }
  }

  async #kept(domain: string): Promise<Kept | undefined> {
    const { state, clock } = this.#options
    const text = await state.get(policyKey(domain), clock.now())
    return text === undefined ? undefined : (JSON.parse(text) as Kept)
  }

  async #failure(domain: string): Promise<Failure | undefined> {
    const { state, clock } = this.#options
    const text = await state.get(failureKey(domain), clock.now())
    return text === undefined ? undefined : (JSON.parse(text) as Failure)
  }
}

function policyKey(domain: string): string {
  return `sts/${domain}`
}

function failureKey(domain: string): string {
  return `sts-failure/${domain}`
}

function maxAgeMs({ maxAgeSeconds }: Policy): number {
  return maxAgeSeconds * 1000
}

function standing(domain: string, { mode, mx, id, maxAgeSeconds }: Kept): Standing {
  if (mode === 'none') return none(`the MTA-STS policy of ${domain} has mode none`)
  return { kind: 'policy', domain, id, mode, mx, maxAgeSeconds }
}

function none(why: string, failure?: TlsFailure): Standing {
  return { kind: 'none', why, ...(failure === undefined ? {} : { failure }) }
}

function cancelled(): Trouble {
  return new Trouble('cancelled', 'delivery was cancelled')
}

function leaveOn<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const leave = () => reject(cancelled())
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}
