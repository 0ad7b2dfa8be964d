/**
 * The octets of a question and of its answer (RFC 1035 §4), for the engine of our own (`wire.ts`). Written by dns-packet; read here, as
 * answers are hostile input: every name, count and length is bounded, and a record is never read beyond its own octets. Pure.
 */
import { encode, RECURSION_DESIRED } from 'dns-packet'
import type { TlsaRecord } from '../api/index.js'
import { answerName, isOdd, oddName } from './names.js'
import { type Row, readName, readRows } from './rows.js'

export const TYPES = { a: 1, cname: 5, mx: 15, txt: 16, aaaa: 28, tlsa: 52 } as const
export type WireQuestion = keyof typeof TYPES
export type WireRecord = string | TlsaRecord | { readonly preference: number; readonly exchange: string }

export interface WireAnswer {
  /** To be asked again by TCP; there is nothing else in it. */
  readonly truncated: boolean
  readonly records: readonly WireRecord[]
  /** The end of the aliases, as far as the answer follows them. */
  readonly name: string
  /** AD */
  readonly secure: boolean
  /** Seconds. */
  readonly ttl: number
}

/** No answer that can be used. `foreign`: it may be somebody else's, and ours may still come. */
export class WireFault extends Error {
  readonly foreign: boolean

  constructor(message: string, foreign = false) {
    super(message)
    this.name = 'WireFault'
    this.foreign = foreign
  }
}

export interface Asked {
  readonly id: number
  readonly question: WireQuestion
  /** Lower case, no dot at the end. */
  readonly name: string
}

/** RFC 6891 §6.2.5; since 2020 what is taken to pass everywhere in one piece. */
const UDP_OCTETS = 1232
/** RFC 1035 §4.1.1 */
const FLAGS = { response: 0x8000, opcode: 0x7800, authority: 0x0400, truncated: 0x0200, recursive: 0x0080 } as const
/** RFC 4035 §3.2.3 */
const AUTHENTIC = 0x0020
/** RFC 3225 */
const DNSSEC_OK = 0x8000
const SOA = 6
const MAX_ALIASES = 8
/** Seconds, when nobody says how long "no" holds. */
const NEGATIVE_TTL = 60
const CODES = new Map([
  [1, 'FORMERR'],
  [2, 'SERVFAIL'],
  [4, 'NOTIMP'],
  [5, 'REFUSED'],
])

/** RFC 6840 §5.7: with AD, as we want to hear of it; and with DO, for resolvers that only know that. */
export function writeQuestion({ id, question, name }: Asked): Buffer {
  const options = { udpPayloadSize: UDP_OCTETS, extendedRcode: 0, ednsVersion: 0, flags: DNSSEC_OK, flag_do: true }
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED | AUTHENTIC,
    questions: [{ type: question.toUpperCase() as 'A', name, class: 'IN' }],
    additionals: [{ type: 'OPT', name: '.', ...options, options: [] }],
  })
}

/** Throws `WireFault`. */
export function readAnswer(octets: Buffer, asked: Asked): WireAnswer {
  try {
    return read(octets, asked)
  } catch (error) {
    if (error instanceof RangeError) throw new WireFault('the answer is broken')
    throw error
  }
}

function read(octets: Buffer, asked: Asked): WireAnswer {
  const { flags, end } = readHead(octets, asked)
  const { name } = asked
  if ((flags & FLAGS.truncated) !== 0) return { truncated: true, records: [], name, secure: false, ttl: 0 }
  const code = flags & 0x000f
  // RFC 8020: NXDOMAIN is an answer, not trouble.
  if (code !== 0 && code !== 3) throw new WireFault(CODES.get(code) ?? `code ${code}`)
  const [answers, authorities] = [octets.readUInt16BE(6), octets.readUInt16BE(8)]
  if (answers === 0 && (flags & (FLAGS.recursive | FLAGS.authority)) === 0)
    throw new WireFault('the server is not responsible')
  const found = readRows(octets, end, answers)
  const secure = (flags & AUTHENTIC) !== 0
  const followed = follow(octets, found.rows, asked)
  if (followed.records.length > 0) return { truncated: false, secure, ...followed }
  const ttl = Math.min(followed.ttl, negativeTtl(octets, readRows(octets, found.end, authorities).rows))
  return { truncated: false, secure, ...followed, ttl }
}

