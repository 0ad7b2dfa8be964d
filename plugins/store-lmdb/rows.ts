/**
 * Messages and recipient rows of the queue as they lie in the store, with the index of what is ready and the counters kept in step.
 * Everything but the views belongs inside a write.
 */
import type { Database } from 'lmdb'
import type { Claimed, LendWish, NewMessage, NewRow, QueuedMessage, QueueRow, QueueTotals } from 'posthouse/api'
import { Census, type Counted, minuteOf } from './census.js'
import { clear, type Environment, firstKey } from './environment.js'
import { HeldIndex, type HeldKey } from './held.js'
import { HoldRules } from './hold-rules.js'
import { newJobs } from './jobs.js'
import { AFTER_ALL, under } from './keys.js'
import { Lent, type LentMessage } from './lent.js'
import { envelopeOf, newRecord } from './new-records.js'
import type { Suspect } from './quarantine.js'
import { ReadyIndex, type ReadyKey } from './ready.js'
import { type Envelope, isEnvelope, isLease, isRow, type Lease, type RowRecord } from './records.js'
import { Sums } from './sums.js'

interface Totals {
  readonly messages: number
  readonly rows: number
  readonly held: number
  /** Moves with every change of the queue, for watchers in other processes. */
  readonly changes: number
  /**
   * The indexes and the census have all of them. A version that does not know these leaves this out when it writes the counters,
   * and so with its first change of the queue: then they are made anew before they are used. Neither the old nor the new data has to be
   * refused.
   */
  readonly indexes?: number
}

/** One more for every change of what is indexed. */
const INDEXES = 3

type RowKey = [id: string, row: number]
type ExpiryKey = [until: number, token: string]

/** The key of the totals. */
const QUEUE = 'queue'
const NO_TOTALS: Totals = { messages: 0, rows: 0, held: 0, changes: 0, indexes: INDEXES }

export class QueueRows {
  readonly ready: ReadyIndex
  readonly held: HeldIndex
  readonly census: Census
  readonly rules: HoldRules
  readonly #messages: Database<Envelope, string>
  readonly #rows: Database<RowRecord, RowKey>
  readonly #leases: Database<Lease, string>
  readonly #expiry: Database<number, ExpiryKey>
  readonly #totals: Database<Totals, string>
  readonly #sums: Sums<Totals>

  /** Told of what cannot be read. */
  suspect: (suspect: Suspect) => void = () => undefined
  readonly #indexes: readonly Database[]
  readonly #lent = new Lent()

  constructor(env: Environment) {
    this.ready = new ReadyIndex(env)
    this.held = new HeldIndex(env)
    this.census = new Census(env)
    this.#messages = env.database('messages')
    this.#rows = env.database('rows')
    this.rules = new HoldRules(env)
    this.#leases = env.database('leases')
    this.#expiry = env.database('expiry')
    this.#totals = env.database('totals')
    this.#sums = env.sum(new Sums<Totals>(plus, (key, sum) => this.#totals.put(key, plus(this.#stored, sum))))
    this.#indexes = ['ready', 'heads', 'held', 'census', 'census-minutes'].map(name => env.database(name))
  }

  // ── messages ──

  has(id: string): boolean {
    return this.#messages.doesExist(id)
  }

