/**
 * Messages and recipient rows of the queue as they lie in the store, with the index of what is ready and the counters kept in step.
 * Everything but the views belongs inside a write.
 */
import type { Database } from 'lmdb'
import type { BrokenRow, HoldRule, NewMessage, NewRow, QueuedMessage, QueueRow, QueueTotals } from 'posthouse/api'
import { Census, type Counted, minuteOf } from './census.js'
import { type Environment, firstKey } from './environment.js'
import { HeldIndex } from './held.js'
import { AFTER_ALL, under } from './keys.js'
import { ReadyIndex } from './ready.js'

export type Envelope = Omit<QueuedMessage, 'rows'>

/** A row at rest; `lease` names the lease it is under. */
export type RowRecord = Omit<QueueRow, 'leased'> & {
  readonly lease?: string
  /** Minute of receipt, for the census. */
  readonly since?: number
}

export interface Lease {
  readonly id: string
  readonly rows: readonly number[]
  readonly until: number
}

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

const MOST_BROKEN = 10_000

type RowKey = [id: string, row: number]
type ExpiryKey = [until: number, token: string]

const NO_TOTALS: Totals = { messages: 0, rows: 0, held: 0, changes: 0, indexes: INDEXES }

export class QueueRows {
  readonly ready: ReadyIndex
  readonly held: HeldIndex
  readonly census: Census
  readonly #messages: Database<Envelope, string>
  readonly #rows: Database<RowRecord, RowKey>
  readonly #rules: Database<HoldRule, string>
  readonly #broken: Database<BrokenRow, string>
  readonly #leases: Database<Lease, string>
  readonly #expiry: Database<number, ExpiryKey>
  readonly #totals: Database<Totals, string>

  constructor(env: Environment) {
    this.ready = new ReadyIndex(env)
    this.held = new HeldIndex(env)
    this.census = new Census(env)
    this.#messages = env.database('messages')
    this.#rows = env.database('rows')
    this.#rules = env.database('hold-rules')
    this.#broken = env.database('broken')
    this.#leases = env.database('leases')
    this.#expiry = env.database('expiry')
    this.#totals = env.database('totals')
  }

  // ── messages ──

  has(id: string): boolean {
    return this.#messages.doesExist(id)
  }

  envelope(id: string): Envelope | undefined {
    return this.#messages.get(id)
  }

  /** Ids after `after`, ascending. */
  ids(after: string | undefined, limit: number): string[] {
    const start = after === undefined ? {} : { start: after, exclusiveStart: true }
    return [...this.#messages.getKeys({ ...start, limit })]
  }

  addMessage(message: NewMessage, rows: readonly NewRow[], body: { readonly id: string; readonly size: number }): void {
    const { body: _, ...facts } = message
    this.#messages.put(message.id, defined({ ...facts, bodyId: body.id, bodySize: body.size }))
    const since = minuteOf(message.received)
    const records = rows.map(row => ({ ...defined({ ...row, tries: 0 }), since }))
    for (const record of records) {
      this.#rows.put([message.id, record.row], record)
      if (isHeld(record)) this.held.add(message.id, record)
      else this.ready.add(message.id, record)
    }
    this.census.add(records, 1)
    this.count({ messages: 1, rows: rows.length, held: rows.filter(({ hold }) => hold !== undefined).length })
  }

  /** True when the message went with its last row. */
  dropWhenEmpty(id: string): boolean {
    if (firstKey(this.#rows, under(id)) !== undefined) return false
    this.#messages.remove(id)
    this.count({ messages: -1 })
    return true
  }

  // ── rows ──

  row(id: string, row: number): RowRecord | undefined {
    return this.#rows.get([id, row])
  }

  rowsOf(id: string, limit = Number.MAX_SAFE_INTEGER): RowRecord[] {
    return [...this.#rows.getRange({ ...under(id), limit })].map(({ value }) => value)
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
    this.ready.clear()
    this.held.clear()
    this.census.clear()
    for (const { key, value } of this.#rows.getRange({})) {
      if (isHeld(value)) this.held.add(key[0], value)
      else if (value.lease === undefined) this.ready.add(key[0], value)
      this.census.add([this.#counted(key[0], value)], 1)
    }
    this.#totals.put('queue', { ...this.counters(), indexes: INDEXES })
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
    return { ...row, since: row.since ?? minuteOf(this.envelope(id)?.received ?? 0) }
  }

  #unplace(id: string, row: RowRecord): void {
    if (row.hold === undefined) this.ready.remove(id, row)
    else this.count({ held: -1 })
  }

  // ── hold rules, and what could not be read ──

  holdRules(): readonly HoldRule[] {
    return [...this.#rules.getRange({})]
      .map(({ value }) => value)
      .sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1))
  }

  addHoldRule(rule: HoldRule): void {
    this.#rules.put(rule.id, rule)
    this.count({})
  }

  removeHoldRule(id: string): boolean {
    if (!this.#rules.doesExist(id)) return false
    this.#rules.remove(id)
    this.count({})
    return true
  }

  brokenRows(): readonly BrokenRow[] {
    return [...this.#broken.getRange({ limit: MOST_BROKEN })].map(({ value }) => value)
  }

  // ── leases ──

  lease(token: string): Lease | undefined {
    return this.#leases.get(token)
  }

  setLease(token: string, lease: Lease): void {
    this.#leases.put(token, lease)
    this.#expiry.put([lease.until, token], 1)
  }

  endLease(token: string, { until }: Lease): void {
    this.#leases.remove(token)
    this.#expiry.remove([until, token])
  }

  /** Tokens of leases that have run out. */
  expired(now: number, limit: number): string[] {
    return [...this.#expiry.getKeys({ end: [now, AFTER_ALL], limit })].map(([, token]) => token)
  }

  // ── counters ──

  count(by: Partial<Omit<Totals, 'changes'>>): void {
    const { messages, rows, held, changes, indexes } = this.counters()
    this.#totals.put('queue', {
      messages: messages + (by.messages ?? 0),
      rows: rows + (by.rows ?? 0),
      held: held + (by.held ?? 0),
      changes: changes + 1,
      ...(indexes === undefined ? {} : { indexes }),
    })
  }

  counters(): Totals {
    return this.#totals.get('queue') ?? NO_TOTALS
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
    const { lease: _, since: __, ...row } = record
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

function isHeld<R extends RowRecord>(row: R): row is R & { readonly hold: string } {
  return row.hold !== undefined
}

/** Without the properties that are there but undefined: msgpack would keep them. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as T
}
