/**
 * The one resolver everything in Posthouse asks (api `Resolver`, and `ValidatedResolver` over the same answers): a deadline on every question, answers
 * kept by their TTL, "no" as long as the zone says, and identical questions asked at the same time share one query.
 * With no server configured nothing is ever sent: every question throws `dns-unavailable` and says what to set.
 */
import { isIP } from 'node:net'
import { type Clock, MailError, type Resolver, type Validated, type ValidatedResolver } from '../api/index.js'
import { AnswerCache } from './cache.js'
import { type Answer, type Engine, resolverEngine } from './engine.js'
import { oddName, questionName } from './names.js'
import type { WireQuestion } from './packet.js'
import { leaveOn, withDeadline } from './waiting.js'

export interface ResolverOptions {
  /** None: nothing may be looked up. `ip:port` each, or the system's own list. */
  readonly servers: readonly string[] | 'system'
  /** Of one try at one server. */
  readonly timeoutMs: number
  readonly tries: number
  /** What the servers say they have validated is believed. */
  readonly trustAd?: boolean
  readonly clock: Clock
  /** Answers kept at most. */
  readonly maxEntries?: number
  /** And octets they take, roughly. */
  readonly maxOctets?: number
  /** For tests: another engine. */
  readonly engine?: Engine
}

const MAX_TTL_MS = 3_600_000
/** RFC 2308 §5 recommends one to three hours at most; mail that waits for a record shall not wait that long. */
const MAX_NEGATIVE_MS = 900_000
/** Questions under way at the same time; more are refused, as nothing could wait for them. */
const MAX_PENDING = 10_000

export function createResolver(options: ResolverOptions): Resolver {
  const asker = new Asker(options)
  const ask = async <T>(question: WireQuestion, name: string, signal?: AbortSignal): Promise<readonly T[]> =>
    (await asker.ask(question, name, signal)).records as readonly T[]
  const configured = options.servers === 'system' || options.servers.length > 0
  return {
    configured,
    ...(configured && options.trustAd === true ? { validated: validatedBy(asker) } : {}),
    mx: (domain, signal) => ask('mx', domain, signal),
    a: (name, signal) => ask('a', name, signal),
    aaaa: (name, signal) => ask('aaaa', name, signal),
    txt: (name, signal) => ask('txt', name, signal),
    ptr: (address, signal) => ask('ptr', address, signal),
  }
}

/** DANE goes by names that can be host names alone: what else there might be nobody vouches for. */
function validatedBy(asker: Asker): ValidatedResolver {
  const ask = async <T>(question: WireQuestion, text: string, signal?: AbortSignal): Promise<Validated<T>> => {
    if (questionName(text) === undefined) return { records: [], secure: false, name: text }
    const { records, secure, name } = await asker.ask(question, text, signal)
    return { records: records as readonly T[], secure, name }
  }
  return {
    mx: (domain, signal) => ask('mx', domain, signal),
    a: (name, signal) => ask('a', name, signal),
    aaaa: (name, signal) => ask('aaaa', name, signal),
    tlsa: (name, signal) => ask('tlsa', name, signal),
    cname: (name, signal) => ask('cname', name, signal),
  }
}

/** The same for everybody: where no server is set it is thrown several times for each mail, and most of what that costs is the trace of calls, which says nothing. */
const NO_SERVERS = new MailError('dns-unavailable', 'no resolver configured: set dns.servers')

class Asker {
  readonly #options: ResolverOptions
  readonly #cache: AnswerCache<Answer>
  readonly #pending = new Map<string, Promise<Answer>>()
  #engine: Engine | undefined

  constructor(options: ResolverOptions) {
    this.#options = options
    this.#cache = new AnswerCache(options.maxEntries ?? 10_000, options.maxOctets ?? 16_000_000)
    this.#engine = options.engine
  }

  async ask(question: WireQuestion, text: string, signal?: AbortSignal): Promise<Answer> {
    if (this.#options.servers.length === 0) throw NO_SERVERS
    const name = question === 'ptr' ? addressOnly(text) : (questionName(text) ?? oddName(text))
    if (name === undefined) return { records: [], secure: false, name: text, ttl: 0 }
    const key = `${question} ${name}`
    const kept = this.#cache.get(key, this.#options.clock.now())
    if (kept !== undefined) return kept
    return leaveOn(signal, this.#shared(key, question, name))
  }

  #shared(key: string, question: WireQuestion, name: string): Promise<Answer> {
    const under = this.#pending.get(key)
    if (under !== undefined) return under
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(new MailError('dns-unavailable', 'too many questions under way'))
    }
    const query = this.#query(key, question, name).finally(() => this.#pending.delete(key))
    this.#pending.set(key, query)
    return query
  }

  async #query(key: string, question: WireQuestion, name: string): Promise<Answer> {
    this.#engine ??= resolverEngine({ ...this.#options, dnssec: this.#options.trustAd === true })
    const answer = await withDeadline(this.#engine.ask(question, name), this.#deadlineMs(), key)
    const ttlMs = Math.min(answer.ttl * 1000, answer.records.length === 0 ? MAX_NEGATIVE_MS : MAX_TTL_MS)
    if (ttlMs > 0) this.#cache.put(key, answer, this.#options.clock.now() + ttlMs)
    return answer
  }

  /** Every try at every server, and as much again for aliases. */
  #deadlineMs(): number {
    const { servers, timeoutMs, tries } = this.#options
    const places = servers === 'system' ? 3 : servers.length
    return Math.min(timeoutMs * tries * places * 2, 60_000)
  }
}

function addressOnly(text: string): string | undefined {
  return isIP(text) === 0 ? undefined : text
}
