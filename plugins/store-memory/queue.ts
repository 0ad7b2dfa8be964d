/**
 * The queue in memory: messages, a row per recipient, and leases. A lease names its rows; an expired one gives them back
 * the next time anybody claims.
 */
import {
  type Acceptance,
  type Address,
  type BrokenRow,
  type Claimed,
  type ClaimOptions,
  type HoldRule,
  type LendWish,
  MailError,
  type NewMessage,
  type NewRow,
  type Queue,
  type QueueAudit,
  type QueueChange,
  type QueuedMessage,
  type QueueFilter,
  type QueueRow,
  type QueueShape,
  type QueueTotals,
  type RowChange,
  type SettleAlso,
  type ShapeWish,
  type TrailEntry,
  unreachable,
} from 'posthouse/api'
import { newId } from 'posthouse/text'
import type { MemoryBlobs } from './blobs.js'
import type { FiledBody, MemoryMail } from './mail.js'
import { inOrder, shapeOf } from './queue-views.js'
import type { MemoryTrail } from './trail.js'
import type { Watchers } from './watchers.js'

type Row = Omit<QueueRow, 'leased'>
type Envelope = Omit<QueuedMessage, 'rows'>

interface Message {
  readonly envelope: Envelope
  readonly rows: Map<number, Row>
}

interface Lease {
  readonly id: string
  readonly rows: readonly number[]
  until: number
}

/** What the queue needs of the rest of the store. */
interface Rest {
  readonly blobs: MemoryBlobs
  readonly mail: MemoryMail
  readonly trail: MemoryTrail
  readonly watchers: Watchers
  /** Checks an acceptance and gives the step that carries it out. */
  admit(acceptance: Acceptance): () => void
}

const TOPIC = 'queue'
const DEFAULT_MAX_ROWS = 100

export class MemoryQueue implements Queue {
  readonly #messages = new Map<string, Message>()
  readonly #leases = new Map<string, Lease>()
  readonly #rules = new Map<string, HoldRule>()
  readonly #now: () => number
  readonly #rest: Rest

  constructor(rest: Rest, now: () => number) {
    this.#rest = rest
    this.#now = now
  }

  has(id: string): boolean {
    return this.#messages.has(id)
  }

  add(message: NewMessage, rows: readonly NewRow[], body: FiledBody): void {
    const { body: _, ...facts } = message
    const envelope = { ...facts, bodyId: body.id, bodySize: body.size }
    this.#messages.set(message.id, { envelope, rows: new Map(rows.map(row => [row.row, { ...row, tries: 0 }])) })
    this.#rest.blobs.refer(body.id)
    this.#rest.watchers.tell(TOPIC)
  }

