/**
 * The octets of a question and of its answer (RFC 1035 §4). Answers are hostile input: every name, count and length is bounded, a record is never
 * read beyond its own octets, and only records of the name that was asked for, or that its aliases lead to, are believed. Pure.
 */
import type { TlsaRecord } from '../api/index.js'
import { answerName, isOdd, oddName } from './names.js'
import { type Row, readName, readRows } from './rows.js'

export const TYPES = { a: 1, cname: 5, ptr: 12, mx: 15, txt: 16, aaaa: 28, tlsa: 52 } as const
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
  /** Lower case, no dot at the end, labels of 1 to 63 ASCII characters. */
  readonly name: string
  readonly edns?: boolean
  /** Whether it is told that the answer has been validated. */
  readonly dnssec?: boolean
}

/** RFC 6891 §6.2.5; since 2020 what is taken to pass everywhere in one piece. */
const UDP_OCTETS = 1232
/** RFC 6891 §6.1.2: the root's name, type, octets, and nothing else. */
const OPT = Buffer.from([0, 0, 41, UDP_OCTETS >> 8, UDP_OCTETS & 255, 0, 0, 0, 0, 0, 0])
const OPT_FLAGS = 7
/** RFC 1035 §4.1.1 */
const FLAGS = {
  response: 0x8000,
  opcode: 0x7800,
  authority: 0x0400,
  truncated: 0x0200,
  wanted: 0x0100,
  recursive: 0x0080,
} as const
const HEAD = 12
/** RFC 4035 §3.2.3 */
const AUTHENTIC = 0x0020
const IN = 1
const SOA = 6
const MAX_ALIASES = 8
/** RFC 6891 §7: what servers say that do not know EDNS. */
export const FORMERR = 'FORMERR'
/** Seconds, when nobody says how long "no" holds. */
const NEGATIVE_TTL = 60
const CODES = new Map([
  [1, FORMERR],
  [2, 'SERVFAIL'],
  [4, 'NOTIMP'],
  [5, 'REFUSED'],
])

/** `edns`: RFC 6891; few servers, and old ones, read no question that has it. */
export function writeQuestion({ id, question, name, edns = true, dnssec = false }: Asked): Buffer {
  const octets = Buffer.allocUnsafe(HEAD + name.length + 2 + 4 + (edns ? OPT.length : 0))
  // RFC 6840 §5.7: with AD, as we want to hear of it.
  octets.writeUInt16BE(id, 0)
  octets.writeUInt16BE(FLAGS.wanted | (dnssec ? AUTHENTIC : 0), 2)
  octets.writeUInt16BE(1, 4)
  octets.writeUInt32BE(0, 6)
  octets.writeUInt16BE(edns ? 1 : 0, 10)
  let at = HEAD
  for (const label of name.split('.')) {
    octets[at] = label.length
    at += 1 + octets.write(label, at + 1, 'latin1')
  }
  octets[at] = 0
  octets.writeUInt16BE(TYPES[question], at + 1)
  octets.writeUInt16BE(IN, at + 3)
  if (edns) {
    OPT.copy(octets, at + 5)
    // RFC 3225, for resolvers that vouch only for whom it is set.
    if (dnssec) octets[at + 5 + OPT_FLAGS] = 0x80
  }
  return octets
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
  if (octets.length < HEAD || octets.readUInt16BE(0) !== id) throw new WireFault('not our answer', true)
  const flags = octets.readUInt16BE(2)
  if ((flags & FLAGS.response) === 0 || (flags & FLAGS.opcode) !== 0) throw new WireFault('not an answer', true)
  if (octets.readUInt16BE(4) !== 1) {
    // A server that could not read the question does not repeat it.
    throw new WireFault(CODES.get(flags & 0x000f) ?? 'an answer without its question')
  }
  const asked = readName(octets, HEAD)
  const same = asked.name === name && octets.readUInt16BE(asked.end) === TYPES[question]
  if (!same || octets.readUInt16BE(asked.end + 2) !== IN) throw new WireFault('an answer to another question', true)
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
    if (target === undefined) throw new WireFault('an alias of no name')
    // The root has none of what is asked for here.
    if (target === '') return { records: [], name: at, ttl: Math.min(ttl, alias.ttl) }
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
    case 'ptr':
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

/** As RFC 5952 §4 writes it: the first of the longest rows of zeros is `::`. */
function ipv6(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16))
  let [from, length] = [0, 1]
  for (let at = 0; at < groups.length; at += 1) {
    const past = groups.findIndex((group, i) => i >= at && group !== '0')
    const zeros = (past < 0 ? groups.length : past) - at
    if (zeros > length) [from, length] = [at, zeros]
    at += zeros
  }
  return length < 2 ? groups.join(':') : `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}`
}

/** RFC 2308 §5: the least of the SOA's own time and of its last number. */
function negativeTtl(octets: Buffer, rows: readonly Row[]): number {
  const soa = rows.find(row => row.type === SOA && row.end - row.start >= 22)
  return soa === undefined ? NEGATIVE_TTL : Math.min(soa.ttl, octets.readUInt32BE(soa.end - 4))
}
