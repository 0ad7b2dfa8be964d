/**
 * The queue: claims with durable leases, and settling them together with all that follows from it. Every change is one transaction, so
 * several processes can claim from the same queue and no row goes out twice.
 */
import {
  type Acceptance,
  type Claimed,
  type ClaimOptions,
  MailError,
  type Queue,
  type QueueChange,
  type QueuedMessage,
  type QueueFilter,
  type QueueTotals,
  type RowChange,
  type SettleAlso,
  unreachable,
} from 'posthouse/api'
import type { LmdbBodies } from './bodies.js'
import { Claims, type HeldClaim } from './claims.js'
import type { Environment } from './environment.js'
import type { Filings } from './filings.js'
import { type HeldKey, heldKey } from './held.js'
import { checkQueueId, laneKey } from './keys.js'
import type { News } from './news.js'
import { fits } from './queue-filter.js'
import type { Lease, QueueRows, RowRecord } from './rows.js'
import type { LmdbTrail } from './trail.js'

/** What the queue needs of the rest of the store. */
export interface QueueParts {
  readonly env: Environment
  readonly rows: QueueRows
  readonly bodies: LmdbBodies
  readonly filings: Filings
  readonly trail: LmdbTrail
  readonly news: News
  /** Throws when an acceptance cannot be. */
  check(acceptance: Acceptance): void
  /** Carries a checked acceptance out, inside a write; resolves to what to tell. */
  apply(acceptance: Acceptance): readonly string[]
}

/** News of the queue. */
export const QUEUE_TOPIC = 'queue'
/** Expired leases given back in one claim, messages listed without a pause. */
const EXPIRY_STEP = 1000
const LIST_STEP = 200

export class LmdbQueue implements Queue {
  readonly #env: Environment
  readonly #rows: QueueRows
  readonly #claims: Claims
  readonly #parts: QueueParts
  readonly #now: () => number

  constructor(parts: QueueParts, now: () => number) {
    this.#env = parts.env
    this.#rows = parts.rows
    this.#claims = new Claims(parts.rows)
    this.#parts = parts
    this.#now = now
  }