  /** Jobs of a message that was just added. */
  lend(id: string, wish: LendWish): readonly Claimed[] {
    const message = this.#messages.get(id)
    if (message === undefined) return []
    const claimed: Claimed[] = []
    const due = [...message.rows.values()].filter(row => claimable(row, wish.now))
    this.#take(
      wish,
      due.map(row => [message, row] as const),
      claimed,
      () => true,
    )
    return claimed
  }

  async claim(options: ClaimOptions): Promise<readonly Claimed[]> {
    const { now, max, only, leastTried = 0, mostTried = max } = options
    this.#expire(now)
    const claimed: Claimed[] = []
    const held = only === undefined ? undefined : options.held
    const due = this.#due(now, held)
    const tried = () => claimed.filter(({ rows }) => rows[0]!.tries > 0).length
    const mostNew = max - Math.min(max, leastTried, mostTried)
    const isNew = ({ tries }: Row) => held !== undefined || tries === 0
    const meant = (row: Row) => (isNew(row) ? claimed.length - tried() < mostNew : tried() < mostTried)
    this.#take(options, due, claimed, meant)
    // What nobody who was tried has come for.
    this.#take(options, due, claimed, isNew)
    return claimed
  }

  /** Until there are enough jobs, of rows that are `meant` as first ones. */
  #take(
    options: ClaimOptions,
    due: readonly (readonly [Message, Row])[],
    claimed: Claimed[],
    meant: (row: Row) => boolean,
  ): void {
    const { now, leaseMs, max, except, only, maxRows = DEFAULT_MAX_ROWS, perLane = Number.POSITIVE_INFINITY } = options
    const held = only === undefined ? undefined : options.held
    const taken = this.#leasedRows()
    const isFull = (lane: string) => claimed.filter(({ rows }) => laneOf(rows[0]!) === lane).length >= perLane
    for (const [message, row] of due) {
      if (claimed.length >= max) break
      const lane = laneOf(row)
      if (taken.has(rowKey(message, row)) || except?.has(lane) || only?.has(lane) === false) continue
      if (!meant(row) || (held === undefined && isFull(lane))) continue
      const like = groupOf(message, row)
      const rows = [...message.rows.values()].filter(
        other => claimable(other, now, held) && !taken.has(rowKey(message, other)) && groupOf(message, other) === like,
      )
      const chosen = rows.sort((a, b) => order(a, b)).slice(0, maxRows)
      for (const each of chosen) taken.add(rowKey(message, each))
      claimed.push(this.#lease(message, chosen, now + leaseMs))
    }
  }

  async renew(token: string, until: number): Promise<boolean> {
    const lease = this.#leases.get(token)
    if (lease === undefined) return false
    lease.until = until
    return true
  }

  async release(token: string): Promise<void> {
    if (this.#leases.delete(token)) this.#rest.watchers.tell(TOPIC)
  }

  async settle(token: string, changes: readonly RowChange[], also: SettleAlso = {}): Promise<void> {
    const lease = this.#leases.get(token)
    if (lease === undefined) throw new MailError('lease-lost', `lease ${token} is not current`)
    const open = new Set(lease.rows)
    const stranger = changes.find(({ row }) => !open.delete(row))
    if (stranger !== undefined)
      throw new MailError('internal', `row ${stranger.row} is not under lease ${token}, or named twice`)
    const { filings = [], rows = [], follow = [], trail = [] } = also
    this.#rest.mail.check(filings)
    const steps = follow.map(acceptance => this.#rest.admit(acceptance))
    const message = this.#messages.get(lease.id)!
    const { bodyId: id, bodySize: size, cuts } = message.envelope
    this.#leases.delete(token)
    this.#rest.mail.file(filings, { id, size, cuts })
    const first = Math.max(...message.rows.keys()) + 1
    for (const [at, row] of rows.entries()) message.rows.set(first + at, { ...row, row: first + at, tries: 0 })
    for (const change of changes) this.#apply(message, change)
    for (const step of steps) step()
    this.#rest.trail.note(trail)
    this.#dropWhenEmpty(message)
    this.#rest.watchers.tell(TOPIC)
  }

  async get(id: string): Promise<QueuedMessage | undefined> {
    const message = this.#messages.get(id)
    return message === undefined ? undefined : this.#view(message, this.#leasedRows(this.#now()))
  }

  async *list(filter: QueueFilter = {}): AsyncIterable<QueuedMessage> {
    const leased = this.#leasedRows(this.#now())
    let left = filter.limit ?? Number.POSITIVE_INFINITY
    const all = [...this.#messages.values()].map(message => this.#view(message, leased))
    for (const message of inOrder(all, filter, this.#now())) {
      if (left-- <= 0) return
      yield message
    }
  }

  async totals(): Promise<QueueTotals> {
    const leased = this.#leasedRows()
    const all = [...this.#messages.values()].flatMap(message =>
      [...message.rows.values()].map(row => ({ message, row })),
    )
    const dues = all
      .filter(({ message, row }) => row.hold === undefined && !leased.has(rowKey(message, row)))
      .map(({ row }) => row.due)
    const held = all.filter(({ message, row }) => row.hold !== undefined && !leased.has(rowKey(message, row))).length
    const totals = { messages: this.#messages.size, rows: all.length, held }
    return dues.length === 0 ? totals : { ...totals, nextDue: dues.reduce((a, b) => Math.min(a, b)) }
  }

  async shape(wish: ShapeWish): Promise<QueueShape> {
    return shapeOf(this.#all(wish.now), wish)
  }

  async change(
    id: string,
    change: QueueChange,
    rows?: readonly number[],
    trail: readonly TrailEntry[] = [],
  ): Promise<number> {
    this.#expire(this.#now())
    const message = this.#messages.get(id)
    if (message === undefined) return 0
    const leased = this.#leasedRows()
    const free = [...message.rows.values()].filter(
      row => !leased.has(rowKey(message, row)) && (rows?.includes(row.row) ?? true),
    )
    const changed = free.filter(row => changeRow(message.rows, row, change))
    this.#dropWhenEmpty(message)
    if (changed.length > 0) {
      this.#rest.trail.note(trail)
      this.#rest.watchers.tell(TOPIC)
    }
    return changed.length
  }

  async holdRules(): Promise<readonly HoldRule[]> {
    return [...this.#rules.values()].sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1))
  }

  async addHoldRule(rule: HoldRule): Promise<void> {
    this.#rules.set(rule.id, rule)
    this.#rest.watchers.tell(TOPIC)
  }

  async removeHoldRule(id: string): Promise<boolean> {
    const there = this.#rules.delete(id)
    if (there) this.#rest.watchers.tell(TOPIC)
    return there
  }

  async audit(now: number): Promise<QueueAudit> {
    const waiting = this.#all(now)
      .flatMap(({ rows }) => rows)
      .filter(row => row.hold === undefined && !row.leased)
    const due = waiting.map(row => row.due).filter(at => at < now)
    const { rows } = await this.totals()
    return { rows, adrift: 0, broken: 0, ...(due.length > 0 && { oldestDue: due.reduce((a, b) => Math.min(a, b)) }) }
  }

  /** Nothing in memory is read, so nothing is unreadable. */
  async broken(): Promise<readonly BrokenRow[]> {
    return []
  }

  #all(now: number): readonly QueuedMessage[] {
    const leased = this.#leasedRows(now)
    return [...this.#messages.values()].map(message => this.#view(message, leased))
  }

  watch(listener: () => void): () => void {
    return this.#rest.watchers.add(TOPIC, listener)
  }

  #due(now: number, held?: string): (readonly [Message, Row])[] {
    const due: (readonly [Message, Row])[] = []
    for (const message of this.#messages.values()) {
      for (const row of message.rows.values()) if (claimable(row, now, held)) due.push([message, row])
    }
    return due.sort(([, a], [, b]) => order(a, b))
  }

  #lease(message: Message, rows: readonly Row[], until: number): Claimed {
    const token = newId(Date.now())
    this.#leases.set(token, { id: message.envelope.id, rows: rows.map(({ row }) => row), until })
    return { token, message: message.envelope, rows: rows.map(row => ({ ...row, leased: true })), leaseUntil: until }
  }

  #expire(now: number): void {
    for (const [token, lease] of this.#leases) if (lease.until <= now) this.#leases.delete(token)
  }

  /** With `now`, only those whose lease still runs. */
  #leasedRows(now = Number.NEGATIVE_INFINITY): Set<string> {
    const leases = [...this.#leases.values()].filter(({ until }) => until > now)
    return new Set(leases.flatMap(({ id, rows }) => rows.map(row => `${row} ${id}`)))
  }

  #apply(message: Message, change: RowChange): void {
    const row = message.rows.get(change.row)!
    switch (change.kind) {
      case 'done':
        message.rows.delete(change.row)
        return
      case 'again': {
        const { due, status, text, remote, class: meant } = change
        const said = { at: this.#now(), status, text, ...(meant === undefined ? {} : { class: meant }) }
        const warned = change.warned || row.warned ? { warned: true } : {}
        const { wait, ...rest } = row
        if (change.untried) {
          const waits = { ...said, since: wait?.since ?? said.at }
          message.rows.set(change.row, { ...row, due, wait: waits, ...warned })
          return
        }
        const last = { ...said, ...(remote === undefined ? {} : { remote }) }
        message.rows.set(change.row, { ...rest, due, tries: row.tries + 1, last, ...warned })
        return
      }
      case 'hold':
        message.rows.set(change.row, { ...row, hold: change.reason })
        return
      default:
        unreachable(change)
    }
  }

  #dropWhenEmpty(message: Message): void {
    if (message.rows.size > 0) return
    this.#messages.delete(message.envelope.id)
    this.#rest.blobs.unrefer(message.envelope.bodyId)
  }

  #view(message: Message, leased: ReadonlySet<string>): QueuedMessage {
    const rows = [...message.rows.values()].sort((a, b) => a.row - b.row)
    return { ...message.envelope, rows: rows.map(row => ({ ...row, leased: leased.has(rowKey(message, row)) })) }
  }
}

function rowKey(message: Message, { row }: Row): string {
  return `${row} ${message.envelope.id}`
}

function laneOf({ target, lane }: Row): string {
  return `${target}/${lane}`
}

function claimable(row: Row, now: number, held?: string): boolean {
  return (row.hold === undefined || row.hold === held) && row.due <= now
}

function order(a: Row, b: Row): number {
  return b.priority - a.priority || Number(a.tries > 0) - Number(b.tries > 0) || a.due - b.due
}

/** Rows that may go out together. */
function groupOf(message: Message, { target, lane, sender, prefix, verdict }: Row): string {
  const from = addressOf(sender === undefined ? message.envelope.sender : sender)
  return JSON.stringify([target, lane, from, prefix, verdict !== undefined])
}

function redirected(row: Row, { to, target, lane, detail }: Extract<QueueChange, { kind: 'redirect' }>): Row {
  const { hold: _, last: __, wait: ___, verdict: ____, ...rest } = row
  return { ...rest, to, target, lane, detail, due: 0, tries: 0 }
}

/** Resolves to whether anything was done. */
function changeRow(rows: Map<number, Row>, row: Row, change: QueueChange): boolean {
  switch (change.kind) {
    case 'hold':
      rows.set(row.row, { ...row, hold: change.reason })
      return true
    case 'release': {
      const { hold, ...free } = row
      rows.set(row.row, free)
      return hold !== undefined
    }
    case 'retry':
      rows.set(row.row, { ...row, due: change.due })
      return true
    case 'drop':
      return rows.delete(row.row)
    case 'fail': {
      const { hold: _, ...free } = row
      rows.set(row.row, { ...free, due: 0, verdict: change.verdict })
      return true
    }
    case 'redirect':
      rows.set(row.row, redirected(row, change))
      return true
    default:
      return unreachable(change)
  }
}

function addressOf(address: Address | null): string {
  return address === null ? '<>' : `${address.local}@${address.domain}`
}