  envelope(id: string): Envelope | undefined {
    const found = this.#read(() => this.#messages.get(id))
    if (isEnvelope(found, id)) return found
    if (found !== undefined || firstKey(this.#rows, under(id)) !== undefined) this.suspect({ kind: 'message', id })
    return undefined
  }

  /** Ids after `after`, ascending. */
  ids(after: string | undefined, limit: number): string[] {
    const start = after === undefined ? {} : { start: after, exclusiveStart: true }
    return [...this.#messages.getKeys({ ...start, limit })]
  }

  /** Resolves to the jobs that are lent out at once. */
  addMessage(
    message: NewMessage,
    rows: readonly NewRow[],
    body: { readonly id: string; readonly size: number },
    lend?: LendWish,
  ): readonly Claimed[] {
    const { id } = message
    const envelope = envelopeOf(message, body)
    this.#messages.put(id, envelope)
    const since = minuteOf(message.received)
    const records = rows.map(row => newRecord(row, since))
    const jobs = lend === undefined ? [] : newJobs(envelope, records, lend)
    const tokens = new Map(jobs.flatMap(({ token, rows }) => rows.map(({ row }) => [row, token])))
    let held = 0
    for (const record of records) {
      const lease = tokens.get(record.row)
      if (lease !== undefined) record.lease = lease
      this.#rows.put([id, record.row], record)
      if (isHeld(record)) {
        held += 1
        this.held.add(id, record)
      } else if (lease === undefined) this.ready.add(id, record)
    }
    for (const { token, rows: taken, leaseUntil: until } of jobs) {
      const numbers = taken.map(({ row }) => row)
      const whole = taken.length === rows.length
      this.setLease(token, whole ? { id, rows: numbers, until, whole } : { id, rows: numbers, until })
      this.#lent.set(token, { envelope, rows: records })
    }
    this.census.add(records, 1)
    this.count({ messages: 1, rows: rows.length, held })
    return jobs
  }

  /** More recipients of a message that is there: they wait, under numbers that none of its rows has. */
  addRows(envelope: Envelope, rows: readonly Omit<NewRow, 'row'>[]): void {
    const { id, received } = envelope
    const { start, end } = under(id)
    const [last] = this.#rows.getKeys({ start: end, end: start, reverse: true, limit: 1 })
    const first = last === undefined ? 0 : last[1] + 1
    const records = rows.map((row, at) => newRecord({ ...row, row: first + at }, minuteOf(received)))
    for (const record of records) {
      this.#rows.put([id, record.row], record)
      if (isHeld(record)) this.held.add(id, record)
      else this.ready.add(id, record)
    }
    this.census.add(records, 1)
    this.count({ rows: rows.length, held: records.filter(isHeld).length })
  }

  /** True when the message went with its last row; `known`: there is none any more. */
  dropWhenEmpty(id: string, known = false): boolean {
    if (!known && firstKey(this.#rows, under(id)) !== undefined) return false
    this.#messages.remove(id)
    this.count({ messages: -1 })
    return true
  }

  // ── rows ──

  row(id: string, row: number): RowRecord | undefined {
    const found = this.#read(() => this.#rows.get([id, row]))
    if (isRow(found, row)) return found
    if (found !== undefined) this.suspect({ kind: 'row', id, row })
    return undefined
  }

  rowsOf(id: string, limit = Number.MAX_SAFE_INTEGER): RowRecord[] {
    const range = { ...under(id), limit }
    try {
      const found = [...this.#rows.getRange(range)]
      if (found.every(({ key, value }) => isRow(value, key[1]))) return found.map(({ value }) => value)
    } catch {
      // One of them cannot be decoded; which, is seen below.
    }
    return [...this.#rows.getKeys(range)].flatMap(([, number]) => this.row(id, number) ?? [])
  }

  /** Takes a waiting row out of its index and puts it under a lease; a held one keeps its hold and its place. */
  lend(id: string, row: RowRecord, token: string): void {
    this.#unplace(id, row)
    this.#rows.put([id, row.row], { ...row, lease: token })
  }

  /** A row that is under no lease any more, as it shall be from now on. */
  giveBack(id: string, { lease: _, ...row }: RowRecord, before: RowRecord): void {
    this.#rows.put([id, row.row], row)
    this.#recount(id, before, row)
    if (isHeld(before)) this.held.remove(id, before)
    if (isHeld(row)) {
      this.held.add(id, row)
      this.count({ held: 1 })
    } else this.ready.add(id, row)
  }

  /** Replaces a waiting or held row. */
  replace(id: string, before: RowRecord, after: RowRecord): void {
    this.#unplace(id, before)
    this.giveBack(id, after, before)
  }

  /** Removes a row that waits, is held or is under the lease that ends with it. */
  remove(id: string, row: RowRecord): void {
    if (row.lease === undefined) this.#unplace(id, row)
    if (isHeld(row)) this.held.remove(id, row)
    this.#rows.remove([id, row.row])
    this.census.add([this.#counted(id, row)], -1)
    this.count({ rows: -1 })
  }

  get indexed(): boolean {
    return this.counters().indexes === INDEXES
  }

  /** Makes the indexes and the census anew when they are not to be relied on. */
  makeIndexes(): void {
    if (this.indexed) return
    for (const index of this.#indexes) clear(index)
    this.census.restart()
    let [rows, held] = [0, 0]
    for (const [id, number] of this.#rows.getKeys({})) {
      rows += 1
      const row = this.row(id, number)
      if (row === undefined) continue
      if (isHeld(row)) this.held.add(id, row)
      else if (row.lease === undefined) this.ready.add(id, row)
      if (isHeld(row) && row.lease === undefined) held += 1
      this.census.add([this.#counted(id, row)], 1)
    }
    const { messages, changes } = this.counters()
    this.#sums.restart()
    this.#totals.put(QUEUE, { messages, rows, held, changes: changes + 1, indexes: INDEXES })
  }

  /** The indexes are not to be relied on any more. */
  doubtIndexes(): void {
    const { indexes: _, ...counters } = this.#stored
    this.#totals.put(QUEUE, counters)
  }

  // ── what is damaged ──

  /** A row is gone that could not be read; its place is all that is known of it, or not even that. */
  forget(id: string, place: ReadyKey | HeldKey | undefined): void {
    if (place === undefined) {
      // Counted somewhere, nobody knows where.
      this.count({ rows: -1 })
      this.doubtIndexes()
      return
    }
    const held = typeof place[1] === 'string'
    if (held) this.held.drop(place as HeldKey)
    else this.ready.drop(place as ReadyKey)
    const received = this.#read(() => this.#messages.get(id))
    const since = isEnvelope(received, id) ? minuteOf(received.received) : undefined
    const counted = since !== undefined && this.census.forget(place[0], since, held)
    this.count({ rows: -1, held: held ? -1 : 0 })
    // Whether a held row was under a lease cannot be known either.
    if (!counted || held) this.doubtIndexes()
  }

  /** A row nobody would come for waits again. */
  reclaim(id: string, row: RowRecord): void {
    if (row.lease !== undefined) {
      const lease = this.lease(row.lease)
      if (lease?.rows.includes(row.row)) this.#expiry.put([lease.until, row.lease], 1)
      else this.giveBack(id, row, row)
    } else if (!isHeld(row)) {
      this.ready.remove(id, row)
      this.ready.add(id, row)
    }
    if (isHeld(row)) this.held.add(id, row)
  }

  /** Of a lease that cannot be read, or is not there. */
  dropLease(token: string): void {
    this.#leases.remove(token)
    for (const key of [...this.#expiry.getKeys({})]) if (key[1] === token) this.#expiry.remove(key)
  }

  #read(get: () => unknown): unknown {
    try {
      return get()
    } catch (error) {
      return error
    }
  }

  #recount(id: string, before: RowRecord, after: RowRecord): void {
    if (before.target !== after.target || before.lane !== after.lane) {
      this.census.add([this.#counted(id, before)], -1)
      this.census.add([this.#counted(id, after)], 1)
    } else if (isHeld(before) !== isHeld(after)) {
      this.census.held(after, isHeld(after) ? 1 : -1)
    }
  }

  #counted(id: string, row: RowRecord): Counted {
    const { target, lane, hold } = row
    const since = row.since ?? minuteOf(this.envelope(id)?.received ?? 0)
    return hold === undefined ? { target, lane, since } : { target, lane, hold, since }
  }

  #unplace(id: string, row: RowRecord): void {
    if (row.hold === undefined) this.ready.remove(id, row)
    else this.count({ held: -1 })
  }

  // ── leases ──

  lease(token: string): Lease | undefined {
    const found = this.#read(() => this.#leases.get(token))
    if (isLease(found)) return found
    if (found !== undefined) this.suspect({ kind: 'lease', token })
    return undefined
  }

  setLease(token: string, lease: Lease): void {
    this.#leases.put(token, lease)
    this.#expiry.put([lease.until, token], 1)
  }

  endLease(token: string, { until }: Lease): void {
    this.#lent.delete(token)
    this.#leases.remove(token)
    this.#expiry.remove([until, token])
  }

  /** What is under a lease that is current, where this process has lent it out as it came. */
  lent(token: string): LentMessage | undefined {
    return this.#lent.get(token)
  }

  /** What is known of the message beside the store is not to be relied on. */
  forgetLent(id: string): void {
    this.#lent.forget(id)
  }

  /** Tokens of leases that have run out. */
  expired(now: number, limit: number): string[] {
    return [...this.#expiry.getKeys({ end: [now, AFTER_ALL], limit })].map(([, token]) => token)
  }

  // ── counters ──

  count({ messages = 0, rows = 0, held = 0 }: Partial<Omit<Totals, 'changes' | 'indexes'>>): void {
    this.#sums.add(QUEUE, { messages, rows, held, changes: 1 })
  }

  counters(): Totals {
    const pending = this.#sums.pending(QUEUE)
    return pending === undefined ? this.#stored : plus(this.#stored, pending)
  }

  get #stored(): Totals {
    return this.#totals.get(QUEUE) ?? NO_TOTALS
  }

  totals(): QueueTotals {
    const { messages, rows, held } = this.counters()
    const nextDue = this.ready.nextDue()
    return nextDue === undefined ? { messages, rows, held } : { messages, rows, held, nextDue }
  }

  // ── views ──

  view(id: string, now: number): QueuedMessage | undefined {
    const envelope = this.envelope(id)
    return envelope === undefined
      ? undefined
      : { ...envelope, rows: this.rowsOf(id).map(row => this.viewRow(row, now)) }
  }

  viewRow(record: RowRecord, now: number): QueueRow {
    const { lease, since: _, ...row } = record
    if (lease !== undefined && this.lease(lease) === undefined) this.suspect({ kind: 'lease', token: lease })
    return { ...row, leased: this.isLeased(record, now) }
  }

  isLeased({ lease }: RowRecord, now: number): boolean {
    return lease !== undefined && (this.lease(lease)?.until ?? 0) > now
  }

  /** Whether somebody will come to this row: by the end of its lease, by the index of what is held, or by that of what is ready. */
  isFound(id: string, row: RowRecord): boolean {
    if (isHeld(row) && !this.held.has(id, row)) return false
    if (row.lease === undefined) return isHeld(row) || this.ready.has(id, row)
    const lease = this.lease(row.lease)
    if (lease === undefined) return false
    return lease.rows.includes(row.row) && this.#expiry.doesExist([lease.until, row.lease])
  }
}

/** What the first says of the indexes stands. */
function plus(a: Totals, b: Totals): Totals {
  const [messages, rows, held] = [a.messages + b.messages, a.rows + b.rows, a.held + b.held]
  const [changes, { indexes }] = [a.changes + b.changes, a]
  return indexes === undefined ? { messages, rows, held, changes } : { messages, rows, held, changes, indexes }
}

function isHeld<R extends RowRecord>(row: R): row is R & { readonly hold: string } {
  return row.hold !== undefined
}
