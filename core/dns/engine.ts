/**
 * The engine behind our resolver: node:dns `Resolver` (c-ares), which retries, falls back to TCP and takes `ip:port` per server.
 * It alone knows c-ares' error codes. "No such name" and "no such record" are empty answers here; everything else is thrown as
 * `dns-unavailable`. Answers come back bounded and checked: at most 100 records, names and addresses valid.
 */
import { Resolver as Cares } from 'node:dns/promises'
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { MailError } from '../api/index.js'
import { answerName } from './names.js'

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
const MAX_RECORDS = 100
/** One TXT record, all its strings put together. */
const MAX_TEXT = 8192

export function caresEngine(options: EngineOptions): Engine {
  const cares = new Cares({ timeout: options.timeoutMs, tries: options.tries })
  if (options.servers !== 'system') cares.setServers(options.servers)
  return {
    async ask(question, name) {
      try {
        return await put(cares, question, name)
      } catch (error) {
        return emptyOrThrow(error, question, name)
      }
    },
  }
}

async function put(cares: Cares, question: Question, name: string): Promise<Answer> {
  switch (question) {
    case 'a':
      return addresses(await cares.resolve4(name, { ttl: true }), isIPv4)
    case 'aaaa':
      return addresses(await cares.resolve6(name, { ttl: true }), isIPv6)
    case 'mx':
      return { records: exchanges(await cares.resolveMx(name)) }
    case 'txt':
      return { records: bounded(await cares.resolveTxt(name)).map(parts => parts.join('').slice(0, MAX_TEXT)) }
    case 'ptr':
      return { records: isIP(name) === 0 ? [] : hostNames(await cares.reverse(name)) }
  }
}

function addresses(found: readonly { address: string; ttl: number }[], valid: (text: string) => boolean): Answer {
  const kept = bounded(found).filter(record => valid(record.address))
  const ttl = Math.min(...kept.map(record => record.ttl))
  return { records: kept.map(record => record.address), ...(Number.isFinite(ttl) ? { ttl } : {}) }
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

function bounded<T>(records: readonly T[]): readonly T[] {
  return records.slice(0, MAX_RECORDS)
}

function emptyOrThrow(error: unknown, question: Question, name: string): Answer {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  // RFC 8020 and RFC 2308 §2: NXDOMAIN and NODATA are answers, not trouble.
  if (code === 'ENOTFOUND' || code === 'ENODATA') return { records: [] }
  throw new MailError('dns-unavailable', `${question.toUpperCase()} ${name}: ${code || String(error)}`, error)
}
