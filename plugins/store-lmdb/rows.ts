/**
 * Messages and recipient rows of the queue as they lie in the store, with the index of what is ready and the counters kept in step.
 * Everything but the views belongs inside a write.
 */
import type { Database } from 'lmdb'
import type { NewMessage, NewRow, QueuedMessage, QueueRow, QueueTotals } from 'posthouse/api'
import { type Environment, firstKey } from './environment.js'
import { HeldIndex } from './held.js'
import { AFTER_ALL, under } from './keys.js'
import { ReadyIndex } from './ready.js'

export type Envelope = Omit<QueuedMessage, 'rows'>

/** A row at rest; `lease` names the lease it is under. */
export type RowRecord = Omit<QueueRow, 'leased'> & { readonly lease?: string }

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
   * The index of held rows has all of them. A version that does not know the index leaves this out when it writes the counters, and so with
   * its first change of the queue: then the index is made anew before it is used. Neither the old nor the new data has to be refused.
   */
  readonly heldIndex?: typeof HELD_INDEX
}

/** Another number for another index. */
const HELD_INDEX = 1

type RowKey = [id: string, row: number]
type ExpiryKey = [until: number, token: string]

const NO_TOTALS: Totals = { messages: 0, rows: 0, held: 0, changes: 0, heldIndex: HELD_INDEX }

export class QueueRows {
  readonly ready: ReadyIndex
  readonly held: HeldIndex
  readonly #messages: Database<Envelope, string>
  readonly #rows: Database<RowRecord, RowKey>
  readonly #leases: Database<Lease, string>
  readonly #expiry: Database<number, ExpiryKey>
  readonly #totals: Database<Totals, string>

  constructor(env: Environment) {
    this.ready = new ReadyIndex(env)
    this.held = new HeldIndex(env)
    this.#messages = env.database('messages')
    this.#rows = env.database('rows')
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
    for (const row of rows) {
      const record = defined({ ...row, tries: 0 })
      this.#rows.put([message.id, row.row], record)
      if (isHeld(record)) this.held.add(message.id, record)
      else this.ready.add(message.id, record)
    }
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
    this.count({ rows: -1 })
  }

  get heldIndexed(): boolean {
    return this.counters().heldIndex === HELD_INDEX
  }

  /** Makes the index of held rows anew when it is not to be relied on. */
  indexHeld(): void {
    if (this.heldIndexed) return
    this.held.clear()
    for (const { key, value } of this.#rows.getRange({})) if (isHeld(value)) this.held.add(key[0], value)
    this.#totals.put('queue', { ...this.counters(), heldIndex: HELD_INDEX })
  }

  #unplace(id: string, row: RowRecord): void {
    if (row.hold === undefined) this.ready.remove(id, row)
    else this.count({ held: -1 })
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
    const { messages, rows, held, changes, heldIndex } = this.counters()
    this.#totals.put('queue', {
      messages: messages + (by.messages ?? 0),
      rows: rows + (by.rows ?? 0),
      held: held + (by.held ?? 0),
      changes: changes + 1,
      ...(heldIndex === undefined ? {} : { heldIndex }),
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

  viewRow({ lease, ...row }: RowRecord, now: number): QueueRow {
    return { ...row, leased: lease !== undefined && (this.lease(lease)?.until ?? 0) > now }
  }
}

function isHeld<R extends RowRecord>(row: R): row is R & { readonly hold: string } {
  return row.hold !== undefined
}

/** Without the properties that are there but undefined: msgpack would keep them. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as T
}
