/**
 * The queue: claims with durable leases, and settling them together with all that follows from it. Every change is one transaction, so
 * several processes can claim from the same queue and no row goes out twice.
 */
import {
  type Acceptance,
  type BrokenRow,
  type Claimed,
  type ClaimOptions,
  type HoldRule,
  MailError,
  type Queue,
  type QueueAudit,
  type QueueChange,
  type QueuedMessage,
  type QueueFilter,
  type QueueShape,
  type QueueTotals,
  type RowChange,
  type SettleAlso,
  type ShapeWish,
  type TrailEntry,
  unreachable,
} from 'posthouse/api'
import type { LmdbBodies } from './bodies.js'
import type { Broken } from './broken.js'
import { Claims } from './claims.js'
import type { Environment } from './environment.js'
import type { Filings } from './filings.js'
import { isQueueId } from './keys.js'
import type { News } from './news.js'
import type { Quarantine } from './quarantine.js'
import { audited } from './queue-audit.js'
import { listed } from './queue-list.js'
import { IndexDamaged } from './ready.js'
import type { Lease, RowRecord } from './records.js'
import type { QueueRows } from './rows.js'
import type { LmdbTrail } from './trail.js'

/** What an acceptance came to. */
export interface Accepted {
  /** Whom to tell of it. */
  readonly told: readonly string[]
  /** Lent out at once. */
  readonly jobs: readonly Claimed[]
}

/** What the queue needs of the rest of the store. */
export interface QueueParts {
  readonly env: Environment
  readonly rows: QueueRows
  readonly quarantine: Quarantine
  readonly broken: Broken
  readonly bodies: LmdbBodies
  readonly filings: Filings
  readonly trail: LmdbTrail
  readonly news: News
  /** Throws when an acceptance cannot be. */
  check(acceptance: Acceptance): void
  /** Carries a checked acceptance out, inside a write. */
  apply(acceptance: Acceptance): Pick<Accepted, 'told'>
}

/** News of the queue. */
export const QUEUE_TOPIC = 'queue'
/** Expired leases given back in one claim. */
const EXPIRY_STEP = 1000

export class LmdbQueue implements Queue {
  readonly #env: Environment
  readonly #rows: QueueRows
  readonly #claims: Claims
  readonly #parts: QueueParts
  readonly #now: () => number

  constructor(parts: QueueParts, now: () => number) {
    this.#env = parts.env
    this.#rows = parts.rows
    this.#claims = new Claims(parts.rows, parts.quarantine)
    this.#parts = parts
    this.#now = now
  }

  async claim(options: ClaimOptions): Promise<readonly Claimed[]> {
    try {
      return await this.#claim(options)
    } catch (error) {
      if (!(error instanceof IndexDamaged)) throw error
      await this.#env.write(() => this.#rows.doubtIndexes())
      return this.#claim(options)
    }
  }

