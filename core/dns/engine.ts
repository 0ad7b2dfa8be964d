/**
 * The engines behind our resolver. Most is asked by node:dns `Resolver` (c-ares), which retries, falls back to TCP and takes `ip:port` per server;
 * names that it refuses by our own (`wire.ts`). This file alone knows c-ares' error codes. "No such name" and "no such record" are empty answers here;
 * everything else is thrown as `dns-unavailable`. Answers come back bounded and checked: at most 100 records, names and addresses valid.
 */
import { getServers } from 'node:dns'
import { Resolver as Cares } from 'node:dns/promises'
import { isIPv4, isIPv6 } from 'node:net'
import { MailError } from '../api/index.js'
import { askToTheEnd } from './aliases.js'
import { Recursion } from './lame.js'
import { answerName, arpaName, isOdd } from './names.js'
import type { WireQuestion } from './packet.js'
import { wireEngine } from './wire.js'

export type Question = 'mx' | 'a' | 'aaaa' | 'txt' | 'ptr'

export interface Answer {
  readonly records: readonly unknown[]
  /** Seconds, where the engine tells. */
  readonly ttl?: number
}

export interface Engine {
  ask(question: Question, name: string): Promise<Answer>
}

export interface EngineOptions {
  readonly servers: readonly string[] | 'system'
  readonly timeoutMs: number
  readonly tries: number
}

/** More records than this are a mistake or an attack; the rest is not looked at. */
export const MAX_RECORDS = 100
/** An alias that leads to an alias, and so on: resolvers give up at about as many. */
const MAX_ALIASES = 8
/** One TXT record, all its strings put together. */
const MAX_TEXT = 8192

/** Of names that only our own engine asks for: each question has a socket. */
const MAX_ODD = 200

/** c-ares, and for names it refuses our own. */
export function resolverEngine(options: EngineOptions): Engine {
  const [plain, odd] = [caresEngine(options), oddEngine(options)]
  return { ask: (question, name) => (question !== 'ptr' && isOdd(name) ? odd : plain).ask(question, name) }
}

function oddEngine({ servers, timeoutMs, tries }: EngineOptions): Engine {
  const wire = wireEngine({ servers: () => (servers === 'system' ? getServers() : servers), timeoutMs, tries })
  let pending = 0
  return {
    async ask(question, name) {
      if (pending >= MAX_ODD) throw new MailError('dns-unavailable', 'too many questions under way')
      pending += 1
      try {
        const { records, ttl } = await askToTheEnd(wire, question as WireQuestion, name)
        return { records: question === 'txt' ? texts(records as readonly string[], name) : bounded(records), ttl }
      } finally {
        pending -= 1
      }
    },
  }
}

function caresEngine(options: EngineOptions): Engine {
  const cares = new Cares({ timeout: options.timeoutMs, tries: options.tries })
  if (options.servers !== 'system') cares.setServers(options.servers)
  const recursion = new Recursion()
  return {
    async ask(question, text) {
      const name = question === 'ptr' ? arpaName(text) : text
      try {
        const answer = await put(cares, question, name)
        if (answer.seen > 0) return answer
        // "No data" is looked at twice: somebody may be refused for it.
        const servers = cares.getServers()
        if (!(await recursion.isCertain({ servers, question, name, timeoutMs: options.timeoutMs }, Date.now())))
          throw new MailError('dns-unavailable', `${question.toUpperCase()} ${name}: the server is not responsible`)
        await insistOnEnd(cares, name)
        return { records: [] }
      } catch (error) {
        // RFC 8020: NXDOMAIN is an answer, not trouble.
        if (codeOf(error) === 'ENOTFOUND') return { records: [] }
        if (error instanceof MailError) throw error
        throw new MailError('dns-unavailable', `${question.toUpperCase()} ${name}: ${codeOf(error)}`, error)
      }
    },
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

/** RFC 1034 §3.6.2: aliases that lead in a circle are an error of the zone; what would stand at the end is not known. */
async function insistOnEnd(cares: Cares, name: string): Promise<void> {
  const seen = new Set<string>()
  for (let at: string | undefined = name; at !== undefined; ) {
    if (seen.has(at) || seen.size >= MAX_ALIASES) throw new MailError('dns-unavailable', `${name}: aliases without end`)
    seen.add(at)
    at = await nextAlias(cares, at)
  }
}

async function nextAlias(cares: Cares, name: string): Promise<string | undefined> {
  try {
    return (await cares.resolveCname(name))[0]?.toLowerCase()
  } catch (error) {
    if (codeOf(error) === 'ENODATA' || codeOf(error) === 'ENOTFOUND') return undefined
    throw error
  }
}

interface Seen extends Answer {
  /** Records before any was found unfit. */
  readonly seen: number
}

/** RFC 2308 §2.2: NODATA is an answer. c-ares says it by an error, or of aliases without an end by an empty success. */
async function put(cares: Cares, question: Question, name: string): Promise<Seen> {
  try {
    return await putOnce(cares, question, name)
  } catch (error) {
    if (codeOf(error) === 'ENODATA') return { records: [], seen: 0 }
    throw error
  }
}

async function putOnce(cares: Cares, question: Question, name: string): Promise<Seen> {
  switch (question) {
    case 'a':
      return addresses(await cares.resolve4(name, { ttl: true }), isIPv4)
    case 'aaaa':
      return addresses(await cares.resolve6(name, { ttl: true }), isIPv6)
    case 'mx': {
      const found = await cares.resolveMx(name)
      return { records: exchanges(found), seen: found.length }
    }
    case 'txt': {
      const found = await cares.resolveTxt(name)
      return {
        records: texts(
          found.map(parts => parts.join('')),
          name,
        ),
        seen: found.length,
      }
    }
    case 'ptr': {
      // Not cares.reverse: it takes SERVFAIL for "no name" and looks into the hosts file.
      const found = await cares.resolvePtr(name)
      return { records: hostNames(found), seen: found.length }
    }
  }
}

function addresses(found: readonly { address: string; ttl: number }[], valid: (text: string) => boolean): Seen {
  const kept = bounded(found).filter(record => valid(record.address))
  const ttl = Math.min(...kept.map(record => record.ttl))
  const records = kept.map(record => record.address)
  return { records, seen: found.length, ...(Number.isFinite(ttl) ? { ttl } : {}) }
}

function exchanges(found: readonly { priority: number; exchange: string }[]): readonly unknown[] {
  return bounded(found).flatMap(({ priority, exchange }) => {
    const name = answerName(exchange)
    return name === undefined ? [] : [{ preference: priority, exchange: name }]
  })
}

function hostNames(found: readonly string[]): readonly string[] {
  return bounded(found).flatMap(text => answerName(text) || [])
}

/** What is left out or cut might be the very record that says who may send; who has so much is not known, rather than said to have nothing. */
function texts(found: readonly string[], name: string): readonly string[] {
  if (found.length <= MAX_RECORDS && found.every(({ length }) => length <= MAX_TEXT)) return found
  throw new MailError('dns-unavailable', `TXT ${name}: more than anybody should have to read`)
}

function bounded<T>(records: readonly T[]): readonly T[] {
  return records.slice(0, MAX_RECORDS)
}
