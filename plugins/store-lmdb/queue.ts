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
import { newId } from 'posthouse/text'
import type { LmdbBodies } from './bodies.js'
import type { Environment } from './environment.js'
import type { Filings } from './filings.js'
import { checkQueueId, laneKey, RANKS } from './keys.js'
import type { News } from './news.js'
import { addressOf, fits } from './queue-filter.js'
import type { HeadKey } from './ready.js'
import type { Envelope, Lease, QueueRows, RowRecord } from './rows.js'
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
const DEFAULT_MAX_ROWS = 100
const MANY_ROWS = 500
/** Lanes looked at in one step, expired leases given back in one claim, messages listed without a pause. */
const LANE_STEP = 32
const EXPIRY_STEP = 1000
const LIST_STEP = 200

export class LmdbQueue implements Queue {
  readonly #env: Environment
  readonly #rows: QueueRows
  readonly #parts: QueueParts
  readonly #now: () => number

  constructor(parts: QueueParts, now: () => number) {
    this.#env = parts.env
    this.#rows = parts.rows
    this.#parts = parts
    this.#now = now
  }

  async claim(options: ClaimOptions): Promise<readonly Claimed[]> {
    this.#env.refresh()
    // An idle runner asks often: looking costs nothing, a transaction costs a flush.
    const idle = !this.#rows.ready.anyDue(options.now) && this.#rows.expired(options.now, 1).length === 0
    if (options.max <= 0) return []
    if (options.held !== undefined && options.only !== undefined) return this.#claimHeld(options, options.only)
    if (idle) return []
    return this.#env.write(() => {
      this.#expire(options.now)
      return this.#claimDue(options)
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
    let left = filter.limit ?? Number.POSITIVE_INFINITY
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

  /**
   * Held rows stand in no index, as nobody claims them but a client that comes for its mail. The queue is looked through outside of
   * writes, a step at a time; only messages that seem to fit are looked at again inside of one.
   */
  async #claimHeld(options: ClaimOptions, only: ReadonlySet<string>): Promise<readonly Claimed[]> {
    const claimed: Claimed[] = []
    let after: string | undefined
    while (claimed.length < options.max) {
      this.#env.refresh()
      const ids = this.#rows.ids(after, LIST_STEP)
      const likely = ids.filter(id => this.#rows.rowsOf(id, MANY_ROWS).some(row => fitsClaim(row, options, only)))
      if (likely.length > 0)
        claimed.push(...(await this.#env.write(() => this.#claimOf(likely, options, only, claimed.length))))
      if (ids.length < LIST_STEP) break
      after = ids.at(-1)
      await new Promise(setImmediate)
    }
    return claimed
  }

  // ── inside a write ──

  #claimOf(ids: readonly string[], options: ClaimOptions, only: ReadonlySet<string>, have: number): Claimed[] {
    const { now, leaseMs, max, maxRows = DEFAULT_MAX_ROWS } = options
    this.#expire(now)
    const claimed: Claimed[] = []
    for (const id of ids) {
      const envelope = this.#rows.envelope(id)
      let open = this.#rows.rowsOf(id).filter(row => row.lease === undefined && fitsClaim(row, options, only))
      while (envelope !== undefined && open.length > 0 && have + claimed.length < max) {
        const rows = open.filter(row => goesWith(envelope, open[0]!, row)).slice(0, maxRows)
        claimed.push(this.#lend(envelope, rows, now + leaseMs))
        open = open.filter(row => !rows.includes(row))
      }
    }
    return claimed
  }

  #lend(envelope: Envelope, rows: readonly RowRecord[], until: number): Claimed {
    const token = newId(Date.now())
    for (const row of rows) this.#rows.lend(envelope.id, row, token)
    this.#rows.setLease(token, { id: envelope.id, rows: rows.map(({ row }) => row), until })
    return { token, message: envelope, rows: rows.map(row => ({ ...row, leased: true })), leaseUntil: until }
  }

  #claimDue({ now, leaseMs, max, except, only, maxRows = DEFAULT_MAX_ROWS }: ClaimOptions): Claimed[] {
    const claimed: Claimed[] = []
    const busy = new Set([...(except ?? [])].map(laneOfPath))
    const wanted = only === undefined ? undefined : new Set([...only].map(laneOfPath))
    for (let rank = 0; rank < RANKS; rank++) {
      let place: { readonly from?: HeadKey; readonly after?: HeadKey } = {}
      while (claimed.length < max) {
        const lanes = this.#rows.ready.dueLanes(rank, now, LANE_STEP, place)
        const head = lanes.find(([, , lane]) => !busy.has(lane) && wanted?.has(lane) !== false)
        if (head === undefined && lanes.length < LANE_STEP) break
        // A claim moves its lane further down the list, never up: what has been passed over stays behind us.
        place = head === undefined ? { after: lanes.at(-1)! } : { from: head }
        if (head !== undefined) claimed.push(this.#claimLane(head, now, now + leaseMs, maxRows))
      }
    }
    return claimed
  }

  /** Takes the first row of a lane and all that may go with it. */
  #claimLane([rank, , lane]: HeadKey, now: number, until: number, maxRows: number): Claimed {
    const [, , , id, number] = this.#rows.ready.first(lane, rank)!
    const envelope = this.#rows.envelope(id)!
    const first = this.#rows.row(id, number)!
    const rows = this.#candidates(id, lane, rank, now)
      .filter(row => row.lease === undefined && row.hold === undefined && row.due <= now)
      .filter(row => goesWith(envelope, first, row))
      .sort((a, b) => b.priority - a.priority || a.due - b.due)
      .slice(0, maxRows)
    return this.#lend(envelope, rows, until)
  }

  /** All rows of the message; of one with very many only those next in the lane, or each of its hundred claims would read them all. */
  #candidates(id: string, lane: string, rank: number, now: number): RowRecord[] {
    const all = this.#rows.rowsOf(id, MANY_ROWS)
    if (all.length < MANY_ROWS) return all
    return this.#rows.ready
      .due(lane, rank, now, MANY_ROWS)
      .filter(([, , , other]) => other === id)
      .flatMap(([, , , , number]) => this.#rows.row(id, number) ?? [])
  }

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
    else this.#rows.giveBack(id, change === undefined ? row : this.#settled(row, change))
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

function fitsClaim(row: RowRecord, { now, held, except }: ClaimOptions, only: ReadonlySet<string>): boolean {
  const lane = `${row.target}/${row.lane}`
  return (row.hold === undefined || row.hold === held) && row.due <= now && only.has(lane) && except?.has(lane) !== true
}

/** Rows that may go out together. */
function goesWith(message: Envelope, one: RowRecord, other: RowRecord): boolean {
  return (
    one.row === other.row ||
    (one.target === other.target &&
      one.lane === other.lane &&
      one.prefix === other.prefix &&
      senderOf(message, one) === senderOf(message, other))
  )
}

function senderOf(message: Envelope, { sender }: RowRecord): string {
  return addressOf(sender === undefined ? message.sender : sender)
}

/** `target/lane` as the index names it; targets have no slash in their names. */
function laneOfPath(path: string): string {
  const slash = path.indexOf('/')
  return laneKey(path.slice(0, slash), path.slice(slash + 1))
}
