/**
 * What a zone answers: the list of this site as RFC 5782 wants it, with its test entries. Records are made when they are asked for; there is
 * no zone in memory, so what is on the list now is in the zone now.
 */
import type { Answer } from 'dns-packet'
import type { ListEntry, ListQuestion, LocalList } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { Zone } from './config.js'
import { type Question, RCODES } from './question.js'
import { REFUSED, type Reply } from './reply.js'

const TYPES = { a: 1, ns: 2, soa: 6, txt: 16, ixfr: 251, axfr: 252, any: 255 } as const
const INTERNET = 1
/** Octets of a reason, in all. */
const MAX_TEXT = 400
/** RFC 1035 §3.3: of one string in a TXT record. */
const MAX_STRING = 255
const TIMES = { refresh: 3600, retry: 600, expire: 86_400 } as const

/** Below the top of a zone. */
type Asked =
  | {
      readonly kind: 'entry'
      readonly question: ListQuestion
      readonly shown: string
      readonly test?: 'listed' | 'clear'
      /** An IPv4 address of four digits: the end of many IPv6 addresses too. */
      readonly between?: boolean
    }
  /** There may be something below it: it exists and holds nothing (RFC 8020 §2). */
  | { readonly kind: 'between' }
  | { readonly kind: 'nothing' }

/** Rejects when the list cannot be asked. */
export async function replyTo(question: Question, zones: readonly Zone[], list: LocalList): Promise<Reply> {
  // RFC 6891 §6.1.3
  if ((question.edns?.version ?? 0) > 0) return { ...REFUSED, rcode: RCODES.badVers }
  const zone = zoneOf(question, zones)
  // RFC 8482 §4 lets us answer less than everything, and here nobody needs ANY; zones are not handed out (RFC 5936 §5).
  const unwanted = question.type === TYPES.any || question.type === TYPES.axfr || question.type === TYPES.ixfr
  if (zone === undefined || question.class !== INTERNET || unwanted) return REFUSED
  const below = question.labels.slice(0, question.labels.length - zone.labels.length)
  const answers =
    below.length === 0
      ? topOf(zone, question.type, await serialOf(list))
      : await recordsOf(zone, below, question.type, list)
  if (answers !== undefined && answers.length > 0)
    return { rcode: RCODES.noError, authoritative: true, answers, authorities: [] }
  // RFC 2308 §3: how long "no" may be kept is said by the SOA record beside it.
  const authorities = [soaOf(zone, await serialOf(list), zone.negativeTtl)]
  return {
    rcode: answers === undefined ? RCODES.nxDomain : RCODES.noError,
    authoritative: true,
    answers: [],
    authorities,
  }
}

/** The longest one, where one lies in another. */
function zoneOf({ labels }: Question, zones: readonly Zone[]): Zone | undefined {
  const fitting = zones.filter(zone => zone.labels.every((label, at) => labels.at(at - zone.labels.length) === label))
  return fitting.sort((a, b) => b.labels.length - a.labels.length)[0]
}

function topOf(zone: Zone, type: number, serial: number): readonly Answer[] {
  if (type === TYPES.soa) return [soaOf(zone, serial, zone.ttl)]
  if (type === TYPES.ns) return zone.ns.map(data => ({ type: 'NS', name: zone.name, ttl: zone.ttl, data }))
  return []
}

/** `undefined`: no such name. */
async function recordsOf(
  zone: Zone,
  below: readonly string[],
  type: number,
  list: LocalList,
): Promise<readonly Answer[] | undefined> {
  const asked = askedBy(zone, below)
  if (asked.kind === 'between') return []
  if (asked.kind === 'nothing' || asked.test === 'clear') return undefined
  const entry = asked.test === 'listed' ? TEST_ENTRY : await list.find(asked.question)
  const listed = entry !== undefined && (asked.test !== undefined || entry.kind === zone.kind)
  if (!listed) return asked.between === true ? [] : undefined
  const name = `${below.join('.')}.${zone.name}`
  if (type === TYPES.a) return [{ type: 'A', name, ttl: zone.ttl, data: entry.code ?? zone.code }]
  if (type === TYPES.txt)
    return [{ type: 'TXT', name, ttl: zone.ttl, data: stringsOf(reasonOf(zone, entry, asked.shown)) }]
  return []
}

