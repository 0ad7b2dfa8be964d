/**
 * The one resolver everything in Posthouse asks (api `Resolver`): a deadline on every question, answers kept by their TTL, "no" kept for
 * a minute, and identical questions asked at the same time share one query. Engines stand behind it (`engine.ts`).
 * With no server configured nothing is ever sent: every question throws `dns-unavailable` and says what to set.
 */
import { isIP } from 'node:net'
import { type Clock, MailError, type Resolver } from '../api/index.js'
import { AnswerCache } from './cache.js'
import { type Answer, type Engine, type Question, resolverEngine } from './engine.js'
import { oddName, questionName } from './names.js'
import { createValidated } from './validated.js'
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
  /** For tests: another engine than c-ares. */
  readonly engine?: Engine
}

/** Node tells no TTL for MX, TXT and PTR: they are kept this long, which is short. */
const DEFAULT_TTL_MS = 60_000
const MAX_TTL_MS = 3_600_000
/** RFC 2308 §5 allows up to the SOA's minimum, which c-ares does not show. */
const NEGATIVE_TTL_MS = 60_000
/** Questions under way at the same time; more are refused, as nothing could wait for them. */
const MAX_PENDING = 10_000

export function createResolver(options: ResolverOptions): Resolver {
  const asker = new Asker(options)
  const ask = async <T>(question: Question, name: string, signal?: AbortSignal): Promise<readonly T[]> =>
    (await asker.ask(question, name, signal)) as readonly T[]
  const configured = options.servers === 'system' || options.servers.length > 0
  return {
    configured,
    ...(configured && options.trustAd === true ? { validated: createValidated(options) } : {}),
    mx: (domain, signal) => ask('mx', domain, signal),
    a: (name, signal) => ask('a', name, signal),
    aaaa: (name, signal) => ask('aaaa', name, signal),
    txt: (name, signal) => ask('txt', name, signal),
    ptr: (address, signal) => ask('ptr', address, signal),
  }
}

class Asker {
  readonly #options: ResolverOptions
  readonly #cache: AnswerCache
  readonly #pending = new Map<string, Promise<readonly unknown[]>>()
  #engine: Engine | undefined

  constructor(options: ResolverOptions) {
    this.#options = options
    this.#cache = new AnswerCache(options.maxEntries ?? 10_000, options.maxOctets ?? 16_000_000)
    this.#engine = options.engine
  }

  async ask(question: Question, text: string, signal?: AbortSignal): Promise<readonly unknown[]> {
    if (this.#options.servers.length === 0) {
      throw new MailError('dns-unavailable', 'no resolver configured: set dns.servers')
    }
    const name = question === 'ptr' ? addressOnly(text) : (questionName(text) ?? oddName(text))
    if (name === undefined) return []
    const key = `${question} ${name}`
    const kept = this.#cache.get(key, this.#options.clock.now())
    if (kept !== undefined) return kept
    return leaveOn(signal, this.#shared(key, question, name))
  }

  #shared(key: string, question: Question, name: string): Promise<readonly unknown[]> {
    const under = this.#pending.get(key)
    if (under !== undefined) return under
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(new MailError('dns-unavailable', 'too many questions under way'))
    }
    const query = this.#query(key, question, name).finally(() => this.#pending.delete(key))
    this.#pending.set(key, query)
    return query
  }

  async #query(key: string, question: Question, name: string): Promise<readonly unknown[]> {
    this.#engine ??= resolverEngine(this.#options)
    const answer = await withDeadline(this.#engine.ask(question, name), this.#deadlineMs(), key)
    const ttlMs = keepFor(answer)
    if (ttlMs > 0) this.#cache.put(key, answer.records, this.#options.clock.now() + ttlMs)
    return answer.records
  }

  /** c-ares lengthens its waits from try to try; this is the end of it whatever it does. */
  #deadlineMs(): number {
    const { servers, timeoutMs, tries } = this.#options
    const places = servers === 'system' ? 3 : servers.length
    return Math.min(timeoutMs * tries * places * 2, 60_000)
  }
}

function keepFor(answer: Answer): number {
  if (answer.records.length === 0) return NEGATIVE_TTL_MS
  return answer.ttl === undefined ? DEFAULT_TTL_MS : Math.min(answer.ttl * 1000, MAX_TTL_MS)
}

function addressOnly(text: string): string | undefined {
  return isIP(text) === 0 ? undefined : text
}