/** RFC 5452 §9.1: the id and the very question. */
function readHead(octets: Buffer, { id, question, name }: Asked): { readonly flags: number; readonly end: number } {
  if (octets.length < 12 || octets.readUInt16BE(0) !== id) throw new WireFault('not our answer', true)
  const flags = octets.readUInt16BE(2)
  if ((flags & FLAGS.response) === 0 || (flags & FLAGS.opcode) !== 0) throw new WireFault('not an answer', true)
  if (octets.readUInt16BE(4) !== 1) {
    // A server that could not read the question does not repeat it.
    throw new WireFault(CODES.get(flags & 0x000f) ?? 'an answer without its question')
  }
  const asked = readName(octets, 12)
  const same = asked.name === name && octets.readUInt16BE(asked.end) === TYPES[question]
  if (!same || octets.readUInt16BE(asked.end + 2) !== 1) throw new WireFault('an answer to another question', true)
  return { flags, end: asked.end + 4 }
}

/** From alias to alias to the records, in whatever order they stand. */
function follow(
  octets: Buffer,
  rows: readonly Row[],
  { question, name }: Asked,
): Pick<WireAnswer, 'records' | 'name' | 'ttl'> {
  let [at, ttl] = [name, Number.POSITIVE_INFINITY]
  for (let aliases = 0; aliases <= MAX_ALIASES; aliases += 1) {
    const here = rows.filter(row => row.type === TYPES[question] && row.name === at)
    if (here.length > 0) {
      const records = here.flatMap(row => readRecord(octets, row, question, isOdd(name)) ?? [])
      return { records, name: at, ttl: Math.min(ttl, ...here.map(row => row.ttl)) }
    }
    const alias = rows.find(row => row.type === TYPES.cname && row.name === at)
    if (alias === undefined) return { records: [], name: at, ttl }
    const target = nameIn(octets, alias.start, alias.end, isOdd(name))
    if (target === undefined || target === '') throw new WireFault('an alias of no name')
    ;[at, ttl] = [target, Math.min(ttl, alias.ttl)]
  }
  throw new WireFault('aliases without end')
}

/** `undefined`: unfit, and as if it were not there. */
function readRecord(octets: Buffer, { start, end }: Row, question: WireQuestion, odd: boolean): WireRecord | undefined {
  switch (question) {
    case 'a':
      return end - start === 4 ? octets.subarray(start, end).join('.') : undefined
    case 'aaaa':
      return end - start === 16 ? ipv6(octets.subarray(start, end)) : undefined
    case 'cname':
      return answerName(readName(octets, start, end).name)
    case 'mx': {
      if (end - start < 3) return undefined
      const exchange = nameIn(octets, start + 2, end, odd)
      return exchange === undefined ? undefined : { preference: octets.readUInt16BE(start), exchange }
    }
    case 'txt':
      return textOf(octets.subarray(start, end))
    case 'tlsa': {
      const [usage = 255, selector = 255, matching = 255] = octets.subarray(start, Math.min(end, start + 3))
      return { usage, selector, matching, data: octets.toString('hex', Math.min(end, start + 3), end) }
    }
  }
}

/** Who asks for odd names takes them for an answer too; nobody connects to such. */
function nameIn(octets: Buffer, start: number, end: number, odd: boolean): string | undefined {
  const { name } = readName(octets, start, end)
  return answerName(name) ?? (odd ? oddName(name) : undefined)
}

/** RFC 1035 §3.3.14: strings with their length in front, which are one text to all who use them here. */
function textOf(octets: Buffer): string | undefined {
  const parts: string[] = []
  for (let at = 0; at < octets.length; ) {
    const end = at + 1 + octets[at]!
    if (end > octets.length) return undefined
    parts.push(octets.toString('latin1', at + 1, end))
    at = end
  }
  return parts.join('')
}

/** RFC 5952 is not needed to connect; groups without leading zeros are. */
function ipv6(octets: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16)).join(':')
}

/** RFC 2308 §5: the least of the SOA's own time and of its last number. */
function negativeTtl(octets: Buffer, rows: readonly Row[]): number {
  const soa = rows.find(row => row.type === SOA && row.end - row.start >= 22)
  return soa === undefined ? NEGATIVE_TTL : Math.min(soa.ttl, octets.readUInt32BE(soa.end - 4))
}