  async claim(options: ClaimOptions): Promise<readonly Claimed[]> {
    this.#env.refresh()
    const { now, only, held: hold } = options
    const held = hold === undefined || only === undefined ? undefined : { lanes: only, hold }
    if (options.max <= 0) return []
    // An idle runner asks often: looking costs nothing, a transaction costs a flush.
    const any = held === undefined ? this.#rows.ready.anyDue(now) : this.#mayClaim(held, now)
    if (!any && this.#rows.expired(now, 1).length === 0) return []
    return this.#env.write(() => {
      this.#expire(now)
      if (held === undefined) return this.#claims.due(options)
      this.#rows.indexHeld()
      return this.#claims.held(options, held)
    })
  }

  async renew(token: string, until: number): Promise<boolean> {
    return this.#env.write(() => {
      const lease = this.#rows.lease(token)
      if (lease === undefined) return false
      this.#rows.endLease(token, lease)
      this.#rows.setLease(token, { ...lease, until })
      return true
    })
  }

  async release(token: string): Promise<void> {
    await this.#env.write(() => {
      this.#giveBack(token)
    })
    this.#tell()
  }

  async settle(token: string, changes: readonly RowChange[], also: SettleAlso = {}): Promise<void> {
    const { filings = [], follow = [], trail = [] } = also
    this.#parts.filings.check(filings)
    this.#parts.trail.check(trail)
    for (const acceptance of follow) this.#parts.check(acceptance)
    const told = await this.#env.write(() => {
      const lease = this.#rows.lease(token)
      if (lease === undefined) throw new MailError('lease-lost', `lease ${token} is not current`)
      const { bodyId: id, bodySize: size, cuts } = this.#rows.envelope(lease.id)!
      const followed = follow.flatMap(acceptance => this.#parts.apply(acceptance))
      this.#endLease(token, lease, changes)
      this.#parts.bodies.refer(id, filings.length)
      const told = this.#parts.filings.file(filings, { id, size, cuts })
      if (this.#rows.dropWhenEmpty(lease.id)) this.#parts.bodies.unrefer(id)
      this.#parts.trail.note(trail)
      return [...told, ...followed]
    })
    this.#tell(told)
  }

  async get(id: string): Promise<QueuedMessage | undefined> {
    this.#env.refresh()
    return this.#rows.view(checkQueueId(id), this.#now())
  }

  async *list(filter: QueueFilter = {}): AsyncIterable<QueuedMessage> {
    const { target, lane, held } = filter
    let left = filter.limit ?? Number.POSITIVE_INFINITY
    if (held === true && target !== undefined && lane !== undefined && filter.id === undefined) {
      for await (const message of this.#listHeld(filter, laneKey(target, lane))) {
        if (left-- <= 0) return
        yield message
      }
      return
    }
    let after: string | undefined
    while (left > 0) {
      this.#env.refresh()
      const ids = filter.id === undefined ? this.#rows.ids(after, LIST_STEP) : [checkQueueId(filter.id)]
      const messages = ids
        .flatMap(id => this.#rows.view(id, this.#now()) ?? [])
        .filter(message => fits(message, filter))
      yield* messages.slice(0, left)
      left -= messages.length
      if (ids.length < LIST_STEP) return
      after = ids.at(-1)
      await new Promise(setImmediate)
    }
  }

  async totals(): Promise<QueueTotals> {
    this.#env.refresh()
    return this.#rows.totals()
  }

  async change(id: string, change: QueueChange, rows?: readonly number[]): Promise<number> {
    checkQueueId(id)
    const changed = await this.#env.write(() => {
      this.#expire(this.#now())
      const chosen = rows === undefined ? undefined : new Set(rows)
      const free = this.#rows.rowsOf(id).filter(row => row.lease === undefined && (chosen?.has(row.row) ?? true))
      const changed = free.filter(row => this.#changeRow(id, row, change)).length
      const bodyId = this.#rows.envelope(id)?.bodyId
      if (bodyId !== undefined && this.#rows.dropWhenEmpty(id)) this.#parts.bodies.unrefer(bodyId)
      return changed
    })
    if (changed > 0) this.#tell()
    return changed
  }

  watch(listener: () => void): () => void {
    return this.#parts.news.watch(QUEUE_TOPIC, listener)
  }

  /** True also when the index is not to be relied on. */
  #mayClaim(held: HeldClaim, now: number): boolean {
    return !this.#rows.heldIndexed || this.#claims.anyIn(held, now)
  }

  /** What is held in one lane, by the index: each message at the first of its rows there. */
  async *#listHeld(filter: QueueFilter, lane: string): AsyncIterable<QueuedMessage> {
    if (!this.#rows.heldIndexed) await this.#env.write(() => this.#rows.indexHeld())
    let after: HeldKey | undefined
    for (;;) {
      this.#env.refresh()
      const keys = this.#rows.held.ofLane(lane, LIST_STEP, after)
      for (const key of keys) {
        const message = this.#rows.view(key[3], this.#now())
        if (message !== undefined && fits(message, filter) && isFirst(message, key)) yield message
      }
      if (keys.length < LIST_STEP) return
      after = keys.at(-1)
      await new Promise(setImmediate)
    }
  }

  // ── inside a write ──

  #expire(now: number): void {
    for (const token of this.#rows.expired(now, EXPIRY_STEP)) this.#giveBack(token)
  }

  #giveBack(token: string): void {
    const lease = this.#rows.lease(token)
    if (lease !== undefined) this.#endLease(token, lease, [])
  }

  #endLease(token: string, lease: Lease, changes: readonly RowChange[]): void {
    const wanted = new Map(changes.map(change => [change.row, change]))
    const rows = new Set(lease.rows)
    const stranger = changes.find(({ row }) => !rows.delete(row))
    if (stranger !== undefined)
      throw new MailError('internal', `row ${stranger.row} is not under lease ${token}, or named twice`)
    this.#rows.endLease(token, lease)
    for (const number of lease.rows) {
      const row = this.#rows.row(lease.id, number)
      if (row !== undefined) this.#applyRow(lease.id, row, wanted.get(number))
    }
    this.#rows.count({})
  }

  #applyRow(id: string, row: RowRecord, change: RowChange | undefined): void {
    if (change?.kind === 'done') this.#rows.remove(id, row)
    else this.#rows.giveBack(id, change === undefined ? row : this.#settled(row, change), row)
  }

  #settled(row: RowRecord, change: Exclude<RowChange, { readonly kind: 'done' }>): RowRecord {
    switch (change.kind) {
      case 'again': {
        const { due, status, text, remote } = change
        const last = { at: this.#now(), status, text, ...(remote === undefined ? {} : { remote }) }
        const warned = change.warned || row.warned ? { warned: true } : {}
        return { ...row, due, tries: row.tries + 1, last, ...warned }
      }
      case 'hold':
        return { ...row, hold: change.reason }
      default:
        return unreachable(change)
    }
  }

  /** Whether anything was done. */
  #changeRow(id: string, row: RowRecord, change: QueueChange): boolean {
    switch (change.kind) {
      case 'hold':
        this.#rows.replace(id, row, { ...row, hold: change.reason })
        return true
      case 'release': {
        const { hold, ...free } = row
        if (hold !== undefined) this.#rows.replace(id, row, free)
        return hold !== undefined
      }
      case 'retry':
        this.#rows.replace(id, row, { ...row, due: change.due })
        return true
      case 'drop':
        this.#rows.remove(id, row)
        return true
      default:
        return unreachable(change)
    }
  }

  #tell(told: readonly string[] = []): void {
    this.#parts.news.tell(new Set([QUEUE_TOPIC, ...told]))
  }
}

/** Whether this is the first key of the message in its lane. */
function isFirst({ id, rows }: QueuedMessage, key: HeldKey): boolean {
  return rows.every(row => {
    const { hold } = row
    if (hold === undefined || laneKey(row.target, row.lane) !== key[0]) return true
    const [, reason, due, , number] = heldKey(id, { ...row, hold })
    if (reason !== key[1]) return reason > key[1]
    return due !== key[2] ? due > key[2] : number >= key[4]
  })
}
