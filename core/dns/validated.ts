/**
 * Look-ups that say whether DNSSEC vouches for them (api `ValidatedResolver`), over `wire.ts`: aliases followed, answers kept by their TTL, "no" as
 * long as the zone says, questions asked at the same time shared. `secure` of an alias holds only when all of its way does.
 */
import { getServers } from 'node:dns'
import { type Clock, MailError, type Validated, type ValidatedResolver } from '../api/index.js'
import { askToTheEnd } from './aliases.js'
import { AnswerCache } from './cache.js'
import { questionName } from './names.js'
import type { WireQuestion } from './packet.js'
import { leaveOn, withDeadline } from './waiting.js'
import { type WireEngine, wireEngine } from './wire.js'

export interface ValidatedOptions {
  readonly servers: readonly string[] | 'system'
  readonly timeoutMs: number
  readonly tries: number
  readonly clock: Clock
  readonly maxEntries?: number
  readonly maxOctets?: number
}

type Answer = Validated<unknown>

const MAX_TTL_MS = 3_600_000
const MAX_NEGATIVE_MS = 900_000
/** Questions under way; each has a socket. */
const MAX_PENDING = 1000

export function createValidated(options: ValidatedOptions): ValidatedResolver {
  const asker = new Asker(options)
  const ask = async <T>(question: WireQuestion, name: string, signal?: AbortSignal): Promise<Validated<T>> =>
    (await asker.ask(question, name, signal)) as Validated<T>
  return {
    mx: (domain, signal) => ask('mx', domain, signal),
    a: (name, signal) => ask('a', name, signal),
    aaaa: (name, signal) => ask('aaaa', name, signal),
    tlsa: (name, signal) => ask('tlsa', name, signal),
    cname: (name, signal) => ask('cname', name, signal),
  }
}

class Asker {
  readonly #clock: Clock
  readonly #engine: WireEngine
  readonly #cache: AnswerCache
  readonly #pending = new Map<string, Promise<Answer>>()
  readonly #deadlineMs: number

  constructor({ servers, timeoutMs, tries, clock, maxEntries = 10_000, maxOctets = 16_000_000 }: ValidatedOptions) {
    this.#clock = clock
    this.#cache = new AnswerCache(maxEntries, maxOctets)
    this.#engine = wireEngine({ servers: () => (servers === 'system' ? getServers() : servers), timeoutMs, tries })
    const places = servers === 'system' ? 3 : servers.length
    this.#deadlineMs = Math.min(timeoutMs * tries * places * 2, 60_000)
  }

  async ask(question: WireQuestion, text: string, signal?: AbortSignal): Promise<Answer> {
    const name = questionName(text)
    // No such name can exist, and nobody vouches for that.
    if (name === undefined) return { records: [], secure: false, name: text }
    const key = `${question} ${name}`
    const [kept] = this.#cache.get(key, this.#clock.now()) ?? []
    if (kept !== undefined) return kept as Answer
    return leaveOn(signal, this.#shared(key, question, name))
  }

  #shared(key: string, question: WireQuestion, name: string): Promise<Answer> {
    const under = this.#pending.get(key)
    if (under !== undefined) return under
    if (this.#pending.size >= MAX_PENDING)
      return Promise.reject(new MailError('dns-unavailable', 'too many questions under way'))
    const query = this.#query(key, question, name).finally(() => this.#pending.delete(key))
    this.#pending.set(key, query)
    return query
  }

  async #query(key: string, question: WireQuestion, name: string): Promise<Answer> {
    const work = askToTheEnd(this.#engine, question, name)
    const { ttl, records, secure, name: end } = await withDeadline(work, this.#deadlineMs, key)
    const answer = { records, secure, name: end }
    const longest = answer.records.length === 0 ? MAX_NEGATIVE_MS : MAX_TTL_MS
    const ttlMs = Math.min(ttl * 1000, longest)
    if (ttlMs > 0) this.#cache.put(key, [answer], this.#clock.now() + ttlMs)
    return answer
  }
}
