/**
 * What finds records of the trail: digests of Message-ID, addresses, their domains and the client, with the id and the time. All that is noted in
 * one commit is one row, keyed by the minute and written at the end of it: an entry per key, each on a page of its own choosing, would cost several
 * times as much (docs/decisions/0044). A search reads the rows of its time, newest first, some millions of records in a second.
 */
import { randomBytes } from 'node:crypto'
import type { Database } from 'lmdb'
import type { TrailEntry, TrailFound, TrailKeys, TrailQuery } from 'posthouse/api'
import type { Environment } from './environment.js'
import { AFTER_ALL, type Key } from './keys.js'
import type { Summed } from './sums.js'

type RowKey = [minute: number, tail: string]

const MINUTE_MS = 60_000
const READ_STEP = 1000
const SWEEP_STEP = 500
const DIGEST_BYTES = 6
/** Of one record; who writes to more is found by the others. */
const MAX_DIGESTS = 5000
/** Before the digests: length of the id, time, how many. */
const FIXED_BYTES = 9
const DEFAULT_LIMIT = 100

/** A kind of key; the same text under two kinds are two keys. */
const KIND = { messageId: 1, sender: 2, recipient: 3, client: 4 } as const

type Noted = Pick<TrailEntry, 'id' | 'at' | 'by'>

export class TrailIndex implements Summed {
  readonly #rows: Database<Buffer, RowKey>
  #own: Noted[] = []
  #kept: Noted[] = []
  /** Tells processes apart, and commits of one. */
  readonly #tag = randomBytes(6).toString('base64url')
  #count = 0

  constructor(env: Environment) {
    this.#rows = env.octets('trail-index')
    env.sum(this)
  }

  /** Inside a write. */
  note(entry: TrailEntry): void {
    if (entry.by !== undefined) this.#own.push(entry)
  }

  // ── of a commit ──