const TEST_ENTRY: ListEntry = {
  kind: 'block',
  pattern: 'test entry',
  place: 'RFC 5782',
  reason: 'a test entry (RFC 5782)',
}

function askedBy({ serves }: Zone, below: readonly string[]): Asked {
  // Links lead to addresses too, and of those everybody asks as of addresses: from the last octet to the first.
  if (serves.has('addresses') || serves.has('links')) {
    const asked = addressAsked(below, serves.has('links'))
    if (asked !== undefined) return asked
  }
  if (!serves.has('names') && !serves.has('links')) return { kind: 'nothing' }
  const name = below.join('.')
  // RFC 5782 §5: TEST is on a list of names, INVALID is not.
  if (name === 'test' || name === 'invalid') {
    const question = { kind: 'name', name } as const
    return { kind: 'entry', question, shown: name, test: name === 'test' ? 'listed' : 'clear' }
  }
  if (below.length === 1) return { kind: 'between' }
  // A label may hold any octet, also a dot; nothing like that is on the list.
  if (!below.every(label => /^[a-z0-9_-]+$/.test(label))) return { kind: 'nothing' }
  const question: ListQuestion = serves.has('links') ? { kind: 'link', host: name, path: '/' } : { kind: 'name', name }
  return { kind: 'entry', question, shown: name }
}

/** RFC 5782 §2.1, §2.4: octets or nibbles from the last to the first. `undefined`: no address, nor the end of one. */
function addressAsked(below: readonly string[], links: boolean): Asked | undefined {
  const octets = below.every(label => /^(0|[1-9]\d{0,2})$/.test(label) && Number(label) < 256)
  const nibbles = below.every(label => /^[0-9a-f]$/.test(label))
  const backwards = (apart: string) => below.toReversed().join(apart)
  if (octets && below.length === 4) return { ...addressEntry(backwards('.'), links), between: nibbles }
  if (nibbles && below.length === 32) return addressEntry(backwards('').replace(/.{4}(?!$)/g, '$&:'), links)
  return (octets && below.length < 4) || (nibbles && below.length < 32) ? { kind: 'between' } : undefined
}

const TESTS: ReadonlyMap<string, 'listed' | 'clear'> = new Map([
  ['127.0.0.2', 'listed'],
  ['127.0.0.1', 'clear'],
  ['0000:0000:0000:0000:0000:ffff:7f00:0002', 'listed'],
  ['0000:0000:0000:0000:0000:ffff:7f00:0001', 'clear'],
])

/** RFC 5782 §5: what has to be listed, and what never may be, whatever is on the list. */
function addressEntry(address: string, links: boolean): Extract<Asked, { kind: 'entry' }> {
  const test = TESTS.get(address)
  const question: ListQuestion = links ? { kind: 'link', host: address, path: '/' } : { kind: 'address', address }
  return { kind: 'entry', question, shown: address, ...(test && { test }) }
}

function reasonOf({ text, name }: Zone, { reason, pattern }: ListEntry, asked: string): string {
  const words = new Map([
    ['reason', reason ?? 'on the list of this site'],
    ['entry', pattern],
    ['asked', asked],
    ['zone', name],
  ])
  return printable(
    text.replace(/\{([a-z]+)\}/g, (whole, word: string) => words.get(word) ?? whole),
    MAX_TEXT,
  )
}

/** Cut between characters. */
function stringsOf(text: string): Buffer[] {
  const whole = Buffer.from(text)
  let end = Math.min(whole.length, MAX_TEXT)
  while (end < whole.length && (whole[end]! & 0xc0) === 0x80) end--
  const octets = whole.subarray(0, end)
  const strings: Buffer[] = []
  for (let at = 0; at < octets.length; at += MAX_STRING) strings.push(octets.subarray(at, at + MAX_STRING))
  return strings
}

function soaOf(zone: Zone, serial: number, ttl: number): Answer {
  const { name, ns, contact, negativeTtl } = zone
  const data = { mname: ns[0]!, rname: contact, serial, ...TIMES, minimum: negativeTtl }
  return { type: 'SOA', name, ttl, data }
}

/** Seconds of the last change: it grows, and 32 bits are enough until 2106. */
async function serialOf(list: LocalList): Promise<number> {
  return Math.max(1, Math.floor((await list.changedAt()) / 1000) % 2 ** 32)
}
