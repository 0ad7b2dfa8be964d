/**
 * The queue in memory: messages, a row per recipient, and leases. A lease names its rows; an expired one gives them back
 * the next time anybody claims.
 */
import {
  type Acceptance,
  type Address,
  type Claimed,
  type ClaimOptions,
  MailError,
  type NewMessage,
  type NewRow,
  type Queue,
  type QueueChange,
  type QueuedMessage,
  type QueueFilter,
  type QueueRow,
  type QueueTotals,
  type RowChange,
  type SettleAlso,
  unreachable,
} from 'posthouse/api'
import { newId } from 'posthouse/text'
import type { MemoryBlobs } from './blobs.js'
import type { FiledBody, MemoryMail } from './mail.js'
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

  async claim(options: ClaimOptions): Promise<readonly Claimed[]> {
    const { now, leaseMs, max, except, only, maxRows = DEFAULT_MAX_ROWS } = options
    const held = only === undefined ? undefined : options.held
    this.#expire(now)
    const claimed: Claimed[] = []
    const taken = this.#leasedRows()
    for (const [message, row] of this.#due(now, held)) {
      if (claimed.length >= max) break
      const lane = `${row.target}/${row.lane}`
      if (taken.has(rowKey(message, row)) || except?.has(lane) || only?.has(lane) === false) continue
      const like = groupOf(message, row)
      const rows = [...message.rows.values()].filter(
        other => claimable(other, now, held) && !taken.has(rowKey(message, other)) && groupOf(message, other) === like,
      )
      const chosen = rows.sort((a, b) => order(a, b)).slice(0, maxRows)
      for (const each of chosen) taken.add(rowKey(message, each))
      claimed.push(this.#lease(message, chosen, now + leaseMs))
    }
    return claimed
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
    const { filings = [], follow = [], trail = [] } = also
    this.#rest.mail.check(filings)
    const steps = follow.map(acceptance => this.#rest.admit(acceptance))
    const message = this.#messages.get(lease.id)!
    const { bodyId: id, bodySize: size, cuts } = message.envelope
    this.#leases.delete(token)
    this.#rest.mail.file(filings, { id, size, cuts })
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
    for (const message of [...this.#messages.values()].sort((a, b) => (a.envelope.id < b.envelope.id ? -1 : 1))) {
      if (!fits(message, filter)) continue
      if (left-- <= 0) return
      yield this.#view(message, leased)
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

  async change(id: string, change: QueueChange, rows?: readonly number[]): Promise<number> {
    this.#expire(this.#now())
    const message = this.#messages.get(id)
    if (message === undefined) return 0
    const leased = this.#leasedRows()
    const free = [...message.rows.values()].filter(
      row => !leased.has(rowKey(message, row)) && (rows?.includes(row.row) ?? true),
    )
    const changed = free.filter(row => changeRow(message.rows, row, change))
    this.#dropWhenEmpty(message)
    if (changed.length > 0) this.#rest.watchers.tell(TOPIC)
    return changed.length
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
        const { due, status, text, remote } = change
        const last = { at: this.#now(), status, text, ...(remote === undefined ? {} : { remote }) }
        const warned = change.warned || row.warned ? { warned: true } : {}
        message.rows.set(change.row, { ...row, due, tries: row.tries + 1, last, ...warned })
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

function claimable(row: Row, now: number, held?: string): boolean {
  return (row.hold === undefined || row.hold === held) && row.due <= now
}

function order(a: Row, b: Row): number {
  return b.priority - a.priority || a.due - b.due
}

/** Rows that may go out together. */
function groupOf(message: Message, { target, lane, sender, prefix }: Row): string {
  return JSON.stringify([target, lane, addressOf(sender === undefined ? message.envelope.sender : sender), prefix])
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
    default:
      return unreachable(change)
  }
}

function fits(message: Message, filter: QueueFilter): boolean {
  if (filter.id !== undefined && message.envelope.id !== filter.id) return false
  if (filter.sender !== undefined && !matches(message.envelope.sender, filter.sender)) return false
  return [...message.rows.values()].some(
    row =>
      (filter.recipient === undefined || matches(row.to, filter.recipient)) &&
      (filter.target === undefined || row.target === filter.target) &&
      (filter.lane === undefined || row.lane === filter.lane) &&
      (filter.held === undefined || (row.hold !== undefined) === filter.held),
  )
}

/** `local@domain`, `@domain` or `<>`. */
function matches(address: Address | null, wish: string): boolean {
  const full = addressOf(address).toLowerCase()
  const wanted = wish.toLowerCase()
  return wanted.startsWith('@') ? full.endsWith(wanted) : full === wanted
}

function addressOf(address: Address | null): string {
  return address === null ? '<>' : `${address.local}@${address.domain}`
}