  keep(): void {
    for (const one of this.#own) this.#kept.push(one)
    this.drop()
  }

  drop(): void {
    if (this.#own.length > 0) this.#own = []
  }

  forget(): void {
    this.drop()
    this.#kept = []
  }

  write(): void {
    if (this.#kept.length === 0) return
    const minutes = new Map<number, Buffer[]>()
    for (const { id, at, by = {} } of this.#kept) {
      const minute = minuteOf(at)
      const record = toRecord(id, at, digestsOf(by))
      const records = minutes.get(minute)
      if (records === undefined) minutes.set(minute, [record])
      else records.push(record)
    }
    this.#kept = []
    for (const [minute, records] of minutes) {
      this.#count += 1
      const row = records.length === 1 ? records[0]! : Buffer.concat(records)
      this.#rows.put([minute, `${this.#count.toString(36).padStart(8, '0')}${this.#tag}`], row)
    }
  }

  // ── searching ──

  /** Newest first, each once. */
  async find(query: TrailQuery): Promise<TrailFound[]> {
    const { since = 0, until = Number.MAX_SAFE_INTEGER, limit = DEFAULT_LIMIT } = query
    const wanted = wantedOf(query)
    const found = new Map<string, number>()
    const end: RowKey = [minuteOf(since), '']
    let start: Key = [minuteOf(until), AFTER_ALL]
    let minute = Number.NaN
    for (;;) {
      const rows = this.#rowsBefore(start, end)
      for (const { key, value } of rows) {
        // Within a minute the rows are in no order.
        if (found.size >= limit && key[0] !== minute) return newest(found, limit)
        minute = key[0]
        eachRecord(value, (id, at, from, to) => {
          if (at >= since && at <= until && fits(value, from, to, wanted)) keepOldest(found, id(), at)
        })
      }
      if (rows.length < READ_STEP) return newest(found, limit)
      start = rows.at(-1)!.key
      await new Promise(setImmediate)
    }
  }

  #rowsBefore(start: Key, end: RowKey) {
    const range = { start, exclusiveStart: true, end, inclusiveEnd: true, reverse: true, limit: READ_STEP }
    // lmdb's types want the start to be a key like those that are there.
    return [...this.#rows.getRange(range as object)]
  }

  /** Of what was noted first; records that are older are in no index. */
  get oldestMinuteMs(): number | undefined {
    for (const [minute] of this.#rows.getKeys({ limit: 1 })) return minute * MINUTE_MS
    return undefined
  }

  /** Inside a write: forgets some of what is older; false when nothing is left of that. */
  sweepStep(before: number): boolean {
    const old = [...this.#rows.getKeys({ end: [minuteOf(before), ''], limit: SWEEP_STEP })]
    for (const key of old) this.#rows.remove(key)
    return old.length === SWEEP_STEP
  }
}

function minuteOf(ms: number): number {
  return Math.floor(Math.max(0, Math.min(ms, Number.MAX_SAFE_INTEGER)) / MINUTE_MS)
}

function newest(found: ReadonlyMap<string, number>, limit: number): TrailFound[] {
  return [...found]
    .map(([id, at]) => ({ id, at }))
    .sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
    .slice(0, limit)
}

function keepOldest(found: Map<string, number>, id: string, at: number): void {
  const known = found.get(id)
  if (known === undefined || at < known) found.set(id, at)
}

// ── records ──

function toRecord(id: string, at: number, digests: readonly number[]): Buffer {
  const length = Buffer.byteLength(id)
  const record = Buffer.allocUnsafe(FIXED_BYTES + length + digests.length * DIGEST_BYTES)
  record[0] = length
  record.write(id, 1)
  let place = 1 + length
  write48(record, Math.max(0, Math.min(Math.floor(at), 2 ** 48 - 1)), place)
  record.writeUInt16BE(digests.length, place + 6)
  place += FIXED_BYTES - 1
  for (const digest of digests) {
    write48(record, digest, place)
    place += DIGEST_BYTES
  }
  return record
}

/** `writeUIntBE` takes twice as long. */
function write48(into: Buffer, value: number, place: number): void {
  into.writeUInt32BE(Math.floor(value / 0x10000), place)
  into.writeUInt16BE(value % 0x10000, place + 4)
}

/** `from` and `to`: where its digests stand. */
function eachRecord(row: Buffer, see: (id: () => string, at: number, from: number, to: number) => void): void {
  for (let place = 0; place < row.length; ) {
    const start = place + 1
    const end = start + row[place]!
    const from = end + FIXED_BYTES - 1
    const to = from + row.readUInt16BE(end + 6) * DIGEST_BYTES
    see(() => row.toString('utf8', start, end), row.readUIntBE(end, 6), from, to)
    place = to
  }
}

function fits(row: Buffer, from: number, to: number, wanted: readonly (readonly number[])[]): boolean {
  return wanted.every(any => {
    for (let place = from; place < to; place += DIGEST_BYTES)
      if (any.includes(row.readUIntBE(place, DIGEST_BYTES))) return true
    return false
  })
}

// ── digests ──

function digestsOf({ messageId, senders = [], recipients = [], clients = [] }: TrailKeys): readonly number[] {
  const digests: number[] = []
  if (messageId !== undefined) digests.push(messageIdDigest(messageId))
  for (const one of clients) digests.push(digestOf(KIND.client, one))
  for (const one of senders) addAddress(digests, KIND.sender, one)
  for (const one of recipients) addAddress(digests, KIND.recipient, one)
  return digests
}

/** And its domain; of a hundred recipients of one domain, mostly once. */
function addAddress(digests: number[], kind: number, address: string): void {
  if (address === '' || digests.length >= MAX_DIGESTS) return
  const at = address.lastIndexOf('@')
  const domain = at > 0 ? digestOf(kind, address.slice(at)) : undefined
  if (domain !== undefined && !digests.includes(domain, -2)) digests.push(domain)
  digests.push(digestOf(kind, address))
}

/** For each thing that is asked for, the digests of which one must be there. */
function wantedOf({ messageId, sender, recipient, address, client }: TrailQuery): readonly (readonly number[])[] {
  const wanted: number[][] = []
  if (messageId !== undefined) wanted.push([messageIdDigest(messageId)])
  if (sender !== undefined) wanted.push([digestOf(KIND.sender, sender)])
  if (recipient !== undefined) wanted.push([digestOf(KIND.recipient, recipient)])
  if (address !== undefined) wanted.push([digestOf(KIND.sender, address), digestOf(KIND.recipient, address)])
  if (client !== undefined) wanted.push([digestOf(KIND.client, client)])
  return wanted
}

/** With its brackets or without. */
function messageIdDigest(text: string): number {
  const id = text.trim()
  return digestOf(KIND.messageId, id.slice(id.startsWith('<') ? 1 : 0, id.endsWith('>') ? -1 : undefined))
}

/** 48 bits: among a hundred million keys one in three million searches finds a record too many. Not meant to keep anything secret. */
function digestOf(kind: number, text: string): number {
  let a = 0x811c9dc5 ^ kind
  let b = 0x2545f491 + kind
  const lower = text.toLowerCase()
  for (let i = 0; i < lower.length; i++) {
    const unit = lower.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x01000193)
    b = Math.imul((b << 5) ^ (b >>> 27) ^ unit, 0x9e3779b1)
  }
  a = spread(a ^ lower.length)
  b = spread(b ^ a)
  return (a >>> 0) * 0x10000 + (b & 0xffff)
}

function spread(value: number): number {
  const half = Math.imul(value ^ (value >>> 16), 0x7feb352d)
  const whole = Math.imul(half ^ (half >>> 15), 0x846ca68b)
  return whole ^ (whole >>> 16)
}
