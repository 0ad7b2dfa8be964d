/**
 * What is behind the resolver: one question, its aliases followed to their end, its answer bounded. "No such name" and "no such record" are empty
 * answers here; everything else is thrown as `dns-unavailable`.
 */
import { getServers } from 'node:dns'
import { MailError } from '../api/index.js'
import { askToTheEnd } from './aliases.js'
import { arpaName } from './names.js'
import type { WireQuestion, WireRecord } from './packet.js'
import { wireEngine } from './wire.js'

export interface Answer {
  readonly records: readonly WireRecord[]
  /** DNSSEC vouches for it and for all aliases on the way, as the server says. */
  readonly secure: boolean
  /** The end of the aliases. */
  readonly name: string
  /** Seconds. */
  readonly ttl: number
}

export interface Engine {
  /** `ptr` is asked about an address. */
  ask(question: WireQuestion, name: string): Promise<Answer>
}

export interface EngineOptions {
  readonly servers: readonly string[] | 'system'
  readonly timeoutMs: number
  readonly tries: number
  readonly dnssec?: boolean
}

/** More records than this are a mistake or an attack; the rest is not looked at. */
export const MAX_RECORDS = 100
/** One TXT record, all its strings put together. */
const MAX_TEXT = 8192

export function resolverEngine({ servers, ...options }: EngineOptions): Engine {
  const wire = wireEngine({ ...options, servers: servers === 'system' ? getServers() : servers })
  return {
    async ask(question, name) {
      const answer = await askToTheEnd(wire, question, question === 'ptr' ? arpaName(name) : name)
      if (question === 'txt') insistOnWhole(answer.records as readonly string[], name)
      return answer.records.length <= MAX_RECORDS
        ? answer
        : { ...answer, records: answer.records.slice(0, MAX_RECORDS) }
    },
  }
}

/** What is left out or cut might be the very record that says who may send; who has so much is not known, rather than said to have nothing. */
function insistOnWhole(texts: readonly string[], name: string): void {
  if (texts.length <= MAX_RECORDS && texts.every(({ length }) => length <= MAX_TEXT)) return
  throw new MailError('dns-unavailable', `TXT ${name}: more than anybody should have to read`)
}