  async #claim(options: ClaimOptions): Promise<readonly Claimed[]> {
    this.#env.refresh()
    const { now, only, held: hold } = options
    const held = hold === undefined || only === undefined ? undefined : { lanes: only, hold }
    if (options.max <= 0) return []
    // An idle runner asks often: looking costs nothing, a transaction costs a flush.
    const any =
      !this.#rows.indexed || (held === undefined ? this.#claims.anyDue(options) : this.#claims.anyIn(held, now))
    if (!any && this.#rows.expired(now, 1).length === 0) return []
    return this.#env.write(() => {
      this.#expire(now)
      this.#rows.makeIndexes()
      return held === undefined ? this.#claims.due(options) : this.#claims.held(options, held)
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
    const { filings = [], rows = [], follow = [], trail = [] } = also
    this.#parts.filings.check(filings)
    this.#parts.trail.check(trail)
    for (const acceptance of follow) this.#parts.check(acceptance)
    // Its place is free already, and nobody is told.
    const alone = filings.length + rows.length + follow.length === 0
    const later = alone && changes.length > 0 && changes.every(({ kind }) => kind === 'done')
    const settle = () => {
      const lease = this.#rows.lease(token)
      if (lease === undefined) throw new MailError('lease-lost', `lease ${token} is not current`)
      const envelope = this.#rows.lent(token)?.envelope ?? this.#rows.envelope(lease.id)
      if (envelope === undefined) throw new MailError('lease-lost', `message ${lease.id} cannot be read any more`)
      const { bodyId: id, bodySize: size, cuts } = envelope
      const followed = follow.flatMap(acceptance => this.#parts.apply(acceptance).told)
      // Above those that go with this very step: a number is one row's in a trail that people read.
      if (rows.length > 0) this.#rows.addRows(envelope, rows)
      this.#endLease(token, lease, changes)
      if (filings.length > 0) this.#parts.bodies.mustBeWhole(id)
      this.#parts.bodies.refer(id, filings.length)
      const told = this.#parts.filings.file(filings, { id, size, cuts })
      const all = changes.length === lease.rows.length && changes.every(({ kind }) => kind === 'done')
      const done = all && rows.length === 0
      if (this.#rows.dropWhenEmpty(lease.id, done && lease.whole === true)) this.#parts.bodies.unrefer(id)
      this.#parts.trail.note(trail)
      // Where everything is done, nothing has become due.
      return [...(done ? [] : [QUEUE_TOPIC]), ...told, ...followed]
    }
    const told = await this.#env.write(settle, later ? 'later' : 'now')
    this.#parts.news.tell(told)
    if (filings.length > 0 || follow.length > 0) this.#parts.news.arrived(told)
  }

  async get(id: string): Promise<QueuedMessage | undefined> {
    this.#env.refresh()
    return isQueueId(id) ? this.#rows.view(id, this.#now()) : undefined
  }

  async *list(filter: QueueFilter = {}): AsyncIterable<QueuedMessage> {
    if (!this.#rows.indexed) await this.#env.write(() => this.#rows.makeIndexes())
    yield* listed(this.#env, this.#rows, filter, this.#now())
  }

  async shape(wish: ShapeWish): Promise<QueueShape> {
    if (!this.#rows.indexed) await this.#env.write(() => this.#rows.makeIndexes())
    this.#env.refresh()
    return this.#rows.census.shape(wish)
  }

  async totals(): Promise<QueueTotals> {
    this.#env.refresh()
    return this.#rows.totals()
  }

  async change(
    id: string,
    change: QueueChange,
    rows?: readonly number[],
    trail: readonly TrailEntry[] = [],
  ): Promise<number> {
    if (!isQueueId(id)) return 0
    this.#parts.trail.check(trail)
    const changed = await this.#env.write(() => {
      this.#expire(this.#now())
      const chosen = rows === undefined ? undefined : new Set(rows)
      const free = this.#rows.rowsOf(id).filter(row => row.lease === undefined && (chosen?.has(row.row) ?? true))
      const changed = free.filter(row => this.#changeRow(id, row, change)).length
      const bodyId = this.#rows.envelope(id)?.bodyId
      if (bodyId !== undefined && this.#rows.dropWhenEmpty(id)) this.#parts.bodies.unrefer(bodyId)
      if (changed > 0) this.#parts.trail.note(trail)
      return changed
    })
    if (changed > 0) this.#tell()
    return changed
  }

  async holdRules(): Promise<readonly HoldRule[]> {
    this.#env.refresh()
    return this.#rows.rules.all()
  }

  async addHoldRule(rule: HoldRule): Promise<void> {
    await this.#env.write(() => {
      this.#rows.rules.add(rule)
      this.#rows.count({})
    })
    this.#tell()
  }

  async removeHoldRule(id: string): Promise<boolean> {
    const there = await this.#env.write(() => {
      const removed = this.#rows.rules.remove(id)
      if (removed) this.#rows.count({})
      return removed
    })
    if (there) this.#tell()
    return there
  }

  audit(now: number): Promise<QueueAudit> {
    return audited(this.#env, this.#rows, this.#parts, now)
  }

  async broken(): Promise<readonly BrokenRow[]> {
    await this.#parts.quarantine.settled()
    this.#env.refresh()
    return this.#parts.broken.list()
  }

  watch(listener: () => void): () => void {
    return this.#parts.news.watch(QUEUE_TOPIC, listener)
  }

  // ── inside a write ──

  #expire(now: number): void {
    for (const token of this.#rows.expired(now, EXPIRY_STEP)) {
      if (this.#rows.lease(token) !== undefined) this.#giveBack(token)
      else {
        this.#parts.quarantine.putAside([{ kind: 'lease', token }])
        // Its rows are looked for.
        this.#parts.quarantine.note({ kind: 'lease', token })
      }
    }
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
    const known = this.#rows.lent(token)?.rows
    this.#rows.endLease(token, lease)
    for (const number of lease.rows) {
      const row = known?.find(one => one.row === number) ?? this.#rows.row(lease.id, number)
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
        const { due, status, text, remote, class: meant } = change
        const said = { at: this.#now(), status, text, ...(meant === undefined ? {} : { class: meant }) }
        const warned = change.warned || row.warned ? { warned: true } : {}
        const { wait, ...rest } = row
        if (change.untried) return { ...row, due, wait: { ...said, since: wait?.since ?? said.at }, ...warned }
        const last = { ...said, ...(remote === undefined ? {} : { remote }) }
        return { ...rest, due, tries: row.tries + 1, last, ...warned }
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
      case 'fail': {
        const { hold: _, ...free } = row
        this.#rows.replace(id, row, { ...free, due: 0, verdict: change.verdict })
        return true
      }
      case 'redirect':
        this.#rows.replace(id, row, redirected(row, change))
        return true
      default:
        return unreachable(change)
    }
  }

  #tell(): void {
    this.#parts.news.tell([QUEUE_TOPIC])
  }
}

function redirected(row: RowRecord, change: Extract<QueueChange, { kind: 'redirect' }>): RowRecord {
  const { hold: _, last: __, wait: ___, verdict: ____, ...rest } = row
  const { to, target, lane, detail } = change
  return { ...rest, to, target, lane, detail, due: 0, tries: 0 }
}
